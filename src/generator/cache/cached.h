/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/cache/cached.h - the operations of a task, taken from a cache or kept there
 *
 * An entry holds, for each operation of a task, its type, how many blocks it writes, and its data;
 * where it reads and writes stands in the task, the hashes are made anew. Its key is the hash of
 * all that decides about it: the program and the compressors, the rules, the task without its
 * places, and the bytes of source and destination. So it serves every pair of images in which the
 * same bytes are to be made of the same bytes, wherever they lie.
 *
 * Entry: "SWBOPS1\n", the key, the number of operations (4 bytes, big-endian as all), of each its
 * type (4), blocks (8) and bytes (8), then their data, then the SHA-256 of everything before.
 */
#include "generator/cache/cache.h"
#include "generator/diff/make.h"

struct swb_cached {
        const struct swb_make *make;
        const struct swb_task *task;
        /* Filled by swb_cached_take(). */
        struct swb_cache_key key;
        uint8_t src_hash[SWB_SHA256_BYTES];
};

enum { SWB_CACHED = 0, SWB_CACHED_NOT = 1 };

/*
 * old, new: all bytes of the task's source (NULL without one) and destination. Return: SWB_CACHED
 * (operations are appended), SWB_CACHED_NOT (also without a cache, and after a damaged entry, which
 * is dropped), or < 0: IO, NO_SPACE (of the spool), NO_MEMORY.
 */
int swb_cached_take(struct swb_cached *cached, const uint8_t *old, const uint8_t *new,
                    struct swb_operation_list *ret, struct swb_error *err) _warn_unused_;

/* All operations of the task, whose data is in the spool. Failures end storing, not the run. */
void swb_cached_keep(const struct swb_cached *cached, const struct swb_operation_list *operations);
