/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/closed_weigh.h"

#include <string.h>

#include "open/wrapper.h"

/* Less than one part in this many of a content is no surprise. */
#define LARGE_SHARE 16u
#define NOBODY 0u
#define HEAD_BYTES ((size_t)16)

struct weighing {
        struct swb_closed_list *list;
        uint32_t *owner; /* of each block: content + 1, or NOBODY */
        uint64_t n_blocks;
        uint64_t *counts; /* blocks of the operation at work, by owner */
};

static void weighing_done(struct weighing *w)
{
        free(w->owner);
        free(w->counts);
}

static int weighing_init(struct weighing *w, struct swb_closed_list *list, uint64_t n_blocks)
{
        *w = (struct weighing){.list = list, .n_blocks = n_blocks};
        w->owner = calloc(n_blocks + 1, sizeof(*w->owner));
        w->counts = calloc(list->n + 1, sizeof(*w->counts));
        if (!w->owner || !w->counts)
                return -ENOMEM;
        for (size_t i = 0; i < list->n; i++)
                for (size_t k = 0; k < list->items[i].blocks.n; k++) {
                        const struct swb_extent *e = &list->items[i].blocks.items[k];

                        for (uint64_t b = 0; b < e->n_blocks && e->start_block + b < n_blocks; b++)
                                w->owner[e->start_block + b] = (uint32_t)i + 1;
                }
        return 0;
}

/* Return: how many blocks it writes. */
static uint64_t count_blocks(struct weighing *w, const struct swb_operation *op)
{
        uint64_t n = 0;

        memset(w->counts, 0, (w->list->n + 1) * sizeof(*w->counts));
        for (size_t i = 0; i < op->n_dst; i++) {
                const struct swb_extent *e = &op->dst[i];

                n += e->n_blocks;
                for (uint64_t b = 0; b < e->n_blocks && e->start_block < w->n_blocks - b; b++)
                        w->counts[w->owner[e->start_block + b]]++;
        }
        return n;
}

/* Return: 0, 1; IO. */
static int is_opened(const struct swb_operation *op, const struct swb_spool *spool,
                     struct swb_error *err)
{
        uint8_t head[HEAD_BYTES];
        int r;

        if (op->type != SWB_OP_SWDIFF || op->data_length < sizeof(head))
                return 0;
        r = swb_spool_read(spool, op->data_offset, head, sizeof(head), err);
        return r < 0 ? r : swb_open_is_wrapped(head, sizeof(head));
}

static int add_operation(struct weighing *w, const struct swb_operation *op,
                         const struct swb_spool *spool, struct swb_error *err)
{
        uint64_t n = count_blocks(w, op);
        int opened = -1;

        for (size_t i = 0; i < w->list->n; i++) {
                struct swb_closed_content *content = &w->list->items[i];
                uint64_t count = w->counts[i + 1];

                if (count == 0)
                        continue;
                if (opened < 0)
                        opened = is_opened(op, spool, err);
                if (opened < 0)
                        return opened;
                content->is_opened |= opened;
                content->n_delta += (uint64_t)((double)op->data_length * (double)count / (double)n);
        }
        return 0;
}

static bool is_of_interest(const struct swb_closed_content *content)
{
        uint64_t n_bytes = content->blocks.n_blocks * SWB_BLOCK_BYTES;

        return content->n_delta > n_bytes / LARGE_SHARE && content->closed.why != SWB_CLOSED_NOT;
}

static int compare(const void *a, const void *b)
{
        const struct swb_closed_content *x = a, *y = b;

        if (x->n_delta != y->n_delta)
                return x->n_delta > y->n_delta ? -1 : 1;
        return strcmp(x->path, y->path);
}

/* What was to be opened and is not: there was no room for it. */
static void sort_out(struct swb_closed_list *list)
{
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++) {
                struct swb_closed_content *content = &list->items[i];

                if (content->is_planned && !content->is_opened &&
                    content->closed.why == SWB_CLOSED_NOT)
                        content->closed = (struct swb_closed){.why = SWB_CLOSED_ROOM};
                if (is_of_interest(content)) {
                        const struct swb_closed_content kept = list->items[n];

                        list->items[n++] = *content;
                        *content = kept;
                }
        }
        for (size_t i = n; i < list->n; i++) {
                free(list->items[i].path);
                swb_extent_list_done(&list->items[i].blocks);
        }
        list->n = n;
        if (n > 0)
                qsort(list->items, n, sizeof(*list->items), compare);
}

int swb_closed_list_weigh(struct swb_closed_list *list, uint64_t n_blocks,
                          const struct swb_operation_list *operations,
                          const struct swb_spool *spool, struct swb_error *err)
{
        _cleanup_(weighing_done) struct weighing w;
        int r = weighing_init(&w, list, n_blocks) < 0 ? swb_oom(err) : 0;

        for (size_t i = 0; i < operations->n && r >= 0; i++)
                if (operations->items[i].data_length > 0)
                        r = add_operation(&w, &operations->items[i], spool, err);
        if (r >= 0)
                sort_out(list);
        return SWB_MIN(r, 0);
}
