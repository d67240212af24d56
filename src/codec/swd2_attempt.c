/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/swd2_attempt.h"

#include <string.h>

#include "codec/stream_pack.h"

/* Attempts are compared by a quick coding of their streams. */
#define ESTIMATE_LEVEL 3
/* Programs from this size on may need more than a reader has: that is found out before the search.
 */
#define PROBE_BYTES ((uint64_t)16 << 20)

void swb_swd2_attempt_done(struct swb_swd2_attempt *attempt)
{
        swb_buf_done(&attempt->hints);
        free(attempt->copies);
        swb_predictor_shared_free(attempt->shared);
        for (size_t i = 0; i < SWB_SWD2_STREAMS_MAX; i++)
                swb_buf_done(&attempt->streams[i]);
        *attempt = SWB_SWD2_ATTEMPT_INIT;
}

/* ---- what is alike */

static int append_entry(struct swb_swd2_attempt *a, const struct swb_difference_entry *entry)
{
        int r = swb_append_number(&a->streams[SWB_SWD2_COPIES], (uint64_t)entry->n_diff);

        if (r == 0)
                r = swb_append_number(&a->streams[SWB_SWD2_NEWS], (uint64_t)entry->n_extra);
        if (r == 0)
                r = swb_append_number(&a->streams[SWB_SWD2_MOVES], swb_zigzag(entry->seek));
        return r;
}

static int take_entries(struct swb_swd2_attempt *a, const struct swb_difference *difference)
{
        int64_t source = 0, target = 0;
        int r = 0;

        a->copies = calloc(difference->n_entries, sizeof(*a->copies));
        if (!a->copies)
                return -ENOMEM;
        a->n_entries = difference->n_entries;
        for (size_t i = 0; i < a->n_entries && r == 0; i++) {
                const struct swb_difference_entry *entry = &difference->entries[i];

                a->copies[i] = (struct swb_copy){(uint64_t)source, (uint64_t)target,
                                                 (uint64_t)entry->n_diff};
                source += entry->n_diff + entry->seek;
                target += entry->n_diff + entry->n_extra;
                r = append_entry(a, entry);
        }
        return r;
}

/* The pair's contents, or those masked. */
static bool are_equal(const struct swb_swd2_pair *pair, const uint8_t *old, const uint8_t *new)
{
        size_t n = (size_t)pair->new.n_bytes;

        return pair->old.n_bytes == n && (n == 0 || memcmp(old, new, n) == 0);
}

static bool is_too_long(const struct swb_swd2_pair *pair, uint64_t n_entries)
{
        return n_entries > SWB_SWD2_ENTRIES_MAX ||
               n_entries * SWB_SWD2_ENTRY_BYTES > pair->max_memory_bytes;
}

/* Over these contents, which are the pair's, or those masked. */
static int search(struct swb_swd2_attempt *a, const struct swb_swd2_pair *pair, const uint8_t *old,
                  const uint8_t *new)
{
        _cleanup_(swb_difference_done) struct swb_difference difference = SWB_DIFFERENCE_INIT;
        struct swb_difference_entry all = {.n_diff = (int64_t)pair->new.n_bytes};
        const struct swb_difference equal = {.entries = &all, .n_entries = 1};
        int r;

        if (are_equal(pair, old, new))
                return take_entries(a, &equal);
        r = swb_difference_add(&difference, old, (size_t)pair->old.n_bytes, 0, new,
                               (size_t)pair->new.n_bytes);
        if (r < 0 || !is_too_long(pair, difference.n_entries))
                return r < 0 ? r : take_entries(a, &difference);
        if (pair->unused && old == pair->old.memory) {
                swb_difference_done(pair->unused);
                *pair->unused = difference;
                difference = SWB_DIFFERENCE_INIT;
        }
        return -E2BIG;
}

/* ---- what is told of it */

static uint64_t value_at(const uint8_t *data, unsigned width)
{
        uint64_t value = 0;

        for (unsigned i = width; i-- > 0;)
                value = value << 8 | data[i];
        return value;
}

