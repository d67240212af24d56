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

/* May the boot loader start this slot (clause BS-1)? */
bool swb_boot_is_candidate(const struct swb_slot_flags *flags);
/* What the boot loader would start now (clauses BS-1 and BS-4); pure. */
enum swb_slot swb_boot_choose(const struct swb_boot_flags *flags);

struct swb_boot; /* an open back end */

/*
 * backend: "uboot", "gpt", "grub" or "fake".
 * place, uboot: FILE_OR_DEVICE:OFFSET1:OFFSET2:SIZE[:SECTOR] (decimal or 0x hex), or the path of an
 *               fw_env.config with two copies;
 * place, gpt:   DISK:PARTITION_A:PARTITION_B, a block device (or image file) with a GUID partition
 *               table and the numbers of the slots' partitions;
 * place, grub:  FILE1:FILE2, environment files of GRUB that are for the flags alone;
 * place, fake:  FILE[:fail=open|read|store|lie]: a text file, and for tests the operation that
 * fails
 *               ("lie": says that it stored, and did not).
 * CONFIG for an unknown back end or a place of a wrong form, BOOT when it can't be opened.
 */
int swb_boot_open(const char *backend, const char *place, struct swb_boot **ret,
                  struct swb_error *err) _warn_unused_;
struct swb_boot *swb_boot_close(struct swb_boot *boot);
SWB_DEFINE_CLEANUP(struct swb_boot *, swb_boot_close)

/*
 * Flags on the medium now. BOOT, with the code
 * -ENODATA when nothing was stored there yet or no copy is whole, -EBADMSG when a flag is not a
 * number of its range (both: swb_boot_heal() helps), or what the medium returned.
 */
int swb_boot_read(struct swb_boot *boot, struct swb_boot_flags *ret,
                  struct swb_error *err) _warn_unused_;

/* The same, for the doctor. Return: 0 all is well; SWB_BOOT_DEGRADED flags are good, but one of the
 * two copies is not; or as swb_boot_read(). */
#define SWB_BOOT_DEGRADED 1
int swb_boot_inspect(struct swb_boot *boot, struct swb_boot_flags *ret,
                     struct swb_error *err) _warn_unused_;

#define SWB_BOOT_HEALED 1
/*
 * BS-8. Call once at start, when the running slot is known: makes a place that was never written or
 * is damaged usable. Without readable flags `running` gets the highest priority and `tries` tries,
 * not successful (so the health checks run and then mark it good), and the other slot, of which
 * nothing is known, becomes unbootable. Flags that can be read are kept; a copy that is bad is
 * written anew, and so is a file that is missing or too short (a device is not). Return: 0 nothing
 * to do, SWB_BOOT_HEALED, BOOT.
 */
int swb_boot_heal(struct swb_boot *boot, enum swb_slot running, unsigned tries,
                  struct swb_error *err) _warn_unused_;

/*
 * All of these store the flags of both slots in one atomic step, durable on return, and read them
 * back from the medium. BOOT when that fails or the values differ: the text names place and values.
 */

/* Before the first byte goes into `slot`: priority 0, tries 0, not successful. */
int swb_boot_mark_unbootable(struct swb_boot *boot, enum swb_slot slot,
                             struct swb_error *err) _warn_unused_;
/* After the read-back was right: highest priority, `tries` (1 .. SWB_BOOT_TRIES_MAX) tries, not
 * successful yet; the other slot's priority goes below. */
int swb_boot_activate(struct swb_boot *boot, enum swb_slot slot, unsigned tries,
                      struct swb_error *err) _warn_unused_;
/* After the health checks: successful; a slot of priority 0 (booted by BS-4) gets 1, else it would
 * still be no candidate. Writes nothing when the slot is that already. */
int swb_boot_mark_good(struct swb_boot *boot, enum swb_slot slot,
                       struct swb_error *err) _warn_unused_;
/* All flags at once, for the bench boot loader, repair and tests. */
int swb_boot_store(struct swb_boot *boot, const struct swb_boot_flags *flags,
                   struct swb_error *err) _warn_unused_;
