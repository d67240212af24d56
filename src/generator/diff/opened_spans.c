/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/opened_spans.h"

#include "generator/diff/equal_runs.h"
#include "generator/diff/opened_programs.h"
#include "predict/predictor.h"

/* Less is searched as it is. */
#define GAP_MIN_BYTES ((uint64_t)4 << 20)
/* Of what is too large, so small a part at once is made of the part that stands where it does. */
#define SLICES 4u

struct cutter {
        const struct swb_opened_content *old, *new;
        bool predicted;
        uint64_t max_bytes;
        struct swb_span_list *out;
};

/* Pieces of the new side, each with the surroundings of its place in the old one. */
static int add_slices(struct cutter *c, const struct swb_patch_span *span)
{
        uint64_t step = SWB_MAX(c->max_bytes / SLICES, (uint64_t)1);
        uint64_t n_old = SWB_MIN(span->n_old, c->max_bytes), room = span->n_old - n_old;
        int r = 0;

        for (uint64_t done = 0; done < span->n_new && r >= 0; done += step) {
                uint64_t n = SWB_MIN(step, span->n_new - done);
                uint64_t middle = (uint64_t)((double)(done + n / 2) * (double)span->n_old /
                                             (double)span->n_new);
                uint64_t begin = middle > n_old / 2 ? middle - n_old / 2 : 0;

                r = swb_span_list_add(c->out,
                                      &(struct swb_patch_span){span->old + SWB_MIN(begin, room),
                                                               n_old, span->new + done, n});
        }
        return r;
}

static int add_searched(struct cutter *c, const struct swb_patch_span *span)
{
        if (span->n_new == 0)
                return 0;
        if (span->n_old > c->max_bytes || span->n_new > c->max_bytes)
                return add_slices(c, span);
        return swb_span_list_add(c->out, span);
}

/* What lies between the ends of both sides. */
static struct swb_patch_span between(uint64_t old, uint64_t old_end, uint64_t new, uint64_t new_end)
{
        return (struct swb_patch_span){old, old_end - old, new, new_end - new};
}

static int add_gap(struct cutter *c, const struct swb_patch_span *gap)
{
        _cleanup_(swb_span_list_done) struct swb_span_list runs = {0};
        struct swb_patch_span rest = *gap;
        int r = 0;

        if (gap->n_old + gap->n_new >= GAP_MIN_BYTES)
                r = swb_equal_runs_find(c->old->data, c->new->data, gap, &runs);
        for (size_t i = 0; i < runs.n && r >= 0; i++) {
                const struct swb_patch_span *run = &runs.items[i];
                const struct swb_patch_span before =
                        between(rest.old, run->old, rest.new, run->new);

                r = add_searched(c, &before);
                if (r >= 0)
                        r = swb_span_list_add(c->out, run);
                rest = between(swb_span_old_end(run), swb_span_old_end(gap), swb_span_new_end(run),
                               swb_span_new_end(gap));
        }
        return r < 0 ? r : add_searched(c, &rest);
}

static bool lies_in(const struct swb_patch_span *inner, const struct swb_patch_span *outer)
{
        return inner->old >= outer->old && swb_span_old_end(inner) <= swb_span_old_end(outer) &&
               inner->new >= outer->new &&swb_span_new_end(inner) <= swb_span_new_end(outer);
}

static enum swb_model model_of(const uint8_t *data, uint64_t n)
{
        return swb_model_of(data, (size_t)n, n);
}

static bool is_program(const struct cutter *c, const struct swb_patch_span *span)
{
        enum swb_model model = model_of(c->new->data + span->new, span->n_new);

        return model != SWB_MODEL_NONE && model_of(c->old->data + span->old, span->n_old) == model;
}

static int cut_span(struct cutter *c, const struct swb_patch_span *span,
                    const struct swb_span_list *pairs)
{
        struct swb_patch_span rest = *span;
        bool has_pairs = false;
        int r = 0;

        for (size_t i = 0; i < pairs->n && r >= 0; i++) {
                const struct swb_patch_span *pair = &pairs->items[i];
                const struct swb_patch_span gap = between(rest.old, pair->old, rest.new, pair->new);

                if (!lies_in(pair, &rest))
                        continue;
                has_pairs = true;
                r = add_gap(c, &gap);
                if (r >= 0)
                        r = add_searched(c, pair);
                rest = between(swb_span_old_end(pair), swb_span_old_end(span),
                               swb_span_new_end(pair), swb_span_new_end(span));
        }
        if (r >= 0 && !has_pairs && c->predicted && is_program(c, span))
                return add_searched(c, span);
        return r < 0 ? r : add_gap(c, &rest);
}

int swb_opened_spans_cut(const struct swb_opened_content *old, const struct swb_opened_content *new,
                         const struct swb_span_list *spans, bool predicted, uint64_t max_bytes,
                         struct swb_span_list *ret)
{
        _cleanup_(swb_span_list_done) struct swb_span_list pairs = {0};
        struct cutter c = {old, new, predicted, max_bytes, ret};
        int r = predicted ? swb_program_pairs_find(old, new, &pairs) : 0;

        for (size_t i = 0; i < spans->n && r >= 0; i++)
                r = cut_span(&c, &spans->items[i], &pairs);
        return r;
}
