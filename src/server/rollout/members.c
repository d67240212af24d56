/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/members.h"

#define FIRST_CAPACITY ((size_t)64)

bool swb_member_is_under_way(enum swb_member_state state)
{
        return state == SWB_MEMBER_OFFERED || state == SWB_MEMBER_DOWNLOADING ||
               state == SWB_MEMBER_INSTALLED;
}

bool swb_member_is_bad(enum swb_member_state state)
{
        return state == SWB_MEMBER_FAILED || state == SWB_MEMBER_FELL_BACK ||
               state == SWB_MEMBER_SILENT;
}

void swb_members_init(struct swb_members *members, const struct swb_siphash_key keys[2])
{
        *members = (struct swb_members){.keys = {keys[0], keys[1]}};
}

void swb_members_done(struct swb_members *members)
{
        free(members->table);
        *members = (struct swb_members){0};
}

/* The place of a key, or the free one where it belongs. Half of the table is free at least. */
static struct swb_member *place_of(const struct swb_members *members, const uint64_t *key)
{
        size_t mask = members->capacity - 1;

        for (size_t i = key[0] & mask;; i = (i + 1) & mask) {
                struct swb_member *member = &members->table[i];

                if (member->state == SWB_MEMBER_NONE ||
                    (member->key[0] == key[0] && member->key[1] == key[1]))
                        return member;
        }
}

static void key_of(const struct swb_members *members, const char *machineid, uint64_t *key)
{
        key[0] = swb_siphash(&members->keys[0], machineid);
        key[1] = swb_siphash(&members->keys[1], machineid);
}

struct swb_member *swb_members_find(const struct swb_members *members, const char *machineid)
{
        struct swb_member *member;
        uint64_t key[2];

        if (members->n == 0)
                return NULL;
        key_of(members, machineid, key);
        member = place_of(members, key);
        return member->state == SWB_MEMBER_NONE ? NULL : member;
}

static bool grow(struct swb_members *members)
{
        struct swb_members larger = *members;

        larger.capacity = members->capacity ? 2 * members->capacity : FIRST_CAPACITY;
        larger.table = calloc(larger.capacity, sizeof(*larger.table));
        if (!larger.table)
                return false;
        for (size_t i = 0; i < members->capacity; i++)
                if (members->table[i].state != SWB_MEMBER_NONE)
                        *place_of(&larger, members->table[i].key) = members->table[i];
        free(members->table);
        *members = larger;
        return true;
}

struct swb_member *swb_members_add(struct swb_members *members, const char *machineid)
{
        struct swb_member *member;
        uint64_t key[2];

        if (2 * (members->n + 1) > members->capacity && !grow(members))
                return NULL;
        key_of(members, machineid, key);
        member = place_of(members, key);
        swb_assert(member->state == SWB_MEMBER_NONE);
        *member = (struct swb_member){.key = {key[0], key[1]}, .state = SWB_MEMBER_OFFERED};
        members->n++;
        return member;
}

void swb_members_remove(struct swb_members *members, struct swb_member *member)
{
        size_t mask = members->capacity - 1, hole = (size_t)(member - members->table);

        /* Those behind it that only stand there because the place was taken move up. */
        for (size_t i = (hole + 1) & mask; members->table[i].state != SWB_MEMBER_NONE;
             i = (i + 1) & mask) {
                size_t home = members->table[i].key[0] & mask;

                if (((i - home) & mask) >= ((i - hole) & mask)) {
                        members->table[hole] = members->table[i];
                        hole = i;
                }
        }
        members->table[hole].state = SWB_MEMBER_NONE;
        members->n--;
}
