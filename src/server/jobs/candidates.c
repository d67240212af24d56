/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jobs/candidates.h"

#include <time.h>

#include "base/text.h"
#include "server/store/images.h"

static int add_candidate(const char *version, const char *sha256, int64_t n_devices, void *userdata,
                         struct swb_error *err)
{
        struct swb_candidates *c = userdata;
        struct swb_candidate *candidate = &c->list[c->n];

        (void)err;
        if (c->n == SWB_CANDIDATES_MAX || strcmp(version, c->target.target_version) == 0)
                return 0;
        *candidate = (struct swb_candidate){.n_devices = (uint64_t)SWB_MAX(n_devices, 0)};
        swb_copy_bounded(candidate->version, version, SWB_VERSION_MAX);
        swb_copy_bounded(candidate->sha256, sha256, 64);
        c->n++;
        return 0;
}

static int add_measure(const struct swb_delta_measure *measure, void *userdata,
                       struct swb_error *err)
{
        struct swb_candidates *c = userdata;

        (void)err;
        c->measures[c->n_measures++] = *measure;
        return 0;
}

/* Does the image's version lie behind the candidate's, as far as the target's? */
static bool is_between(const char *version, const char *from, const char *to)
{
        bool rises = swb_version_compare(from, to) < 0;
        const char *low = rises ? from : to, *high = rises ? to : from;
        int above = swb_version_compare(version, low), below = swb_version_compare(version, high);

        return rises ? above > 0 && below <= 0 : above >= 0 && below < 0;
}

static int count_steps(const struct swb_image *image, void *userdata, struct swb_error *err)
{
        struct swb_candidates *c = userdata;

        (void)err;
        for (size_t i = 0; i < c->n; i++)
                c->list[i].steps +=
                        is_between(image->version, c->list[i].version, c->target.target_version);
        return 0;
}

int swb_candidates_load(struct swb_db *db, int64_t app, const struct swb_delta_measure *target,
                        struct swb_candidates *ret, struct swb_error *err)
{
        int r;

        ret->n = ret->n_measures = 0;
        ret->target = *target;
        ret->app = app;
        r = swb_image_sources(db, app, add_candidate, ret, err);
        if (r >= 0)
                r = swb_image_list(db, app, count_steps, ret, err);
        if (r >= 0)
                r = swb_delta_measure_list(db, app, SWB_CANDIDATES_MEASURES_MAX, add_measure, ret,
                                           err);
        return r;
}

static void make_pair(const struct swb_candidates *c, const struct swb_candidate *candidate,
                      struct swb_delta_measure *ret)
{
        *ret = c->target;
        memcpy(ret->source_version, candidate->version, sizeof(ret->source_version));
        memcpy(ret->source_sha256, candidate->sha256, sizeof(ret->source_sha256));
        ret->steps = candidate->steps;
}

static void estimate(const struct swb_candidates *c, struct swb_candidate *candidate)
{
        struct swb_delta_measure pair;

        make_pair(c, candidate, &pair);
        /* What was measured is mostly of deltas that ask for more. */
        swb_estimate_delta(c->measures, candidate->is_fallback ? 0 : c->n_measures, &pair,
                           &candidate->expected);
        candidate->expected_saving = swb_estimate_saving(candidate->n_devices, pair.full_bytes,
                                                         candidate->expected.bytes);
}

struct swb_candidate *swb_candidates_take(struct swb_candidates *c)
{
        struct swb_candidate *best = NULL;

        /* Of equal ones, that with most devices: they come in this order. */
        for (size_t i = 0; i < c->n; i++) {
                if (c->list[i].is_taken)
                        continue;
                estimate(c, &c->list[i]);
                if (!best || c->list[i].expected_saving > best->expected_saving)
                        best = &c->list[i];
        }
        if (best)
                best->is_taken = true;
        return best;
}

void swb_candidates_add_fallback(struct swb_candidates *c, const struct swb_candidate *first,
                                 enum swb_delta_kind kind, uint64_t n_devices)
{
        struct swb_candidate *candidate = &c->list[c->n];

        if (c->n == SWB_CANDIDATES_MAX)
                return;
        *candidate = *first;
        candidate->kind = kind;
        candidate->is_fallback = true;
        candidate->is_taken = false;
        candidate->n_devices = n_devices;
        c->n++;
}

int swb_candidates_note(struct swb_candidates *c, struct swb_db *db,
                        const struct swb_candidate *candidate, uint64_t delta_bytes,
                        uint64_t cpu_msec, struct swb_error *err)
{
        size_t n_kept = SWB_MIN(c->n_measures, (size_t)SWB_CANDIDATES_MEASURES_MAX - 1);
        struct swb_delta_measure *m = &c->measures[0];

        memmove(m + 1, m, n_kept * sizeof(*m));
        c->n_measures = n_kept + 1;
        make_pair(c, candidate, m);
        m->delta_bytes = delta_bytes;
        m->cpu_msec = cpu_msec;
        m->at = (int64_t)time(NULL);
        return swb_delta_measure_put(db, c->app, m, err);
}
