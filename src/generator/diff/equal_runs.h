/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/equal_runs.h - what two contents have in common word by word
 *
 * Most of a new image is in the old one as it is. A search for differences over all of that takes
 * many times the contents' memory, so long equal runs are looked for before, by one pass with a
 * rolling hash; the search then has what lies between them.
 */
#include "generator/diff/span_list.h"

/* Appends the runs within a span, ascending in both contents. 0, -ENOMEM. */
int swb_equal_runs_find(const uint8_t *old, const uint8_t *new, const struct swb_patch_span *within,
                        struct swb_span_list *ret) _warn_unused_;
