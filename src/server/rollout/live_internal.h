/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/rollout/live_internal.h - the running rollouts, for the files that work on them */
#include <pthread.h>

#include "server/rollout/live.h"

struct swb_live {
        struct swb_rollout model;
        int64_t seen;   /* the last turn whose rows of others are in it */
        int64_t turn;   /* the last one of our own in which it was followed */
        bool is_wanted; /* while a refresh looks */
        struct swb_live *next;
};

struct swb_rollouts {
        pthread_mutex_t sync_lock; /* one follows at a time; taken before the other */
        pthread_mutex_t lock;
        struct swb_live *first;
        int64_t node; /* this server among those on the database; of its members' rows */
        struct swb_siphash_key keys[2];
};

/* NULL: not running. The lock is the caller's. */
struct swb_rollout *swb_rollouts_find(const struct swb_rollouts *rollouts, int64_t id);
