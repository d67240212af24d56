/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/costs.h"

/* Of work for a byte, up to which it is light, medium: decoders of xz take 20 ns, the quickest
 * encoders 3 to 5 for each opened byte, slow ones 30 to 400. */
#define LIGHT_NS 50.0
#define MEDIUM_NS 150.0

void swb_costs_done(struct swb_costs *costs)
{
        free(costs->items);
        free(costs->account);
        *costs = (struct swb_costs){0};
}

const char *swb_cost_name(const struct swb_file *file)
{
        if (file->kind == SWB_FILE_REST)
                return "(no file: tables, free space)";
        return *file->path ? file->path : "/";
}

/* data * part / whole without overflow; all of it for the whole. */
static uint64_t share(uint64_t data, uint64_t part, uint64_t whole)
{
        return part >= whole ? data : (uint64_t)((double)data * (double)part / (double)whole);
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

const char *swb_cpu_to_string(enum swb_cpu cpu)
{
        static const char *const names[_SWB_CPU_MAX] = {
                [SWB_CPU_NONE] = "none",
                [SWB_CPU_LIGHT] = "light",
                [SWB_CPU_MEDIUM] = "medium",
                [SWB_CPU_HEAVY] = "heavy",
        };

        swb_assert(cpu >= 0 && cpu < _SWB_CPU_MAX);
        return names[cpu];
}

enum swb_cpu swb_cost_cpu(const struct swb_file_cost *cost)
{
        double a_byte = cost->work_ns / ((double)cost->blocks * SWB_BLOCK_BYTES);

        if (cost->fresh_blocks == 0)
                return SWB_CPU_NONE;
        if (a_byte < LIGHT_NS)
                return SWB_CPU_LIGHT;
        return a_byte < MEDIUM_NS ? SWB_CPU_MEDIUM : SWB_CPU_HEAVY;
}

/* What is made of a run before anything in it is packed: work goes by that. */
static double opened_bytes(const struct swb_share *share)
{
        return (double)share->n_bytes - share->n_stored + share->n_opened;
}

/* Encoders and decoders of contents work for what is opened, all else for every byte that the
 * difference makes. */
void swb_costs_add_device(struct swb_costs *costs, const struct swb_runs *runs,
                          const struct swb_device_cost *device)
{
        struct swb_device_cost rest = *device;
        double work = swb_device_cost_work(device), rest_work, n_opened = 0, n_made = 0;

        memset(rest.unpacked, 0, sizeof(rest.unpacked));
        memset(rest.encoded, 0, sizeof(rest.encoded));
        rest_work = swb_device_cost_work(&rest);
        for (size_t i = 0; i < runs->n; i++) {
                n_opened += runs->items[i].n_opened;
                n_made += opened_bytes(&runs->items[i]);
        }
        for (size_t i = 0; i < runs->n; i++) {
                const struct swb_share *share = &runs->items[i];
                struct swb_file_cost *cost = &costs->items[share->owner];

                cost->memory_bytes = SWB_MAX(cost->memory_bytes, device->total_bytes);
                cost->scratch_bytes = SWB_MAX(cost->scratch_bytes, device->scratch_bytes);
                if (n_made > 0)
                        cost->work_ns += rest_work * opened_bytes(share) / n_made;
                if (n_opened > 0)
                        cost->work_ns += (work - rest_work) * share->n_opened / n_opened;
        }
        swb_device_cost_add(&costs->device, device);
}

static bool is_difference(uint32_t type)
{
        return swb_op_has_data(type) && swb_op_has_source(type);
}

/* The data goes to files and lots by their bytes. */
static void share_data(struct swb_costs *costs, const struct swb_runs *runs,
                       const struct swb_operation *op, uint64_t n_new, struct swb_classes *classes)
{
        enum swb_transform how =
                is_difference(op->type) ? SWB_TRANSFORM_BYTES : SWB_TRANSFORM_PACKED;
        unsigned stream = is_difference(op->type) ? SWB_ACCOUNT_PATCHES : SWB_ACCOUNT_PACKED;

        for (size_t i = 0; i < runs->n; i++) {
                const struct swb_share *run = &runs->items[i];
                struct swb_file_cost *cost = &costs->items[run->owner];
                uint64_t bytes = share(op->data_length, run->begin + run->n_bytes, n_new) -
                                 share(op->data_length, run->begin, n_new);

                cost->bytes += bytes;
                cost->by[how] += bytes;
                cost->tried.by_bytes += bytes;
                cost->tried.packed += is_difference(op->type) ? 0 : bytes;
                swb_account_add(costs->account, classes->sorts[run->owner].class,
                                (enum swb_lot)run->lot, stream, bytes);
        }
}

static void count_blocks(struct swb_costs *costs, const struct swb_scan *scan,
                         const struct swb_operation *op)
{
        for (size_t i = 0; i < op->n_dst; i++)
                for (uint64_t k = 0; k < op->dst[i].n_blocks; k++) {
                        uint64_t block = op->dst[i].start_block + k;
                        bool is_hole = op->dst[i].start_block == SWB_SPARSE_HOLE ||
                                       block >= scan->image->n_blocks;
                        size_t owner = is_hole ? scan->n_files - 1 : scan->owner[block];

                        costs->items[owner].blocks++;
                        costs->items[owner].fresh_blocks += op->data_length > 0;
                }
}

/* An operation whose data is one content, or which has none. */
static int add_simple(const struct swb_costs_input *in, const struct swb_operation *op,
                      struct swb_classes *classes, struct swb_costs *costs, struct swb_error *err)
{
        uint64_t n_new = swb_extents_blocks(op->dst, op->n_dst) * SWB_BLOCK_BYTES;
        struct swb_device_cost device = {.written = n_new};
        _cleanup_(swb_runs_done) struct swb_runs runs = {0};
        int r;

        count_blocks(costs, in->scan, op);
        if (op->data_length == 0) {
                swb_device_cost_add(&costs->device, &device);
                return 0;
        }
        device.decoder_bytes = SWB_DECODER_MEMORY_BYTES;
        device.total_bytes = op->data_length + SWB_DECODER_MEMORY_BYTES;
        device.decoded = n_new;
        r = swb_runs_list(classes, op->dst, op->n_dst, &runs, err);
        if (r < 0)
                return r;
        share_data(costs, &runs, op, n_new, classes);
        swb_costs_add_device(costs, &runs, &device);
        return 0;
}

static int add_operation(const struct swb_costs_input *in, const struct swb_operation *op,
                         struct swb_classes *classes, struct swb_costs *costs,
                         struct swb_error *err)
{
        enum swb_format format;
        int r = swb_format_of(in->file, op, &format, err);

        if (r < 0)
                return r;
        if (format != SWB_FORMAT_NONE && format != SWB_FORMAT_OTHER)
                return swb_costs_add_swdiff(in, op, classes, costs, err);
        return add_simple(in, op, classes, costs, err);
}

static int count_operations(const struct swb_costs_input *in, struct swb_classes *classes,
                            struct swb_costs *costs, struct swb_error *err)
{
        for (size_t number = 0;; number++) {
                const struct swb_operation *op;
                size_t of;
                int r = swb_payload_reader_peek(in->file->reader, number, &op, &of, err);

                if (r == 0)
                        return 0;
                if (r > 0 && of != in->partition)
                        costs->other_bytes += op->data_length;
                else if (r > 0)
                        r = add_operation(in, op, classes, costs, err);
                if (r < 0)
                        return swb_wrap(err, r, "operation %zu", number);
        }
}

/* Before the files are sorted. */
static void count_classes(const struct swb_classes *classes, struct swb_costs *costs)
{
        for (size_t i = 0; i < costs->n; i++) {
                if (costs->items[i].bytes == 0)
                        continue;
                costs->items[i].class = classes->sorts[i].class;
                costs->account->files[costs->items[i].class]++;
        }
}

int swb_costs_count(const struct swb_costs_input *in, struct swb_costs *ret, struct swb_error *err)
{
        _cleanup_(swb_costs_done) struct swb_costs costs = {0};
        _cleanup_(swb_classes_done) struct swb_classes classes = {0};
        int r;

        if (swb_costs_init(&costs, in->scan) < 0 || swb_classes_init(&classes, in->scan) < 0)
                return swb_oom(err);
        costs.account = calloc(1, sizeof(*costs.account));
        if (!costs.account)
                return swb_oom(err);
        costs.has_tried = in->try_others;
        r = count_operations(in, &classes, &costs, err);
        if (r < 0)
                return r;
        count_classes(&classes, &costs);
        swb_costs_end(&costs);
        costs.own_bytes = in->file->n_bytes - costs.bytes - costs.other_bytes;
        *ret = costs;
        costs = (struct swb_costs){0};
        return 0;
}
