/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/report/counterparts.h"

#include "codec/patch_memory.h"

/* What opens to so much in one run is compared with its like: a kernel's program begins there. */
#define RUN_MIN_BYTES ((uint64_t)1 << 20)
#define RUNS_MAX ((SWB_COUNTERPARTS_MAX - 1) / 2)

struct run {
        uint64_t begin, end; /* in what opened */
};

void swb_counterparts_done(struct swb_counterparts *counterparts)
{
        swb_found_done(&counterparts->old);
        swb_found_done(&counterparts->new);
}

/* The long runs of encoded pieces, the first RUNS_MAX of them. */
static size_t list_runs(const struct swb_recipe *recipe, struct run runs[static RUNS_MAX])
{
        uint64_t at = 0, begin = 0;
        size_t n = 0;

        for (size_t i = 0; i <= recipe->n_pieces && n < RUNS_MAX; i++) {
                const struct swb_piece *piece = &recipe->pieces[i];
                bool encoded = i < recipe->n_pieces && piece->setting > 0;

                if (i < recipe->n_pieces && swb_recipe_has_inner(recipe, i))
                        continue;
                if (!encoded && at - begin >= RUN_MIN_BYTES)
                        runs[n++] = (struct run){begin, at};
                if (i == recipe->n_pieces)
                        break;
                at += piece->n_opened;
                if (!encoded)
                        begin = at;
        }
        return n;
}

static void add(struct swb_counterparts *c, const struct run *old, const struct run *new)
{
        if (new->end > new->begin)
                c->items[c->n++] = (struct swb_counterpart){
                        c->old.opened.data + old->begin, c->new.opened.data + new->begin,
                        (size_t)(old->end - old->begin), (size_t)(new->end - new->begin)};
}

/* Run against run where both sides have as many, what lies between against what lies between. */
static void list_opened(struct swb_counterparts *c)
{
        struct run old[RUNS_MAX], new[RUNS_MAX], from = {0}, to = {0};
        size_t n = list_runs(&c->new.recipe, new);

        if (list_runs(&c->old.recipe, old) != n)
                n = 0;
        for (size_t i = 0; i < n; i++) {
                from.end = old[i].begin;
                to.end = new[i].begin;
                add(c, &from, &to);
                add(c, &old[i], &new[i]);
                from.begin = old[i].end;
                to.begin = new[i].end;
        }
        from.end = c->old.opened.n_bytes;
        to.end = c->new.opened.n_bytes;
        add(c, &from, &to);
}

int swb_counterparts_find(const struct swb_counterpart *whole, bool opened,
                          struct swb_counterparts *ret)
{
        const struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;
        int old = 0, new = 0;

        *ret = (struct swb_counterparts){.items[0] = *whole, .n = 1};
        if (opened)
                new = swb_recipe_find(whole->new, whole->n_new, SWB_FIND_NEW, &limits, &ret->new);
        if (new > 0)
                old = swb_recipe_find(whole->old, whole->n_old, SWB_FIND_OLD, &limits, &ret->old);
        if (old > 0 && new > 0) {
                ret->n = 0;
                list_opened(ret);
        }
        return SWB_MIN(SWB_MIN(old, new), 0);
}

static enum swb_model model_of(const uint8_t *data, size_t n)
{
        return swb_model_of(data, n, n);
}

bool swb_counterpart_is_program(const struct swb_counterpart *pair)
{
        enum swb_model model = model_of(pair->new, pair->n_new);

        return pair->n_old > 0 && model != SWB_MODEL_NONE &&
               model_of(pair->old, pair->n_old) == model;
}

int swb_counterpart_mask(const struct swb_counterpart *pair, uint8_t *old, uint8_t *new)
{
        struct swb_view old_view = SWB_VIEW_OF_MEMORY(pair->old, pair->n_old);
        struct swb_view new_view = SWB_VIEW_OF_MEMORY(pair->new, pair->n_new);

        return swb_predictor_mask(model_of(pair->new, pair->n_new), &old_view, &new_view, NULL, 0,
                                  old, new);
}

static uint64_t get(const uint8_t *p, uint8_t width)
{
        uint64_t value = 0;

        for (unsigned i = width; i-- > 0;)
                value = value << 8 | p[i];
        return value;
}

/* diff: of this copy, where each address's difference gives way to its correction. */
static void correct(struct swb_predictor *predictor, const struct swb_counterpart *pair,
                    const struct swb_copy *copy, uint8_t *diff)
{
        struct swb_place place;
        uint64_t at = copy->old, end = copy->old + copy->n_bytes;

        while (swb_predictor_next(predictor, at, end, &place)) {
                uint64_t value = get(pair->old + place.old, place.width), made, wrong;

                at = place.old + place.width;
                place.new = copy->new + (place.old - copy->old);
                made = get(pair->new + place.new, place.width);
                wrong = made - swb_predictor_predict(predictor, &place, value);
                for (unsigned i = 0; i < place.width; i++)
                        diff[place.old - copy->old + i] = (uint8_t)(wrong >> 8 * i);
                swb_predictor_learn(predictor, &place, value, made);
        }
}

static int tell_copy(struct swb_predictor *predictor, const struct swb_counterpart *pair,
                     const struct swb_copy *copy, struct swb_buf *diff)
{
        uint8_t *bytes;

        if (swb_buf_reserve(diff, copy->n_bytes) < 0)
                return -ENOMEM;
        bytes = diff->data + diff->n_bytes;
        for (uint64_t i = 0; i < copy->n_bytes; i++)
                bytes[i] = (uint8_t)(pair->new[copy->new + i] - pair->old[copy->old + i]);
        diff->n_bytes += copy->n_bytes;
        if (predictor)
                correct(predictor, pair, copy, bytes);
        return 0;
}

int swb_counterpart_tell(const struct swb_counterpart *pair, const struct swb_copy *alike,
                         size_t n_alike, struct swb_buf *diff, struct swb_buf *extra)
{
        enum swb_model model = model_of(pair->new, pair->n_new);
        struct swb_view old = SWB_VIEW_OF_MEMORY(pair->old, pair->n_old);
        struct swb_view new = SWB_VIEW_OF_MEMORY(pair->new, pair->n_new);
        _cleanup_(swb_predictor_freep) struct swb_predictor *predictor = NULL;
        size_t n_before = extra->n_bytes, n_hints;
        uint64_t at = 0;
        int r = swb_predictor_hints(model, &old, &new, extra);

        if (r < 0)
                return r;
        n_hints = extra->n_bytes - n_before;
        r = swb_predictor_new(model, &old, alike, n_alike, extra->data + n_before, n_hints,
                              SWB_PATCH_MEMORY_BYTES, &predictor);
        for (size_t i = 0; i < n_alike && r != -ENOMEM; i++) {
                r = swb_buf_append(extra, pair->new + at, alike[i].new - at);
                if (r >= 0)
                        r = tell_copy(predictor, pair, &alike[i], diff);
                at = alike[i].new + alike[i].n_bytes;
        }
        return r == -ENOMEM || swb_buf_append(extra, pair->new + at, pair->n_new - at) < 0 ? -ENOMEM
                                                                                           : 0;
}
