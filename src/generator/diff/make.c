/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/make.h"

#include "codec/puffdiff.h"
#include "codec/split.h"
#include "generator/cache/cached.h"
#include "generator/diff/opened.h"
#include "generator/diff/patch.h"
#include "generator/diff/replace.h"
#include "generator/pack/shelf.h"
#include "generator/pieces/cut.h"
#include "os/hash.h"

/* One operation's data; readers of ours take a little more (SWB_OPERATION_DATA_MAX_BYTES). */
#define DATA_MAX_BYTES ((size_t)16 << 20)
/* A difference larger than one part in this many of its target has a rival without source. */
#define RIVAL_SHARE 5u
/* What an operation costs in the manifest beside its data, about. */
#define OPERATION_BYTES 64u
#define COPY_READ_BLOCKS 64u
/* A device's memory for the addresses of a program ends about there. */
#define COMPARED_MAX_BYTES ((uint64_t)160 << 20)

static int make_replace_from(const struct swb_make *make, const struct swb_extent_list *dst,
                             const uint8_t *data, struct swb_operation_list *ret,
                             struct swb_error *err)
{
        size_t n_bytes = (size_t)dst->n_blocks * SWB_BLOCK_BYTES;
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(n_bytes);
        enum swb_op_type type;
        struct swb_operation *op;

        if (swb_replace_encode(make->rules, data, n_bytes, &type, &buf) < 0)
                return swb_oom(err);
        op = swb_operation_list_add(ret, type, NULL, dst);
        if (!op || (make->rules->pieces && swb_piece_describe(op, data, n_bytes) < 0))
                return swb_oom(err);
        return swb_operation_set_data(op, make->spool, buf.data, buf.n_bytes, err);
}

static bool is_sorted(const struct swb_task *task)
{
        for (size_t i = 0; i < task->regions.n; i++)
                if (task->regions.items[i].stream != SWB_STREAM_DATA)
                        return true;
        return false;
}

/* Return: SPLIT, or NO_GAIN when it gets no smaller that way. */
enum { SPLIT = 0, NO_GAIN = 1 };

static int make_split(const struct swb_make *make, const struct swb_task *task, const uint8_t *data,
                      struct swb_operation_list *ret, struct swb_error *err)
{
        size_t ceiling = (size_t)task->dst.n_blocks * SWB_BLOCK_BYTES - 1;
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(ceiling);
        struct swb_operation *op;
        int r = swb_split(data, task->regions.items, task->regions.n, &buf);

        if (r == -E2BIG)
                return NO_GAIN;
        op = r == 0 ? swb_operation_list_add(ret, SWB_OP_REPLACE_SPLIT, NULL, &task->dst) : NULL;
        return op ? swb_operation_set_data(op, make->spool, buf.data, buf.n_bytes, err)
                  : swb_oom(err);
}

static int make_replace(const struct swb_make *make, const struct swb_task *task,
                        const uint8_t *data, struct swb_operation_list *ret, struct swb_error *err)
{
        if (is_sorted(task)) {
                int r = make_split(make, task, data, ret, err);

                if (r != NO_GAIN)
                        return r;
        }
        return make_replace_from(make, &task->dst, data, ret, err);
}

static int hash_source(const struct swb_make *make, struct swb_operation *op, struct swb_error *err)
{
        _cleanup_free_ uint8_t *data = malloc((size_t)COPY_READ_BLOCKS * SWB_BLOCK_BYTES);
        struct swb_sha256 sha;

        if (!data)
                return swb_oom(err);
        swb_sha256_init(&sha);
        for (size_t i = 0; i < op->n_src; i++)
                for (uint64_t done = 0; done < op->src[i].n_blocks;) {
                        uint64_t n =
                                SWB_MIN(op->src[i].n_blocks - done, (uint64_t)COPY_READ_BLOCKS);
                        int r = swb_image_read(make->old, op->src[i].start_block + done, n, data,
                                               err);

                        if (r < 0)
                                return r;
                        swb_sha256_update(&sha, data, (size_t)n * SWB_BLOCK_BYTES);
                        done += n;
                }
        swb_sha256_final(&sha, op->src_hash);
        op->has_src_hash = true;
        return 0;
}

static int make_copy(const struct swb_make *make, const struct swb_task *task,
                     struct swb_operation_list *ret, struct swb_error *err)
{
        struct swb_operation *op =
                swb_operation_list_add(ret, SWB_OP_SOURCE_COPY, &task->src, &task->dst);

        if (!op)
                return swb_oom(err);
        return hash_source(make, op, err);
}