/* The shortest number that brings a prediction to the value, of so many bytes. */
static int64_t correction_of(uint64_t value, uint64_t predicted, unsigned width)
{
        unsigned unused = 64 - 8 * width;

        return (int64_t)((value - predicted) << unused) >> unused;
}

static int tell_field(struct swb_swd2_attempt *a, struct swb_predictor *predictor,
                      const struct swb_place *place, const uint8_t *old, const uint8_t *new)
{
        uint64_t from = value_at(old, place->width), to = value_at(new, place->width);
        uint64_t predicted = swb_predictor_predict(predictor, place, from);

        swb_predictor_learn(predictor, place, from, to);
        return swb_append_number(&a->streams[SWB_SWD2_CORRECTIONS + place->kind],
                                 swb_zigzag(correction_of(to, predicted, place->width)));
}

static int tell_bytes(struct swb_swd2_attempt *a, const uint8_t *old, const uint8_t *new, size_t n)
{
        struct swb_buf *out = &a->streams[SWB_SWD2_DIFFERENCES];
        int r = swb_buf_reserve(out, n);
        uint8_t *data = out->data + out->n_bytes;

        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                data[i] = (uint8_t)(new[i] - old[i]);
        out->n_bytes += n;
        return 0;
}

static int tell_copy(struct swb_swd2_attempt *a, struct swb_predictor *predictor,
                     const struct swb_swd2_pair *pair, const struct swb_copy *copy)
{
        const uint8_t *old = pair->old.memory, *new = pair->new.memory + copy->new;
        uint64_t at = copy->old, end = copy->old + copy->n_bytes;
        int r = 0;

        while (at < end && r == 0) {
                struct swb_place place = {.old = end};
                bool is_field = predictor && swb_predictor_next(predictor, at, end, &place);

                r = tell_bytes(a, old + at, new + (at - copy->old), (size_t)(place.old - at));
                at = place.old;
                if (!is_field || r < 0)
                        continue;
                place.new = copy->new + (at - copy->old);
                r = tell_field(a, predictor, &place, old + at, new + (at - copy->old));
                at += place.width;
        }
        return r;
}

static int tell_all(struct swb_swd2_attempt *a, struct swb_predictor *predictor,
                    const struct swb_swd2_pair *pair)
{
        int r = 0;

        for (size_t i = 0; i < a->n_entries && r == 0; i++) {
                const struct swb_copy *copy = &a->copies[i];
                uint64_t behind = copy->new + copy->n_bytes;
                uint64_t end = i + 1 < a->n_entries ? copy[1].new : pair->new.n_bytes;

                r = tell_copy(a, predictor, pair, copy);
                if (r == 0)
                        r = swb_buf_append(&a->streams[SWB_SWD2_NEW_BYTES],
                                           pair->new.memory + behind, (size_t)(end - behind));
        }
        return r;
}

/* What a reader has for the predictor. */
static size_t predictor_room(const struct swb_swd2_pair *pair, uint64_t n_entries)
{
        uint64_t entries = n_entries * SWB_SWD2_ENTRY_BYTES;
        uint64_t left = pair->max_memory_bytes - SWB_MIN(entries, pair->max_memory_bytes);

        return (size_t)SWB_MIN(left, (uint64_t)SWB_SWD2_PREDICTOR_BYTES);
}

/* Each attempt goes on from the same lessons. */
static int share(struct swb_swd2_attempt *a, const struct swb_swd2_pair *pair,
                 struct swb_predictor *predictor)
{
        int r;

        a->predictor_bytes = swb_predictor_memory(predictor);
        if (!swb_predictor_shares(predictor))
                return 0;
        r = swb_predictor_shared_copy(pair->shared, &a->shared);
        if (r == 0)
                swb_predictor_share(predictor, a->shared);
        return r;
}

