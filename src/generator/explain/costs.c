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
                        cost->by[SWB_TRANSFORM_PACKED] +=
                                share(bytes, done + 1, whole) - share(bytes, done, whole);
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

const char *swb_transform_to_string(enum swb_transform transform)
{
        static const char *const names[_SWB_TRANSFORM_MAX] = {
                [SWB_TRANSFORM_COPIED] = "copied",
                [SWB_TRANSFORM_PACKED] = "packed",
                [SWB_TRANSFORM_BYTES] = "bytes",
                [SWB_TRANSFORM_PREDICTED] = "predicted",
                [SWB_TRANSFORM_OPENED] = "opened",
                [SWB_TRANSFORM_OPENED_PREDICTED] = "opened+predicted",
                [SWB_TRANSFORM_NESTED] = "nested",
        };

        swb_assert(transform >= 0 && transform < _SWB_TRANSFORM_MAX);
        return names[transform];
}

enum swb_transform swb_cost_transform(const struct swb_file_cost *cost)
{
        enum swb_transform best = SWB_TRANSFORM_COPIED;

        for (int i = 0; i < _SWB_TRANSFORM_MAX; i++)
                if (cost->by[i] > cost->by[best])
                        best = (enum swb_transform)i;
        return best;
}

static bool is_difference(uint32_t type)
{
        return swb_op_has_data(type) && swb_op_has_source(type);
}

static int add_by_blocks(struct swb_costs *costs, const struct swb_scan *scan,
                         const struct swb_operation *op)
{
        const struct swb_device_cost device = {
                .decoder_bytes = op->data_length > 0 ? SWB_DECODER_MEMORY_BYTES : 0,
                .total_bytes = op->data_length > 0 ? op->data_length + SWB_DECODER_MEMORY_BYTES : 0,
                .decoded = op->data_length > 0
                                   ? swb_extents_blocks(op->dst, op->n_dst) * SWB_BLOCK_BYTES
                                   : 0,
                .written = swb_extents_blocks(op->dst, op->n_dst) * SWB_BLOCK_BYTES};
        _cleanup_free_ uint64_t *before = calloc(costs->n + 1, sizeof(*before));

        if (!before)
                return -ENOMEM;
        for (size_t i = 0; i < costs->n; i++)
                before[i] = costs->items[i].bytes;
        swb_costs_add(costs, scan, op->dst, op->n_dst, op->data_length);
        for (size_t i = 0; i < costs->n; i++) {
                struct swb_file_cost *cost = &costs->items[i];
                uint64_t more = cost->bytes - before[i];

                cost->plain_bytes += more;
                if (!is_difference(op->type))
                        continue;
                cost->by[SWB_TRANSFORM_PACKED] -= more;
                cost->by[SWB_TRANSFORM_BYTES] += more;
        }
        swb_device_cost_add(&costs->device, &device);
        return 0;
}

static int add_operation(const struct swb_costs_input *in, const struct swb_operation *op,
                         struct swb_costs *costs, struct swb_error *err)
{
        enum swb_format format;
        int r = swb_format_of(in->file, op, &format, err);

        if (r < 0)
                return r;
        if (format != SWB_FORMAT_NONE && format != SWB_FORMAT_OTHER)
                return swb_costs_add_swdiff(in, op, costs, err);
        r = add_by_blocks(costs, in->scan, op);
        return r < 0 ? swb_oom(err) : 0;
}

int swb_costs_count(const struct swb_costs_input *in, struct swb_costs *ret, struct swb_error *err)
{
        _cleanup_(swb_costs_done) struct swb_costs costs = {0};

        if (swb_costs_init(&costs, in->scan) < 0)
                return swb_oom(err);
        costs.has_plain = in->try_plain;
        for (size_t number = 0;; number++) {
                const struct swb_operation *op;
                size_t of;
                int r = swb_payload_reader_peek(in->file->reader, number, &op, &of, err);

                if (r == 0)
                        break;
                if (r > 0 && of == in->partition)
                        r = add_operation(in, op, &costs, err);
                if (r < 0)
                        return swb_wrap(err, r, "operation %zu", number);
        }
        swb_costs_end(&costs);
        *ret = costs;
        costs = (struct swb_costs){0};
        return 0;
}