/* What one difference works on: a slice of the task's target against its whole source. */
struct diff {
        const struct swb_make *make;
        const struct swb_task *task;
        const uint8_t *old, *new;   /* new: of the whole task */
        uint64_t first;             /* block of the target where the slice begins */
        struct swb_extent_list dst; /* the slice */
        bool is_puffed;             /* the patch is one of PUFFDIFF */
};

static size_t dst_bytes(const struct diff *diff)
{
        return (size_t)diff->dst.n_blocks * SWB_BLOCK_BYTES;
}

static const uint8_t *new_bytes(const struct diff *diff)
{
        return diff->new + diff->first *SWB_BLOCK_BYTES;
}

static int make_patch(const struct diff *diff, struct swb_buf *patch)
{
        const struct swb_patch_input input = {.rules = diff->make->rules,
                                              .task = diff->task,
                                              .old = diff->old,
                                              .new = diff->new,
                                              .first = diff->first,
                                              .n_blocks = diff->dst.n_blocks,
                                              .memory_bytes = SWB_PATCH_MEMORY_BYTES};

        return swb_patch_make(&input, patch);
}

/* A better patch in place of the first one, if the blocks hold DEFLATE streams. */
static int make_puff_patch(struct diff *diff, struct swb_buf *patch)
{
        size_t n_first = patch->n_bytes;
        _cleanup_(swb_buf_done) struct swb_buf puff =
                SWB_BUF_INIT(n_first > 0 ? n_first - 1 : patch->max_bytes);
        int r = swb_puffdiff(diff->old, (size_t)diff->task->src.n_blocks * SWB_BLOCK_BYTES,
                             new_bytes(diff), dst_bytes(diff), &puff);

        if (r == -E2BIG || r > 0)
                return 0;
        if (r < 0)
                return r;
        swb_buf_reset(patch);
        diff->is_puffed = true;
        return swb_buf_append(patch, puff.data, puff.n_bytes);
}

/* So much of either of two opened contents is compared at once. */
static uint64_t compared_bytes(const struct swb_rules *rules, uint64_t budget_bytes)
{
        return SWB_MIN(swb_make_diff_blocks(rules, budget_bytes) * SWB_BLOCK_BYTES,
                       COMPARED_MAX_BYTES);
}

/* The same for what the blocks open to; a piece that was cut does not open. */
static int make_opened_patch(const struct diff *diff, struct swb_buf *patch)
{
        const struct swb_opened_pair pair = {
                .rules = diff->make->rules,
                .task = diff->task,
                .old = diff->old,
                .new = diff->new,
                .folder = diff->make->folder,
                .max_bytes = compared_bytes(diff->make->rules, diff->make->memory_bytes)};
        size_t n_first = patch->n_bytes;
        _cleanup_(swb_buf_done) struct swb_buf opened =
                SWB_BUF_INIT(n_first > 0 ? n_first - 1 : patch->max_bytes);
        int r = SWB_NOT_OPENED;

        if (diff->dst.n_blocks == diff->task->dst.n_blocks)
                r = swb_opened_diff(&pair, &opened);
        if (r == -E2BIG || r == SWB_NOT_OPENED)
                return 0;
        if (r < 0)
                return r;
        swb_buf_reset(patch);
        return swb_buf_append(patch, opened.data, opened.n_bytes);
}

static enum swb_op_type patch_type(const struct diff *diff)
{
        if (diff->is_puffed)
                return SWB_OP_PUFFDIFF;
        if (diff->make->rules->swdiff)
                return SWB_OP_SWDIFF;
        return diff->make->rules->brotli ? SWB_OP_BROTLI_BSDIFF : SWB_OP_SOURCE_BSDIFF;
}

static int add_patch(const struct diff *diff, const struct swb_buf *patch,
                     struct swb_operation_list *ret, struct swb_error *err)
{
        const struct swb_extent_list *src = &diff->task->src;
        uint8_t src_hash[SWB_SHA256_BYTES];
        struct swb_operation *op = swb_operation_list_add(ret, patch_type(diff), src, &diff->dst);

        if (!op)
                return swb_oom(err);
        swb_sha256(diff->old, (size_t)src->n_blocks * SWB_BLOCK_BYTES, src_hash);
        swb_operation_set_source(op, diff->make->rules, src, &diff->dst, src_hash);
        return swb_operation_set_data(op, diff->make->spool, patch->data, patch->n_bytes, err);
}

/* The slice as REPLACE operations. */
static int make_chunks(const struct diff *diff, struct swb_operation_list *ret,
                       struct swb_error *err)
{
        uint64_t step = diff->make->rules->chunk_blocks;
        int r = 0;

