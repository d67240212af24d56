/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/lzo.h - blocks of LZO1X, as they are and as lzop(1) writes them; for this folder only
 */
#include "open/libraries.h"

/* lzop(1) cuts its input into blocks of so many bytes, each behind its two sizes and the Adler-32
 * of what it opens to (big-endian). One that would not get smaller is stored. Behind the last one
 * stands a size of 0. */
#define SWB_LZOP_BLOCK_BYTES ((size_t)256 << 10)
#define SWB_LZOP_SIZE_BYTES 4u
#define SWB_LZOP_HEAD_BYTES 12u

/* What a block may grow to. */
static inline size_t swb_lzo_room(size_t n)
{
        return n + n / 16 + 67;
}
