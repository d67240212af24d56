/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/boot/variables.h - the flags as six named numbers (docs/spec/boot.md, "Storage")
 *
 * Shared by the back ends that keep text: swb_A_priority, swb_A_tries, swb_A_successful, swb_B_…
 */
#include "device/boot/boot.h"

#define SWB_BOOT_VARIABLES 6

struct swb_boot_variable {
        const char *name;
        enum swb_slot slot;
        unsigned max;
};

/* index 0 .. SWB_BOOT_VARIABLES - 1. */
const struct swb_boot_variable *swb_boot_variable_at(size_t index);
unsigned swb_boot_variable_get(size_t index, const struct swb_boot_flags *flags);

/*
 * Reads all of them by `get` (the value or NULL; borrowed until the next call).
 * BOOT: -ENODATA when none of them is there; -EBADMSG when one is missing or not a number of its
 * range.
 */
int swb_boot_variables_read(const char *(*get)(void *context, const char *name), void *context,
                            const char *place, struct swb_boot_flags *ret,
                            struct swb_error *err) _warn_unused_;