        for (uint64_t done = 0; done < diff->dst.n_blocks && r == 0; done += step) {
                struct swb_extent_list chunk = {0};

                if (swb_extent_list_append_slice(&chunk, &diff->dst, done, step) < 0)
                        r = swb_oom(err);
                else
                        r = make_replace_from(diff->make, &chunk,
                                              new_bytes(diff) + done * SWB_BLOCK_BYTES, ret, err);
                swb_extent_list_done(&chunk);
        }
        return r;
}

static uint64_t cost(const struct swb_operation_list *list)
{
        uint64_t bytes = 0;

        for (size_t i = 0; i < list->n; i++)
                bytes += list->items[i].data_length + OPERATION_BYTES;
        return bytes;
}

/* Is it worth to make the slice without its source too? */
static int needs_rival(const struct diff *diff, size_t n_patch, bool *ret)
{
        size_t estimate = 0;

        *ret = false;
        if (n_patch < dst_bytes(diff) / RIVAL_SHARE)
                return 0;
        if (swb_replace_estimate(new_bytes(diff), dst_bytes(diff), &estimate) < 0)
                return -ENOMEM;
        *ret = estimate < n_patch;
        return 0;
}

/* The better of patch and chunks. Chunks that lose stay in the spool, where they cost only disk. */
static int choose(const struct diff *diff, const struct swb_buf *patch,
                  struct swb_operation_list *ret, struct swb_error *err)
{
        _cleanup_(swb_operation_list_done) struct swb_operation_list chunks = {0};
        bool rival = true;
        int r;

        if (patch->n_bytes > 0 && needs_rival(diff, patch->n_bytes, &rival) < 0)
                return swb_oom(err);
        if (!rival)
                return add_patch(diff, patch, ret, err);
        r = make_chunks(diff, &chunks, err);
        if (r < 0)
                return r;
        if (patch->n_bytes > 0 && patch->n_bytes + OPERATION_BYTES <= cost(&chunks))
                return add_patch(diff, patch, ret, err);
        return swb_operation_list_take(ret, &chunks) < 0 ? swb_oom(err) : 0;
}

static int fail_opened(int r, struct swb_error *err)
{
        if (r == -ENOMEM)
                return swb_oom(err);
        return swb_fail_errno(err, r, "keep opened contents in a file beside the output");
}

enum { MADE = 0, TOO_LARGE = 1 };