static int tell(struct swb_swd2_attempt *a, struct swb_swd2_pair *pair)
{
        _cleanup_(swb_predictor_freep) struct swb_predictor *predictor = NULL;
        int r = 0;

        if (a->model != SWB_MODEL_NONE) {
                r = swb_predictor_hints(a->model, &pair->old, &pair->new, &a->hints);
                if (r == 0 && a->hints.n_bytes > SWB_SWD2_HINTS_MAX)
                        return -E2BIG;
                if (r == 0)
                        r = swb_predictor_new(a->model, &pair->old, a->copies, a->n_entries,
                                              a->hints.data, a->hints.n_bytes,
                                              predictor_room(pair, a->n_entries), &predictor);
                if (r == 0)
                        r = share(a, pair, predictor);
        }
        return r < 0 ? r : tell_all(a, predictor, pair);
}

static int estimate(struct swb_swd2_attempt *a)
{
        _cleanup_(swb_buf_done) struct swb_buf packed = SWB_BUF_INIT(SIZE_MAX);
        int r = 0;

        a->cost = a->hints.n_bytes;
        for (size_t i = SWB_SWD2_COPIES; i < SWB_SWD2_STREAMS_MAX && r == 0; i++) {
                if (a->streams[i].n_bytes == 0)
                        continue;
                swb_buf_reset(&packed);
                r = swb_encode(SWB_CODEC_ZSTD, ESTIMATE_LEVEL, a->streams[i].data,
                               a->streams[i].n_bytes, &packed);
                a->cost += packed.n_bytes;
        }
        return r;
}

/* ---- the attempts */

struct tries {
        struct swb_swd2_pair *pair;
        struct swb_swd2_attempt *best;
        uint8_t *masked_old, *masked_new;
};

static void tries_done(struct tries *tries)
{
        free(tries->masked_old);
        free(tries->masked_new);
}

/* Keeps the attempt if it is better; empties it. */
static void keep_better(struct tries *tries, struct swb_swd2_attempt *a)
{
        struct swb_swd2_attempt worse = *a;

        if (a->cost < tries->best->cost) {
                worse = *tries->best;
                *tries->best = *a;
        }
        *a = SWB_SWD2_ATTEMPT_INIT;
        swb_swd2_attempt_done(&worse);
}

/* What copies make of it is told and estimated, and kept if it is the least so far. */
static int rate(struct tries *tries, struct swb_swd2_attempt *a)
{
        int r = tell(a, tries->pair);

        if (r == 0)
                r = estimate(a);
        if (r == 0)
                keep_better(tries, a);
        return r;
}

static void begin(struct swb_swd2_attempt *a, enum swb_model model)
{
        *a = SWB_SWD2_ATTEMPT_INIT;
        a->model = model;
        a->hints = SWB_BUF_INIT(SIZE_MAX);
        for (size_t i = 0; i < SWB_SWD2_STREAMS_MAX; i++)
                a->streams[i] = SWB_BUF_INIT(SIZE_MAX);
}

/* Found over these contents, told with this model; nothing if that is more than readers take.
 * Return: 0, -ENOMEM. */
static int attempt(struct tries *tries, enum swb_model model, const uint8_t *old,
                   const uint8_t *new)
{
        _cleanup_(swb_swd2_attempt_done) struct swb_swd2_attempt a;
        int r;

        begin(&a, model);
        r = search(&a, tries->pair, old, new);
        if (r == 0)
                r = rate(tries, &a);
        return r == -E2BIG ? 0 : r;
}

/* `copies`: of the attempt whose map the masks follow, or none. */
static int attempt_masked(struct tries *tries, enum swb_model model)
{
        struct swb_swd2_pair *pair = tries->pair;
        size_t n_copies = tries->best->copies ? tries->best->n_entries : 0;
        int r;

        if (!tries->masked_old)
                tries->masked_old = malloc((size_t)pair->old.n_bytes + 1);
        if (!tries->masked_new)
                tries->masked_new = malloc((size_t)pair->new.n_bytes + 1);
        if (!tries->masked_old || !tries->masked_new)
                return -ENOMEM;
        r = swb_predictor_mask(model, &pair->old, &pair->new, tries->best->copies, n_copies,
                               tries->masked_old, tries->masked_new);
        return r < 0 ? r : attempt(tries, model, tries->masked_old, tries->masked_new);
}

