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

/* data * part / whole without overflow: data is at most 24 MiB, blocks below 2^34. */
static uint64_t share(uint64_t data, uint64_t part, uint64_t whole)
{
        return whole ? data * part / whole : 0;
}

static void count_operation(const struct swb_operation *op, const struct swb_scan *scan,
                            struct swb_file_cost *costs)
{
        uint64_t whole = swb_extents_blocks(op->dst, op->n_dst), done = 0;

        for (size_t i = 0; i < op->n_dst; i++) {
                const struct swb_extent *e = &op->dst[i];

                for (uint64_t k = 0; k < e->n_blocks; k++, done++) {
                        uint64_t bytes = share(op->data_length, done + 1, whole) -
                                         share(op->data_length, done, whole);
                        bool is_hole = e->start_block == SWB_SPARSE_HOLE ||
                                       e->start_block + k >= scan->image->n_blocks;
                        size_t owner =
                                is_hole ? scan->n_files - 1 : scan->owner[e->start_block + k];

                        costs[owner].blocks++;
                        costs[owner].fresh_blocks += op->data_length > 0;
                        costs[owner].bytes += bytes;
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

static void sort(struct swb_costs *costs)
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
        _cleanup_(swb_costs_done) struct swb_costs costs = {.n = scan->n_files};

        costs.items = calloc(scan->n_files, sizeof(*costs.items));
        if (!costs.items)
                return swb_oom(err);
        for (size_t i = 0; i < scan->n_files; i++)
                costs.items[i].file = &scan->files[i];
        for (size_t number = 0;; number++) {
                const struct swb_operation *op;
                size_t of;
                int r = swb_payload_reader_peek(file->reader, number, &op, &of, err);

                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                if (of == partition)
                        count_operation(op, scan, costs.items);
        }
        sort(&costs);
        *ret = costs;
        costs = (struct swb_costs){0};
        return 0;
}
