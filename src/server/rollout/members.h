/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/rollout/members.h - the devices that a rollout has admitted, found by their ids
 *
 * A hash table under a random key, so that nobody can choose ids that collide. Of an id only 128
 * bits are kept: two devices are never taken for one.
 */
#include "server/rollout/bucket.h"

/* Numbers stand in the database: add at the end, never change. */
enum swb_member_state {
        SWB_MEMBER_NONE = 0, /* free place of the table */
        SWB_MEMBER_OFFERED = 1,
        SWB_MEMBER_DOWNLOADING = 2,
        SWB_MEMBER_INSTALLED = 3,
        SWB_MEMBER_OK = 4,
        SWB_MEMBER_FAILED = 5,
        SWB_MEMBER_FELL_BACK = 6, /* the new system did not boot, or was found ill */
        SWB_MEMBER_SILENT = 7,    /* was under way, and not heard of, or not done, in time */
        _SWB_MEMBER_STATE_MAX,
};

/* Between the offer and its end. */
bool swb_member_is_under_way(enum swb_member_state state);
bool swb_member_is_bad(enum swb_member_state state);

struct swb_member {
        uint64_t key[2];
        int64_t granted_at, heard_at; /* seconds since 1970; heard_at of one that ended: its end */
        uint8_t state;
        uint8_t stage;
        uint8_t hardware_class; /* place in the rollout's list of them */
        uint8_t reason;         /* place in the rollout's list, of a bad one */
        bool has_slot;          /* counts against the limit of those at it */
        bool is_news;           /* as another server has it; what was said here is not in it */
        /* As a row says, whatever is on its way here: an admission that does not hold takes no more
         * back than it took. */
        bool is_stored, has_stored_slot;
};

struct swb_members {
        struct swb_siphash_key keys[2];
        struct swb_member *table;
        size_t n, capacity; /* capacity is a power of two, or 0 */
};

/* key: random. */
void swb_members_init(struct swb_members *members, const struct swb_siphash_key keys[2]);
void swb_members_done(struct swb_members *members);
/* NULL: not one of them. Valid until the next _add() or _remove(). */
struct swb_member *swb_members_find(const struct swb_members *members, const char *machineid);
/* One that is not there yet. NULL: out of memory. */
struct swb_member *swb_members_add(struct swb_members *members, const char *machineid);
void swb_members_remove(struct swb_members *members, struct swb_member *member);
