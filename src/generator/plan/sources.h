/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/plan/sources.h - where each block of the new image comes from
 */
#include "generator/plan/rules.h"
#include "generator/scan/blocks.h"
#include "generator/scan/scan.h"

/* Marks beside the numbers of old blocks. */
#define SWB_SOURCE_DATA 0xffffffffu /* not in the old image: bytes must travel */
#define SWB_SOURCE_ZERO 0xfffffffeu

/*
 * A first answer: zeros (if the rules have ZERO), else the first old block of the same content,
 * else DATA. `index` NULL: no old image. sources: one a block of `new`.
 */
void swb_sources_find(const struct swb_rules *rules, const struct swb_blocks *new,
                      const struct swb_block_index *index, uint32_t *sources);

/*
 * Gives short runs of copied or zero blocks between DATA of the same file back to DATA when the
 * partner's bytes hold them too: a few more bytes for the differ, which finds them again at once,
 * cost less than tearing the file's operation into pieces.
 */
int swb_sources_absorb(const struct swb_scan *old, const struct swb_scan *new,
                       const struct swb_block_index *index, const uint32_t *partners,
                       uint32_t *sources) _warn_unused_;

/* Makes all blocks of a file DATA: it is to be told as a whole, from the whole of its partner. */
void swb_sources_claim(const struct swb_file *file, uint32_t *sources);

/* Chooses among equal old blocks so that copies make long runs. */
void swb_sources_join(const struct swb_blocks *new, const struct swb_block_index *index,
                      uint32_t *sources);
