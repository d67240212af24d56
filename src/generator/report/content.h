/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/report/content.h - compressed content that a maker could ship unpacked
 *
 * A byte changed before compression changes all that follows after it: a difference of two
 * compressed files is about as large as the file. Told apart by what they begin with.
 */
#include <stdint.h>

#include "base/cleanup.h"

struct swb_packed {
        const char *name;   /* "gzip" */
        const char *advice; /* what the maker could do */
};

/* By the first bytes of a file, of which at least SWB_PACKED_HEAD_BYTES should be given. NULL: it
 * is none of those. */
#define SWB_PACKED_HEAD_BYTES 4096u
const struct swb_packed *swb_packed_find(const uint8_t *head, size_t n_head);
