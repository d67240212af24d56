/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/explain/runs.h - an operation's target, cut where another file or lot begins
 */
#include "generator/explain/classes.h"
#include "generator/explain/shares.h"

struct swb_runs {
        struct swb_share *items; /* owner, lot, begin, n_bytes; owned */
        size_t n, cap;
};

void swb_runs_done(struct swb_runs *runs);
/* Of these blocks of the scan's image. `ret` is empty before; done also after failure. IO,
 * NO_MEMORY. */
int swb_runs_list(struct swb_classes *classes, const struct swb_extent *dst, size_t n_dst,
                  struct swb_runs *ret, struct swb_error *err) _warn_unused_;