static int take_copies(struct swb_swd2_attempt *a, const struct swb_swd2_attempt *from)
{
        int r = 0;

        a->copies = calloc(from->n_entries, sizeof(*a->copies));
        if (!a->copies)
                return -ENOMEM;
        memcpy(a->copies, from->copies, from->n_entries * sizeof(*a->copies));
        a->n_entries = from->n_entries;
        for (size_t i = SWB_SWD2_COPIES; i <= SWB_SWD2_MOVES && r == 0; i++)
                r = swb_buf_append(&a->streams[i], from->streams[i].data, from->streams[i].n_bytes);
        return r;
}

/* The best one's copies once more, without prediction. If that is less, what is alike is searched
 * without masks, too. */
static int doubt(struct tries *tries)
{
        _cleanup_(swb_swd2_attempt_done) struct swb_swd2_attempt a;
        const struct swb_swd2_pair *pair = tries->pair;
        uint64_t predicted = tries->best->cost;
        int r;

        begin(&a, SWB_MODEL_NONE);
        r = take_copies(&a, tries->best);
        if (r == 0)
                r = rate(tries, &a);
        if (r == 0 && tries->best->cost < predicted)
                r = attempt(tries, SWB_MODEL_NONE, pair->old.memory, pair->new.memory);
        return r;
}

static enum swb_model model_of(const struct swb_view *view)
{
        return swb_model_of(view->memory, (size_t)view->n_bytes, view->n_bytes);
}

/* One that both have. */
static enum swb_model choose_model(const struct swb_swd2_pair *pair)
{
        enum swb_model model = model_of(&pair->old);

        if (are_equal(pair, pair->old.memory, pair->new.memory))
                return SWB_MODEL_NONE;
        return model_of(&pair->new) == model ? model : SWB_MODEL_NONE;
}

/* Takes the model back if a reader can't have it whatever is alike. */
static int check_room(struct swb_swd2_pair *pair, enum swb_model *model)
{
        _cleanup_(swb_predictor_freep) struct swb_predictor *predictor = NULL;
        int r = 0;

        if (*model != SWB_MODEL_NONE && pair->old.n_bytes >= PROBE_BYTES)
                r = swb_predictor_new(*model, &pair->old, NULL, 0, NULL, 0, predictor_room(pair, 1),
                                      &predictor);
        if (r == -E2BIG)
                *model = SWB_MODEL_NONE;
        return r == -E2BIG ? 0 : r;
}

int swb_swd2_attempt_best(struct swb_swd2_pair *pair, enum swb_swd2_effort effort,
                          struct swb_swd2_attempt *ret)
{
        _cleanup_(tries_done) struct tries tries = {.pair = pair, .best = ret};
        enum swb_model model = effort == SWB_SWD2_BYTES ? SWB_MODEL_NONE : choose_model(pair);
        int r = check_room(pair, &model);

        if (r == 0 && model != SWB_MODEL_NONE && effort >= SWB_SWD2_MASKED)
                r = attempt_masked(&tries, model);
        if (r == 0 && model != SWB_MODEL_NONE && effort >= SWB_SWD2_THOROUGH)
                r = attempt_masked(&tries, model);
        if (r == 0 &&
            (model == SWB_MODEL_NONE || effort == SWB_SWD2_QUICK || effort == SWB_SWD2_EVERY))
                r = attempt(&tries, model, pair->old.memory, pair->new.memory);
        if (r == 0 && model != SWB_MODEL_NONE &&
            (effort == SWB_SWD2_EVERY || ret->cost == UINT64_MAX))
                r = attempt(&tries, SWB_MODEL_NONE, pair->old.memory, pair->new.memory);
        else if (r == 0 && ret->model != SWB_MODEL_NONE)
                r = doubt(&tries);
        return r == 0 && ret->cost == UINT64_MAX ? -E2BIG : r;
}
