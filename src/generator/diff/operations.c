/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/operations.h"

#include "os/hash.h"

void swb_operation_list_done(struct swb_operation_list *list)
{
        for (size_t i = 0; i < list->n; i++) {
                free(list->items[i].src);
                free(list->items[i].dst);
                free((void *)list->items[i].tags);
        }
        free(list->items);
        *list = (struct swb_operation_list){0};
}

/* Makes room for n more. */
static int reserve(struct swb_operation_list *list, size_t n)
{
        size_t cap = SWB_MAX(list->cap * 2, list->n + n);
        struct swb_operation *items;

        if (list->n + n <= list->cap)
                return 0;
        items = reallocarray(list->items, cap, sizeof(*items));
        if (!items)
                return -ENOMEM;
        list->items = items;
        list->cap = cap;
        return 0;
}

int swb_operation_list_take(struct swb_operation_list *to, struct swb_operation_list *from)
{
        if (reserve(to, from->n) < 0)
                return -ENOMEM;
        if (from->n > 0)
                memcpy(to->items + to->n, from->items, from->n * sizeof(*from->items));
        to->n += from->n;
        from->n = 0;
        return 0;
}

static struct swb_extent *copy_extents(const struct swb_extent_list *list)
{
        struct swb_extent *extents = malloc((list->n + 1) * sizeof(*extents));

        if (extents && list->n > 0)
                memcpy(extents, list->items, list->n * sizeof(*extents));
        return extents;
}

struct swb_operation *swb_operation_list_add(struct swb_operation_list *list, enum swb_op_type type,
                                             const struct swb_extent_list *src,
                                             const struct swb_extent_list *dst)
{
        struct swb_operation *op;

        if (reserve(list, 1) < 0)
                return NULL;
        op = &list->items[list->n++];
        *op = (struct swb_operation){.type = type, .n_dst = dst->n, .dst = copy_extents(dst)};
        if (src) {
                op->n_src = src->n;
                op->src = copy_extents(src);
        }
        return op->dst && (!src || op->src) ? op : NULL;
}

void swb_operation_set_source(struct swb_operation *op, const struct swb_rules *rules,
                              const struct swb_extent_list *src, const struct swb_extent_list *dst,
                              const uint8_t *src_hash)
{
        if (rules->lengths) {
                op->src_length = src->n_blocks * SWB_BLOCK_BYTES;
                op->dst_length = dst->n_blocks * SWB_BLOCK_BYTES;
        }
        memcpy(op->src_hash, src_hash, SWB_SHA256_BYTES);
        op->has_src_hash = true;
}

int swb_operation_set_data(struct swb_operation *op, struct swb_spool *spool, const uint8_t *data,
                           size_t n_bytes, struct swb_error *err)
{
        int r = swb_spool_append(spool, data, n_bytes, &op->data_offset, err);

        if (r < 0)
                return r;
        op->data_length = n_bytes;
        op->has_data_hash = true;
        swb_sha256(data, n_bytes, op->data_hash);
        return 0;
}
