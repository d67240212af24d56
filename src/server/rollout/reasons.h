/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/rollout/reasons.h - a bounded list of names with counts: why devices failed, and which
 * hardware did
 *
 * Place 0 stands for all that found no place.
 */
#include "server/fleet/meaning.h"

#define SWB_REASONS_MAX 48

struct swb_reasons {
        struct swb_reason {
                char name[SWB_FAILURE_NAME];
                uint64_t n_bad, n_ok;
                uint64_t n_members; /* of a hardware class */
                bool blocked;       /* of a hardware class */
                bool is_stored;     /* that it is blocked */
                bool is_exempt;     /* somebody lifted the block: it is not blocked again */
        } list[SWB_REASONS_MAX];
        size_t n; /* at least 1 */
};

void swb_reasons_init(struct swb_reasons *reasons, const char *name_of_others);
/* The name's place, made if there is room. */
uint8_t swb_reasons_place(struct swb_reasons *reasons, const char *name);
/* "'fell-back' (14), 'silent' (3)": those with the highest n_bad, at most three. */
void swb_reasons_describe(const struct swb_reasons *reasons, char *text, size_t size);
