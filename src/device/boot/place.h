/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/boot/place.h - where the two copies of a U-Boot environment lie
 *
 * Two ways to say it: FILE_OR_DEVICE:OFFSET1:OFFSET2:SIZE[:SECTOR], or the path of a file in the
 * form of fw_env.config (lines "DEVICE OFFSET SIZE [SECTOR [SECTORS]]", '#' comments; exactly two).
 * Numbers are decimal or 0x hex; in fw_env.config sizes are always hex, as its other readers have
 * it.
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_UBOOT_COPIES 2
#define SWB_UBOOT_ENV_MIN 256u
#define SWB_UBOOT_ENV_MAX (1u << 20)

struct swb_uboot_copy {
        char device[256]; /* as libubootenv bounds it */
        uint64_t offset;
        uint64_t n_bytes;                 /* of the copy, header included; the same for both */
        uint64_t sector_bytes, n_sectors; /* MTD only, else 0 */
};

/* CONFIG: wrong form, sizes that differ or are outside the limits above, copies that overlap, not
 * two of them. */
int swb_uboot_place_parse(const char *place, struct swb_uboot_copy copies[SWB_UBOOT_COPIES],
                          struct swb_error *err) _warn_unused_;
