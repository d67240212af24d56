/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/report/counterparts.h - what an estimate compares with what, as a payload's differences
 * do
 *
 * Compressed contents are opened, and in programs addresses become names of what they point at:
 * those are what a difference predicts, so that they take next to nothing of a payload.
 */
#include "open/find.h"
#include "predict/predictor.h"

struct swb_counterpart {
        const uint8_t *old, *new;
        size_t n_old, n_new;
};

#define SWB_COUNTERPARTS_MAX 33u

/* Items in the order of the new content, all of it; they point into what is borrowed or opened. */
struct swb_counterparts {
        struct swb_found old, new;
        struct swb_counterpart items[SWB_COUNTERPARTS_MAX];
        size_t n;
};

/* opened: open both, if that can be done. 0, -ENOMEM; ret is released also after a failure. */
int swb_counterparts_find(const struct swb_counterpart *whole, bool opened,
                          struct swb_counterparts *ret) _warn_unused_;
void swb_counterparts_done(struct swb_counterparts *counterparts);

/* Are both programs in which addresses are found? */
bool swb_counterpart_is_program(const struct swb_counterpart *pair);

/* Copies of both programs with names instead of addresses, of the sizes of the contents: for the
 * search of what is alike. 0, -ENOMEM. */
int swb_counterpart_mask(const struct swb_counterpart *pair, uint8_t *old,
                         uint8_t *new) _warn_unused_;

/*
 * Appends what the device gets of a pair of programs in which so much is alike: differences, in
 * which stand, where there are addresses, by how much their prediction is wrong; and the rest as it
 * is. 0, -ENOMEM.
 */
int swb_counterpart_tell(const struct swb_counterpart *pair, const struct swb_copy *alike,
                         size_t n_alike, struct swb_buf *diff, struct swb_buf *extra) _warn_unused_;
