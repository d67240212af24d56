/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/search.h - where the blocks of a new partition already stand
 *
 * By the tags of PF-91, which are too short to prove anything: what is found is a place worth
 * looking at. A place of the target counts only for the block that belongs there: any other may be
 * overwritten before it is read.
 * Memory: 4 bytes a block, and up to 25 more until the search is over.
 */
#include "device/install/extents.h"

/* In place of a block of the source. */
#define SWB_SEARCH_NOWHERE UINT32_MAX
#define SWB_SEARCH_HERE (UINT32_MAX - 1) /* the target holds it */
/* 4 GiB: an index of 29 MiB. */
#define SWB_SEARCH_BLOCKS_MAX (1u << 20)

struct swb_search {
        uint32_t *where; /* a block of the partition; after _over() all that is left */
        uint32_t n_blocks;
        uint32_t n_missing; /* wanted and not found yet */
        uint8_t *tags;      /* SWB_TAG_BYTES a block; */
        uint8_t *wanted;    /* 1: is looked for */
        uint32_t *table;    /* by tag: the first block that has it */
        uint32_t *next;     /* another block of the same tag */
        uint64_t mask;
};

/* LIMIT: the partition is too large. NO_MEMORY. */
int swb_search_init(struct swb_search *search, uint64_t n_bytes,
                    struct swb_error *err) _warn_unused_;
/* The block must hold this. A block that is wanted twice is looked for once. */
void swb_search_want(struct swb_search *search, uint64_t block, const uint8_t *tag);
/*
 * Reads the whole file and notes what is found; what can't be read is not there. `is_target`: only
 * blocks that are in their place. step->done is called for all bytes; its failure ends the search.
 * buffer: SWB_IO_BYTES.
 */
int swb_search_file(struct swb_search *search, const struct swb_extent_file *file, bool is_target,
                    const struct swb_step *step, uint8_t *buffer,
                    struct swb_error *err) _warn_unused_;
/* Only `where` is needed from now on. */
void swb_search_over(struct swb_search *search);
void swb_search_done(struct swb_search *search);
