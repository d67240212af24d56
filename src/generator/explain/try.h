/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/explain/try.h - what the files of a difference would take if it were made otherwise
 */
#include "generator/explain/costs.h"

struct swb_try {
        const struct swb_share_input *input; /* with the old content */
        const uint8_t *new;                  /* the new one */
        const struct swb_runs *runs;
        const struct swb_part_list *parts; /* of SWD2, as they are now */
};

/* Adds to what the runs' owners would take. Return: 0, -E2BIG, -EBADMSG, -ENOMEM. */
int swb_try_others(const struct swb_try *try, struct swb_costs *costs) _warn_unused_;
