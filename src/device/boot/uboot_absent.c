/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of uboot.c where libubootenv is not wanted (meson's option `uboot`). */
#include "device/boot/ops.h"

static int absent_open(const char *place, void **ret, struct swb_error *err)
{
        (void)place;
        (void)ret;
        return swb_fail(err, -EOPNOTSUPP, SWB_FAULT_CONFIG,
                        "this program was built without support for U-Boot environments");
}

/* Nothing is ever open, so nothing else is ever called. */
const struct swb_boot_ops swb_boot_uboot = {.name = "uboot", .open = absent_open};
