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

/* What is tried, by effort: the smallest of several counts. Prediction is never left out: what it
 * saves in packing is more than it takes. */
#define WAYS_MAX 4u
/* What is smaller than this is made in a second way at the default effort, too: it costs little. */
#define SMALL_BYTES ((uint64_t)2 << 20)
struct ways {
        bool packs_quickly;
        unsigned n;
        enum swb_swd2_effort efforts[WAYS_MAX];
};

static uint64_t count_new(const struct swb_patch_input *in)
{
        uint64_t n = 0;

        for (size_t i = 0; in->spans && i < in->n_spans; i++)
                n += in->spans[i].n_new;
        return in->spans ? n : in->n_blocks * SWB_BLOCK_BYTES;
}

static const struct ways *ways_of(const struct swb_patch_input *in)
{
        static const struct ways ways[SWB_EFFORT_MAX + 1] = {
                [1] = {true, 1, {SWB_SWD2_MASKED}},
                [2] = {true, 1, {SWB_SWD2_MASKED}},
                [3] = {true, 1, {SWB_SWD2_MASKED}},
                [4] = {false, 1, {SWB_SWD2_MASKED}},
                [5] = {false, 1, {SWB_SWD2_MASKED}},
                [6] = {false, 1, {SWB_SWD2_THOROUGH}},
                [7] = {false, 2, {SWB_SWD2_THOROUGH, SWB_SWD2_MASKED}},
                [8] = {false, 3, {SWB_SWD2_THOROUGH, SWB_SWD2_MASKED, SWB_SWD2_QUICK}},
                [9] = {false,
                       4,
                       {SWB_SWD2_THOROUGH, SWB_SWD2_MASKED, SWB_SWD2_QUICK, SWB_SWD2_EVERY}},
        };

        if (in->rules->effort == SWB_EFFORT_DEFAULT && count_new(in) <= SMALL_BYTES)
                return &ways[SWB_EFFORT_DEFAULT + 1];
        return &ways[in->rules->effort];
}

/* What a reader has no memory for, with the smallest windows, is told without predictions.
 * ret_predicts: there is a program in it, and it is not. */
static int make_swd2(const struct swb_patch_input *in, enum swb_swd2_effort effort,
                     bool packs_quickly, struct swb_buf *patch, bool *ret_predicts)
{
        _cleanup_(swb_swd2_done) struct swb_swd2 swd2;
        int r;

        swb_swd2_init(&swd2, effort, in->memory_bytes);
        swd2.packs_quickly = packs_quickly;
        r = for_each_span(in, add_predicted, &swd2);
        *ret_predicts = swd2.predicts;
        if (r == 0)
                r = swb_swd2_write(&swd2, patch);
        if (r != -E2BIG)
                return r;
        *ret_predicts = false;
        if (!in->spans && swd2.unused.n_target == in->n_blocks * SWB_BLOCK_BYTES)
                return swb_swdiff_write(&swd2.unused, in->rules->all_codecs, patch);
        return make_swdiff(in, patch);
}

/* Puts the other one in the place of what stands from `start` on, if it is smaller. */
static int take_smaller(const struct swb_buf *other, size_t start, struct swb_buf *patch)
{
        if (patch->n_bytes - start <= other->n_bytes)
                return 0;
        patch->n_bytes = start;
        return swb_buf_append(patch, other->data, other->n_bytes);
}

static int make_predicted(const struct swb_patch_input *in, struct swb_buf *patch)
{
        const struct ways *ways = ways_of(in);
        size_t start = patch->n_bytes;
        bool predicts, ignored;
        int r = make_swd2(in, ways->efforts[0], ways->packs_quickly, patch, &predicts);

        for (unsigned i = 1; i < ways->n && r == 0 && predicts; i++) {
                _cleanup_(swb_buf_done) struct swb_buf other = SWB_BUF_INIT(SIZE_MAX);

                r = make_swd2(in, ways->efforts[i], ways->packs_quickly, &other, &ignored);
                if (r == 0)
                        r = take_smaller(&other, start, patch);
        }
        return r;
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
