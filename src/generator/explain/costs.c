/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/costs.h"

void swb_costs_done(struct swb_costs *costs)
{
        free(costs->items);
        *costs = (struct swb_costs){0};
}

const char *swb_cost_name(const struct swb_file *file)
{
        if (file->kind == SWB_FILE_REST)
                return "(no file: tables, free space)";
        return *file->path ? file->path : "/";
}

/* data * part / whole without overflow: data is below 4 GiB, blocks are below 2^32. */
static uint64_t share(uint64_t data, uint64_t part, uint64_t whole)
{
        return whole ? data * part / whole : 0;
}

int swb_costs_init(struct swb_costs *costs, const struct swb_scan *scan)
{
        *costs = (struct swb_costs){.n = scan->n_files};
        costs->items = calloc(scan->n_files, sizeof(*costs->items));
        if (!costs->items)
                return -ENOMEM;
        for (size_t i = 0; i < scan->n_files; i++)
                costs->items[i].file = &scan->files[i];
        return 0;
}

void swb_costs_add(struct swb_costs *costs, const struct swb_scan *scan,
                   const struct swb_extent *extents, size_t n_extents, uint64_t bytes)
{
        uint64_t whole = swb_extents_blocks(extents, n_extents), done = 0;

        for (size_t i = 0; i < n_extents; i++) {
                const struct swb_extent *e = &extents[i];

                for (uint64_t k = 0; k < e->n_blocks; k++, done++) {
                        bool is_hole = e->start_block == SWB_SPARSE_HOLE ||
                                       e->start_block + k >= scan->image->n_blocks;
                        struct swb_file_cost *cost =
                                &costs->items[is_hole ? scan->n_files - 1
                                                      : scan->owner[e->start_block + k]];

                        cost->blocks++;
                        cost->fresh_blocks += bytes > 0;
                        cost->bytes += share(bytes, done + 1, whole) - share(bytes, done, whole);
                }
        }
}

static int compare(const void *a, const void *b)
{
        const struct swb_file_cost *x = a, *y = b;

        if (x->bytes != y->bytes)
                return x->bytes < y->bytes ? 1 : -1;
        return strcmp(swb_cost_name(x->file), swb_cost_name(y->file));
}

void swb_costs_end(struct swb_costs *costs)
{
        size_t n = 0;

        for (size_t i = 0; i < costs->n; i++)
                if (costs->items[i].blocks > 0)
                        costs->items[n++] = costs->items[i];
        costs->n = n;
        if (n > 0)
                qsort(costs->items, n, sizeof(*costs->items), compare);
        for (size_t i = 0; i < n; i++)
                costs->bytes += costs->items[i].bytes;
}

int swb_costs_count(struct swb_payload_file *file, size_t partition, const struct swb_scan *scan,
                    struct swb_costs *ret, struct swb_error *err)
{
        _cleanup_(swb_costs_done) struct swb_costs costs = {0};

        if (swb_costs_init(&costs, scan) < 0)
                return swb_oom(err);
        for (size_t number = 0;; number++) {
                const struct swb_operation *op;
                size_t of;
                int r = swb_payload_reader_peek(file->reader, number, &op, &of, err);

                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                if (of == partition)
                        swb_costs_add(&costs, scan, op->dst, op->n_dst, op->data_length);
        }
        swb_costs_end(&costs);
        *ret = costs;
        costs = (struct swb_costs){0};
        return 0;
}
