/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/opened_programs.h - the programs in an opened image, and which belong together
 *
 * Addresses are predicted where a part of a difference begins with a program. The files of an image
 * have no names in what it opens to: programs are known by their heads, and pairs by what they have
 * in common.
 */
#include "generator/diff/patch.h"
#include "open/find.h"

/* Programs of both sides that differ, ascending in both, without overlaps. */
struct swb_program_pairs {
        struct swb_patch_span *items;
        size_t n;
};

void swb_program_pairs_done(struct swb_program_pairs *pairs);

/* 0 (perhaps none), -ENOMEM. */
int swb_program_pairs_find(const struct swb_found *old, const struct swb_found *new,
                           struct swb_program_pairs *ret) _warn_unused_;
