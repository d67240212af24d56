/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/boot/bench.h - a boot loader without a machine: what U-Boot's script does, in milliseconds
 *
 * Spec: docs/spec/boot.md BS-1 … BS-5
 * For tests and demonstrations; on a device the real boot loader does this. Like it, it starts
 * anew when there are no readable flags (both slots get three tries, A first), and where tries
 * can't be counted it only trusts slots that are successful, and leaves no marker.
 */
#include "device/boot/boot.h"

struct swb_bench {
        struct swb_boot *boot;
        const char *image[_SWB_SLOT_MAX];
        /* For /bin/sh -c, with the image's path behind it; exit status 0: the kernel was loaded.
         * NULL: the image must begin with an ext4 file system. */
        const char *load_command;
};

struct swb_bench_result {
        enum swb_slot slot;
        struct swb_boot_flags before,
                after;   /* after == before when the tries could not be stored */
        bool fresh;      /* there were no readable flags */
        bool recovery;   /* chosen by BS-4 */
        bool counted;    /* flags read and tries honoured: the marker swb.boot=1 */
        unsigned n_lost; /* slots that could not be loaded before */
};

/* NOT_FOUND when no slot can be loaded; the flags are then as U-Boot would leave them. */
int swb_bench_boot(const struct swb_bench *bench, struct swb_bench_result *ret,
                   struct swb_error *err) _warn_unused_;

/* As from the factory: slot A good, slot B empty. Makes the file of a U-Boot environment if there
 * is none. */
int swb_bench_init(const char *backend, const char *place, struct swb_error *err) _warn_unused_;