/* Return: MADE, TOO_LARGE when the patch is above the data limit and the slice can be halved. */
static int make_slice(struct diff *diff, struct swb_operation_list *ret, struct swb_error *err)
{
        size_t ceiling = SWB_MIN(dst_bytes(diff) - 1, DATA_MAX_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT(ceiling);
        int r = 0;

        if (diff->task->n_opened_new > 0)
                r = make_opened_patch(diff, &patch);
        if (r < 0)
                return fail_opened(r, err);
        if (patch.n_bytes > 0)
                return choose(diff, &patch, ret, err);
        r = make_patch(diff, &patch);
        if (r == -E2BIG) {
                if (dst_bytes(diff) > DATA_MAX_BYTES)
                        return TOO_LARGE;
                swb_buf_reset(&patch);
        } else if (r < 0) {
                return swb_oom(err);
        }
        if (diff->make->rules->puffdiff && make_puff_patch(diff, &patch) < 0)
                return swb_oom(err);
        r = 0;
        if (diff->make->rules->opened && diff->task->n_opened_new == 0)
                r = make_opened_patch(diff, &patch);
        if (r < 0)
                return fail_opened(r, err);
        return choose(diff, &patch, ret, err);
}

static int make_slices(const struct swb_make *make, const struct swb_task *task, const uint8_t *old,
                       const uint8_t *new, struct swb_operation_list *ret, struct swb_error *err)
{
        uint64_t step = task->dst.n_blocks, done = 0;

        while (done < task->dst.n_blocks) {
                struct diff diff = {
                        .make = make, .task = task, .old = old, .new = new, .first = done};
                int r = swb_extent_list_append_slice(&diff.dst, &task->dst, done, step);

                r = r < 0 ? swb_oom(err) : make_slice(&diff, ret, err);
                if (r == MADE)
                        done += diff.dst.n_blocks;
                else
                        step = (step + 1) / 2;
                swb_extent_list_done(&diff.dst);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int make_from(const struct swb_make *make, const struct swb_task *task, const uint8_t *old,
                     const uint8_t *new, struct swb_operation_list *ret, struct swb_error *err)
{
        if (task->kind == SWB_TASK_DIFF)
                return make_slices(make, task, old, new, ret, err);
        return make_replace(make, task, new, ret, err);
}

/* Taken from the cache, or made and kept there. */
static int make_data(const struct swb_make *make, const struct swb_task *task,
                     struct swb_operation_list *ret, struct swb_error *err)
{
        _cleanup_(swb_operation_list_done) struct swb_operation_list made = {0};
        /* other contents are cut to what fits the memory */
        const char *folder = task->n_opened_new > 0 ? make->folder : NULL;
        _cleanup_(swb_shelf_done) struct swb_shelf from = SWB_SHELF_INIT(folder);
        _cleanup_(swb_shelf_done) struct swb_shelf to = SWB_SHELF_INIT(folder);
        const uint8_t *old = NULL, *new = NULL;
        struct swb_cached cached = {.make = make, .task = task};
        int r = 0;

        if (task->kind == SWB_TASK_DIFF)
                r = swb_shelf_take(&from, make->old, &task->src, &old, err);
        if (r == 0)
                r = swb_shelf_take(&to, make->new, &task->dst, &new, err);
        if (r == 0)
                r = swb_cached_take(&cached, old, new, &made, err);
        if (r == SWB_CACHED_NOT) {
                r = make_from(make, task, old, new, &made, err);
                if (r == 0)
                        swb_cached_keep(&cached, &made);
        }
        if (r < 0)
                return r;
        return swb_operation_list_take(ret, &made) < 0 ? swb_oom(err) : 0;
}

int swb_make_task(const struct swb_make *make, const struct swb_task *task,
                  struct swb_operation_list *ret_operations, struct swb_error *err)
{
        switch (task->kind) {
        case SWB_TASK_ZERO:
                return swb_operation_list_add(ret_operations, SWB_OP_ZERO, NULL, &task->dst)
                               ? 0
                               : swb_oom(err);
        case SWB_TASK_COPY:
                return make_copy(make, task, ret_operations, err);
        case SWB_TASK_DIFF:
        case SWB_TASK_REPLACE:
                return make_data(make, task, ret_operations, err);
        }
        return swb_fail(err, -EINVAL, SWB_FAULT_INTERNAL, "task of kind %d", (int)task->kind);
}

/* n_part: the largest part of the source that is searched at once. */
static uint64_t diff_memory(const struct swb_rules *rules, uint64_t n_old, uint64_t n_part,
                            uint64_t n_new)
{
        uint64_t chunk = SWB_MIN(n_new, rules->chunk_blocks * SWB_BLOCK_BYTES);
        uint64_t packing = swb_patch_memory(rules, n_old, n_part, n_new);

        if (rules->puffdiff)
                packing = SWB_MAX(packing,
                                  swb_puffdiff_memory(n_old, n_new) + SWB_PATCH_ENCODER_BYTES);

        return n_old + n_new + SWB_MIN(n_new, (uint64_t)DATA_MAX_BYTES) +
               SWB_MAX(packing, swb_replace_memory() + 3 * chunk);
}

static uint64_t largest_part(const struct swb_task *task)
{
        uint64_t blocks = 0;

        for (size_t i = 0; i < task->n_parts; i++)
                blocks = SWB_MAX(blocks, task->parts[i].src_blocks);
        return blocks;
}

/* What opened lies on disk, but for what is compared at once. */
static uint64_t opened_memory(const struct swb_rules *rules, const struct swb_task *task,
                              uint64_t budget_bytes)
{
        uint64_t most = compared_bytes(rules, budget_bytes);
        uint64_t n_old = SWB_MIN(task->n_opened_old, most);

        return diff_memory(rules, n_old, n_old, SWB_MIN(task->n_opened_new, most));
}

uint64_t swb_make_memory(const struct swb_rules *rules, const struct swb_task *task,
                         uint64_t budget_bytes)
{
        uint64_t n_new = task->dst.n_blocks * SWB_BLOCK_BYTES;

        switch (task->kind) {
        case SWB_TASK_DIFF:
                if (task->n_opened_new > 0)
                        return opened_memory(rules, task, budget_bytes);
                return diff_memory(rules, task->src.n_blocks * SWB_BLOCK_BYTES,
                                   largest_part(task) * SWB_BLOCK_BYTES, n_new);
        case SWB_TASK_REPLACE:
                return n_new + SWB_MAX(3 * n_new + swb_replace_memory(),
                                       task->regions.n > 0 ? swb_split_memory(n_new) + n_new : 0);
        case SWB_TASK_ZERO:
        case SWB_TASK_COPY:
                break;
        }
        return COPY_READ_BLOCKS * SWB_BLOCK_BYTES;
}

uint64_t swb_make_diff_blocks(const struct swb_rules *rules, uint64_t memory_bytes)
{
        uint64_t low = 0, high = memory_bytes / SWB_BLOCK_BYTES;

        while (low < high) {
                uint64_t middle = low + (high - low + 1) / 2;
                uint64_t n = middle * SWB_BLOCK_BYTES;

                if (diff_memory(rules, n, n, n) <= memory_bytes)
                        low = middle;
                else
                        high = middle - 1;
        }
        return low;
}
