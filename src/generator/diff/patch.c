/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/patch.h"

#include "codec/bsdiff.h"
#include "codec/swd2.h"
#include "codec/swdiff.h"

typedef int (*take_span)(void *context, const struct swb_patch_input *in,
                         const struct swb_patch_span *span);

/* Every part that has something in the slice, in order. */
static int for_each_span(const struct swb_patch_input *in, take_span take, void *context)
{
        uint64_t src = 0, dst = 0;
        int r = 0;

        for (size_t i = 0; i < in->n_spans && r >= 0; i++)
                r = take(context, in, &in->spans[i]);
        if (in->spans)
                return r;
        for (size_t i = 0; i < in->task->n_parts && r >= 0; i++) {
                const struct swb_task_part *part = &in->task->parts[i];
                uint64_t begin = SWB_MAX(dst, in->first);
                uint64_t end = SWB_MIN(dst + part->dst_blocks, in->first + in->n_blocks);

                if (begin < end) {
                        const struct swb_patch_span span = {
                                src * SWB_BLOCK_BYTES, part->src_blocks * SWB_BLOCK_BYTES,
                                begin * SWB_BLOCK_BYTES, (end - begin) * SWB_BLOCK_BYTES};

                        r = take(context, in, &span);
                }
                src += part->src_blocks;
                dst += part->dst_blocks;
        }
        return r;
}

static int add_difference(void *context, const struct swb_patch_input *in,
                          const struct swb_patch_span *span)
{
        return swb_difference_add(context, in->old + span->old, (size_t)span->n_old, span->old,
                                  in->new + span->new, (size_t)span->n_new);
}

static int add_predicted(void *context, const struct swb_patch_input *in,
                         const struct swb_patch_span *span)
{
        return swb_swd2_add(context, in->old + span->old, (size_t)span->n_old, span->old,
                            in->new + span->new, (size_t)span->n_new);
}

static int make_swdiff(const struct swb_patch_input *in, struct swb_buf *patch)
{
        _cleanup_(swb_difference_done) struct swb_difference difference = SWB_DIFFERENCE_INIT;
        int r = for_each_span(in, add_difference, &difference);

        return r < 0 ? r : swb_swdiff_write(&difference, in->rules->all_codecs, patch);
}

/* By effort: nothing tried, up to everything. */
static enum swb_swd2_effort effort_of(const struct swb_rules *rules)
{
        static const enum swb_swd2_effort efforts[SWB_EFFORT_MAX + 1] = {
                [1] = SWB_SWD2_BYTES,    [2] = SWB_SWD2_QUICK,  [3] = SWB_SWD2_QUICK,
                [4] = SWB_SWD2_MASKED,   [5] = SWB_SWD2_MASKED, [6] = SWB_SWD2_THOROUGH,
                [7] = SWB_SWD2_THOROUGH, [8] = SWB_SWD2_EVERY,  [9] = SWB_SWD2_EVERY};

        return efforts[rules->effort];
}

/* What a reader has no memory for, with the smallest windows, is told without predictions. */
static int make_predicted(const struct swb_patch_input *in, struct swb_buf *patch)
{
        _cleanup_(swb_swd2_done) struct swb_swd2 swd2;
        int r;

        swb_swd2_init(&swd2, effort_of(in->rules), in->memory_bytes);
        r = for_each_span(in, add_predicted, &swd2);
        if (r == 0)
                r = swb_swd2_write(&swd2, patch);
        if (r != -E2BIG)
                return r;
        if (!in->spans && swd2.unused.n_target == in->n_blocks * SWB_BLOCK_BYTES)
                return swb_swdiff_write(&swd2.unused, in->rules->all_codecs, patch);
        return make_swdiff(in, patch);
}

int swb_patch_make(const struct swb_patch_input *in, struct swb_buf *patch)
{
        if (in->rules->predicted)
                return make_predicted(in, patch);
        if (in->rules->swdiff)
                return make_swdiff(in, patch);
        return swb_bsdiff(in->old, (size_t)in->task->src.n_blocks * SWB_BLOCK_BYTES,
                          in->new + in->first *SWB_BLOCK_BYTES,
                          (size_t)in->n_blocks * SWB_BLOCK_BYTES,
                          in->rules->brotli ? SWB_BSDF2 : SWB_BSDIFF40, patch);
}

uint64_t swb_patch_memory(const struct swb_rules *rules, uint64_t n_old, uint64_t n_part,
                          uint64_t n_new)
{
        uint64_t memory =
                SWB_MAX(swb_difference_memory(n_part) + 2 * n_new, swb_swdiff_memory(n_new));

        if (!rules->swdiff)
                return swb_bsdiff_memory(n_old, n_new) + SWB_PATCH_ENCODER_BYTES;
        return rules->predicted ? SWB_MAX(memory, swb_swd2_memory(n_part, n_new)) : memory;
}
