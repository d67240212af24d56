/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/opened_programs.h - the programs in an opened image, and which belong together
 *
 * Addresses are predicted where a part of a difference begins with a program. The files of an image
 * have no names in what it opens to: programs are known by their heads, and pairs by what they have
 * in common.
 */
#include "generator/diff/opened_content.h"
#include "generator/diff/span_list.h"

/* Appends programs of both sides that differ, ascending in both, without overlaps. 0 (perhaps
 * none), -ENOMEM. */
int swb_program_pairs_find(const struct swb_opened_content *old,
                           const struct swb_opened_content *new,
                           struct swb_span_list *ret) _warn_unused_;
