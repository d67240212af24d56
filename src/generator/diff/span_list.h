/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/span_list.h - which bytes of the old content others are made of, piece by piece
 */
#include "generator/diff/patch.h"

struct swb_span_list {
        struct swb_patch_span *items;
        size_t n, cap;
};

void swb_span_list_done(struct swb_span_list *list);

/* 0, -ENOMEM. */
int swb_span_list_add(struct swb_span_list *list, const struct swb_patch_span *span) _warn_unused_;

static inline uint64_t swb_span_old_end(const struct swb_patch_span *span)
{
        return span->old + span->n_old;
}

static inline uint64_t swb_span_new_end(const struct swb_patch_span *span)
{
        return span->new + span->n_new;
}

/*
 * Keeps those spans, of a list that ascends in `new`, that ascend in `old` as well without
 * overlapping, and have the most bytes of `new` together. 0, -ENOMEM.
 */
int swb_span_list_ascend(struct swb_span_list *list) _warn_unused_;
