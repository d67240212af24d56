/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/readback.h - what the medium really holds
 *
 * Reads the target past the page cache (O_DIRECT; where the file system has none, after dropping
 * the cache) and compares it with the manifest's hash. The caller has synced.
 */
#include "device/install/extents.h"
#include "device/install/slots.h"

struct swb_readback {
        uint8_t *buffer; /* SWB_IO_BYTES, page-aligned */
        bool through_cache;
        struct swb_step step; /* called for every piece */
};

/* READBACK: the medium holds something else, or can't be read. */
int swb_readback_slot(const struct swb_readback *readback, const struct swb_slot *slot,
                      const struct swb_partition *partition, struct swb_error *err) _warn_unused_;
