/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/boot/ops.h - what a back end is (inside this folder only)
 *
 * One file per back end, one const table; boot.c holds the list. Read-back and comparison after a
 * store are boot.c's.
 */
#include "device/boot/boot.h"

struct swb_boot_ops {
        const char *name;
        /* All required. `name` of ret: what error texts call the place. */
        int (*open)(const char *place, void **ret, struct swb_error *err);
        void (*close)(void *state);
        /*
         * From the medium, not from a cache. Return: 0; SWB_BOOT_DEGRADED (boot.h); BOOT with
         * -ENODATA when there are no flags or no whole copy, -EBADMSG when a flag is malformed,
         * else the medium's error.
         */
        int (*read)(void *state, struct swb_boot_flags *ret, struct swb_error *err);
        /* All flags in one atomic step, must be durable on return. Also when read() says -ENODATA
         * or -EBADMSG. */
        int (*store)(void *state, const struct swb_boot_flags *flags, struct swb_error *err);
};

extern const struct swb_boot_ops swb_boot_uboot, swb_boot_gpt, swb_boot_grub, swb_boot_fake;

/* As swb_boot_uboot.open(), with another file for the variables of a fresh environment. */
int swb_uboot_open(const char *place, const char *initial_env, void **ret,
                   struct swb_error *err) _warn_unused_;
