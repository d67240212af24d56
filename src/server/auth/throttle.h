/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/auth/throttle.h - who guesses passwords has to wait
 *
 * Model:  counts failures by a text (a user's name, an address) in memory, for at most
 *         SWB_THROTTLE_PLACES of them: the one that failed longest ago is forgotten first. After
 *         SWB_THROTTLE_FREE failures each further one doubles the wait, up to an hour. Any thread.
 */
#include <pthread.h>
#include <stdint.h>

#include "base/error.h"

#define SWB_THROTTLE_PLACES 1024
#define SWB_THROTTLE_FREE 5
#define SWB_THROTTLE_FIRST_SECONDS 2
#define SWB_THROTTLE_MAX_SECONDS 3600
#define SWB_THROTTLE_KEY_MAX 96

struct swb_throttle {
        pthread_mutex_t lock;
        struct swb_throttled {
                char key[SWB_THROTTLE_KEY_MAX + 1];
                unsigned n_failures;
                int64_t failed_at; /* seconds since 1970 */
        } places[SWB_THROTTLE_PLACES];
};

void swb_throttle_init(struct swb_throttle *throttle);
void swb_throttle_done(struct swb_throttle *throttle);

/* Seconds until the next try; 0: now. */
unsigned swb_throttle_wait(struct swb_throttle *throttle, const char *key, int64_t now);
/* Counts a try as a failure before it is known to be one, so that many at a time count as well. */
void swb_throttle_fail(struct swb_throttle *throttle, const char *key, int64_t now);
/* It was none: forgets them all. */
void swb_throttle_forgive(struct swb_throttle *throttle, const char *key);
