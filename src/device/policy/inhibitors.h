/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/policy/inhibitors.h - who holds which gates closed, and until when at the longest
 *
 * An inhibitor holds until it is released, but no longer than it said itself, and no longer than
 * [policy] max-inhibit. When an update's deadline has passed, those that come after it hold
 * no longer than max-inhibit behind the deadline, so that nobody can hold an update up for ever by
 * taking one after the other. Times: CLOCK_BOOTTIME, microseconds.
 */
#include "device/policy/deadline.h"
#include "device/policy/policy.h"

struct swb_inhibition {
        unsigned id; /* > 0 */
        char who[64], why[128];
        unsigned gates;
        uint64_t since_usec, max_usec;
};

struct swb_inhibitors {
        struct swb_inhibition list[SWB_INHIBITORS_MAX];
        size_t n;
        unsigned last_id;
};

/* Copies one, which gets an id. LIMIT: there are too many. */
int swb_inhibitors_add(struct swb_inhibitors *all, const struct swb_inhibition *one,
                       unsigned *ret_id, struct swb_error *err) _warn_unused_;
void swb_inhibitors_remove(struct swb_inhibitors *all, unsigned id);
/* What is left of this one. */
uint64_t swb_inhibition_left(const struct swb_inhibition *one, uint64_t now_usec,
                             const struct swb_deadline *deadline, uint64_t max_inhibit_usec);
/* As facts; texts are borrowed. */
void swb_inhibitors_tell(const struct swb_inhibitors *all, uint64_t now_usec,
                         const struct swb_deadline *deadline, uint64_t max_inhibit_usec,
                         struct swb_policy_facts *ret);
