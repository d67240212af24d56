/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/cache/room.h - which files of a cache's folder have to go
 */
#include <stdint.h>

#include "base/error.h"

/* 64 hex digits and this; an entry on its way ends in the other. */
#define SWB_CACHE_SUFFIX ".swbop"
#define SWB_CACHE_NEW_SUFFIX ".swbnew"
#define SWB_CACHE_NAME_BYTES (64 + sizeof(SWB_CACHE_SUFFIX))

/* What a file of n_bytes takes. */
static inline uint64_t swb_cache_room(uint64_t n_bytes)
{
        return (n_bytes + 4095) / 4096 * 4096;
}

/*
 * Removes the entries used longest ago until the rest takes at most max_bytes, and what dead runs
 * left half-written. fd: the folder. 0, -ENOMEM, or -errno of reading it. ret_bytes: the rest.
 */
int swb_cache_make_room(int fd, uint64_t max_bytes, uint64_t *ret_bytes) _warn_unused_;
