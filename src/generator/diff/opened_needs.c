/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/opened_needs.h"

#include <string.h>

#include "base/text.h"

static uint64_t bytes_of(const struct swb_extent *extents, size_t n)
{
        uint64_t blocks = 0;

        for (size_t i = 0; i < n; i++)
                blocks += extents[i].n_blocks;
        return blocks * SWB_BLOCK_BYTES;
}

static void add_name(struct swb_needs *needs, const char *name)
{
        size_t n = strlen(needs->encoders);

        if (!swb_has_word(needs->encoders, name))
                (void)snprintf(needs->encoders + n, sizeof(needs->encoders) - n, "%s%s",
                               n > 0 ? " " : "", name);
}

/* inner_bytes: of the difference, and what its inner one needs. */
static void add_head(struct swb_needs *needs, const struct swb_open_head *head,
                     uint64_t open_memory_bytes, uint64_t inner_bytes)
{
        const struct swb_open_needs more = swb_open_needs(head, open_memory_bytes, inner_bytes);

        needs->memory_bytes = SWB_MAX(needs->memory_bytes, more.memory_bytes);
        needs->scratch_bytes = SWB_MAX(needs->scratch_bytes, more.scratch_bytes);
        for (unsigned k = 0; k < head->n_layers; k++)
                for (size_t i = 0; i < head->layers[k].new.n_settings; i++) {
                        char name[SWB_ENCODERS_TEXT_MAX];

                        swb_setting_name(&head->layers[k].new.settings[i], name);
                        add_name(needs, name);
                }
}

/* Return: 1, it has opened contents; 0; FORMAT, NO_MEMORY. */
static int add_data(struct swb_needs *needs, uint64_t open_memory_bytes,
                    const struct swb_operation *op, const uint8_t *data, struct swb_error *err)
{
        _cleanup_(swb_open_head_done) struct swb_open_head head = {0};
        int r;

        if (!swb_open_is_wrapped(data, (size_t)op->data_length))
                return 0;
        r = swb_open_head_read(data, (size_t)op->data_length, bytes_of(op->src, op->n_src),
                               bytes_of(op->dst, op->n_dst), &head);
        if (r < 0)
                return swb_fail(err, r, SWB_FAULT_FORMAT,
                                "the recipes of an operation's opened contents can't be read");
        add_head(needs, &head, open_memory_bytes,
                 op->data_length + swb_open_inner_needs(&head, data, (size_t)op->data_length));
        return 1;
}

static int add_operation(struct swb_needs *needs, uint64_t open_memory_bytes,
                         const struct swb_operation *op, const struct swb_spool *spool,
                         struct swb_error *err)
{
        _cleanup_free_ uint8_t *data = malloc((size_t)op->data_length);
        int r;

        if (!data)
                return swb_oom(err);
        r = swb_spool_read(spool, op->data_offset, data, (size_t)op->data_length, err);
        return r < 0 ? r : add_data(needs, open_memory_bytes, op, data, err);
}

int swb_opened_needs_add(struct swb_needs *needs, uint64_t open_memory_bytes,
                         const struct swb_operation_list *list, const struct swb_spool *spool,
                         struct swb_error *err)
{
        int n = 0;

        for (size_t i = 0; i < list->n; i++) {
                int r = 0;

                if (list->items[i].type == SWB_OP_SWDIFF && list->items[i].data_length > 0)
                        r = add_operation(needs, open_memory_bytes, &list->items[i], spool, err);
                if (r < 0)
                        return r;
                n += r;
        }
        return n;
}
