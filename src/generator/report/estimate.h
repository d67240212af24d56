/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/report/estimate.h - about how many bytes a content takes, without making it
 *
 * One pass over old and new with a table of sampled strings instead of a suffix array, and a fast
 * coder instead of the thorough ones: a fifth of the time of packing, and the same order of files.
 * What the figures are worth on real images is in docs/payloads.md.
 */
#include "generator/plan/task.h"

/*
 * Differences between parts of `old` and parts of `new`, which lie one after the other and are
 * coded together. n_parts 1 with no old blocks: content without an old one. opened: what they hold
 * is compared, not how that is compressed. ret_bytes: one number a
 * part, never more than the content itself. Return: 0, -E2BIG (a part of 4 GiB and more), -ENOMEM.
 */
int swb_estimate(const uint8_t *old, const uint8_t *new, const struct swb_task_part *parts,
                 size_t n_parts, bool opened, uint64_t *ret_bytes) _warn_unused_;

/* What it needs beside the contents themselves, if nothing is opened and nothing masked. */
uint64_t swb_estimate_memory(const struct swb_task_part *parts, size_t n_parts);
