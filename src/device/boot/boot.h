/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/boot/boot.h - boot flags of the two slots, whatever the boot loader
 *
 * Spec: docs/spec/boot.md (the contract with the boot loader). Per slot: priority 0..15, tries
 * 0..15, successful. A back end is one file with one const table of operations; the flags of both
 * slots are stored in one atomic step, and read back and compared after every store.
 */
#include <stdint.h>

#include "base/error.h"

enum swb_slot {
        SWB_SLOT_A,
        SWB_SLOT_B,
        _SWB_SLOT_MAX,
        _SWB_SLOT_INVALID = -EINVAL,
};

#define SWB_BOOT_PRIORITY_MAX 15
#define SWB_BOOT_TRIES_MAX 15

struct swb_slot_flags {
        unsigned priority;
        unsigned tries;
        bool successful;
};

struct swb_boot_flags {
        struct swb_slot_flags slot[_SWB_SLOT_MAX];
};

const char *swb_slot_to_string(enum swb_slot slot); /* "A", "B" */
enum swb_slot swb_slot_from_string(const char *name);
static inline enum swb_slot swb_slot_other(enum swb_slot slot)
{
        return slot == SWB_SLOT_A ? SWB_SLOT_B : SWB_SLOT_A;
}

/* What the boot loader would start now (clauses 1 and 4 of the contract); pure. */
enum swb_slot swb_boot_choose(const struct swb_boot_flags *flags);

struct swb_boot; /* an open back end */

/* backend: "uboot" or "fake"; place: environment device or file (back end's own syntax, documented in its
 * file). CONFIG for an unknown back end, BOOT when it can't be opened. */
int swb_boot_open(const char *backend, const char *place, struct swb_boot **ret, struct swb_error *err)
        _warn_unused_;
struct swb_boot *swb_boot_close(struct swb_boot *boot);
SWB_DEFINE_CLEANUP(struct swb_boot *, swb_boot_close)

/* Flags on the medium now. BOOT when they can't be read or neither copy is valid. */
int swb_boot_read(struct swb_boot *boot, struct swb_boot_flags *ret, struct swb_error *err)
        _warn_unused_;

/* Before the first byte goes into `slot`: priority 0, tries 0, not successful. Durable on return. */
int swb_boot_mark_unbootable(struct swb_boot *boot, enum swb_slot slot, struct swb_error *err)
        _warn_unused_;
/* After the read-back was right: highest priority, `tries` tries, not successful yet; the other slot's priority
 * goes below. Durable on return. */
int swb_boot_activate(struct swb_boot *boot, enum swb_slot slot, unsigned tries, struct swb_error *err)
        _warn_unused_;
/* After the health checks: successful. Durable on return. */
int swb_boot_mark_good(struct swb_boot *boot, enum swb_slot slot, struct swb_error *err)
        _warn_unused_;
/* All flags at once, for the bench boot loader, repair and tests. */
int swb_boot_store(struct swb_boot *boot, const struct swb_boot_flags *flags, struct swb_error *err)
        _warn_unused_;
