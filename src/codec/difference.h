/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/difference.h - what two contents have in common, before any coding (making side)
 *
 * The target is told as entries: so many bytes that lie near bytes of the source (their difference
 * is in `diff`), so many new ones (in `extra`), then a move in the source. The formats of
 * codec/bsdiff.h and codec/swdiff.h differ only in how they write that down.
 */
#include "codec/codec.h"

struct swb_difference_entry {
        int64_t n_diff, n_extra, seek;
};

struct swb_difference {
        struct swb_difference_entry *entries;
        size_t n_entries, cap;
        struct swb_buf diff, extra;
        uint64_t position; /* in the source, after the last entry */
        uint64_t n_target; /* bytes of the target so far */
};

#define SWB_DIFFERENCE_INIT                                                                        \
        ((struct swb_difference){.diff = SWB_BUF_INIT(SIZE_MAX), .extra = SWB_BUF_INIT(SIZE_MAX)})

void swb_difference_done(struct swb_difference *difference);

/*
 * Appends what turns `old`, which begins at byte `base` of the whole source, into `new`, which
 * follows on what was appended before. Deterministic. Return: 0, -E2BIG, -ENOMEM.
 */
int swb_difference_add(struct swb_difference *difference, const uint8_t *old, size_t n_old,
                       uint64_t base, const uint8_t *new, size_t n_new) _warn_unused_;

/* The most memory that one swb_difference_add() needs for itself, beside what it appends (about
 * n_new, doubled at worst as the buffers grow). */
uint64_t swb_difference_memory(uint64_t n_old);
