/* SPDX-License-Identifier: Apache-2.0 */
#include "server/auth/throttle.h"

#include "server/store/names.h"

void swb_throttle_init(struct swb_throttle *throttle)
{
        memset(throttle->places, 0, sizeof(throttle->places));
        (void)pthread_mutex_init(&throttle->lock, NULL); /* can't fail without attributes */
}

void swb_throttle_done(struct swb_throttle *throttle)
{
        (void)pthread_mutex_destroy(&throttle->lock);
}

static struct swb_throttled *find(struct swb_throttle *throttle, const char *key)
{
        char cut[SWB_THROTTLE_KEY_MAX + 1];

        swb_copy_bounded(cut, key, SWB_THROTTLE_KEY_MAX);
        for (size_t i = 0; i < SWB_THROTTLE_PLACES; i++)
                if (throttle->places[i].n_failures > 0 && strcmp(throttle->places[i].key, cut) == 0)
                        return &throttle->places[i];
        return NULL;
}

static int64_t wait_after(unsigned n_failures)
{
        int64_t wait = SWB_THROTTLE_FIRST_SECONDS;

        if (n_failures < SWB_THROTTLE_FREE)
                return 0;
        for (unsigned i = SWB_THROTTLE_FREE; i < n_failures && wait < SWB_THROTTLE_MAX_SECONDS; i++)
                wait *= 2;
        return SWB_MIN(wait, (int64_t)SWB_THROTTLE_MAX_SECONDS);
}

unsigned swb_throttle_wait(struct swb_throttle *throttle, const char *key, int64_t now)
{
        const struct swb_throttled *place;
        int64_t until = 0;

        (void)pthread_mutex_lock(&throttle->lock);
        place = find(throttle, key);
        if (place)
                until = place->failed_at + wait_after(place->n_failures);
        (void)pthread_mutex_unlock(&throttle->lock);
        /* A clock that was set back must lock nobody out for longer. */
        return until > now ? (unsigned)SWB_MIN(until - now, (int64_t)SWB_THROTTLE_MAX_SECONDS) : 0;
}

static struct swb_throttled *oldest(struct swb_throttle *throttle)
{
        struct swb_throttled *best = &throttle->places[0];

        for (size_t i = 0; i < SWB_THROTTLE_PLACES && best->n_failures > 0; i++)
                if (throttle->places[i].n_failures == 0 ||
                    throttle->places[i].failed_at < best->failed_at)
                        best = &throttle->places[i];
        return best;
}

void swb_throttle_fail(struct swb_throttle *throttle, const char *key, int64_t now)
{
        struct swb_throttled *place;

        (void)pthread_mutex_lock(&throttle->lock);
        place = find(throttle, key);
        if (!place) {
                place = oldest(throttle);
                *place = (struct swb_throttled){0};
                swb_copy_bounded(place->key, key, SWB_THROTTLE_KEY_MAX);
        }
        /* What was long ago counts no more. */
        if (now > place->failed_at + 2 * SWB_THROTTLE_MAX_SECONDS)
                place->n_failures = 0;
        place->n_failures++;
        place->failed_at = now;
        (void)pthread_mutex_unlock(&throttle->lock);
}

void swb_throttle_forgive(struct swb_throttle *throttle, const char *key)
{
        struct swb_throttled *place;

        (void)pthread_mutex_lock(&throttle->lock);
        place = find(throttle, key);
        if (place)
                place->n_failures = 0;
        (void)pthread_mutex_unlock(&throttle->lock);
}
