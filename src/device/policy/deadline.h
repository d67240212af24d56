/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/policy/deadline.h - when an update is not to wait for anybody's convenience any more
 *
 * The earlier of the server's deadline and [policy] deadline after the update was found.
 */
#include "device/config/config.h"

/* The server's text: a time (2026-11-30T04:00:00Z, 2026-11-30) or anything else, which means now.
 */
#define SWB_DEADLINE_TEXT 65

struct swb_deadline {
        bool is_set;
        uint64_t left_usec; /* 0: it passed … */
        uint64_t late_usec; /* … so long ago */
};

struct swb_deadline swb_deadline(const struct swb_config *config, const char *server_text,
                                 uint64_t age_usec, uint64_t wall_usec, bool wall_is_sane);

/* Warnings are given 24 hours, 1 hour and 10 minutes before. Return: how many are due by now, and
 * *ret_next_usec until the next (UINT64_MAX: none). */
unsigned swb_deadline_warnings(const struct swb_deadline *deadline, uint64_t *ret_next_usec);
