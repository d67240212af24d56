/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-bench-boot/boot.h - the program's one action */
#include "base/options.h"

struct boot_options {
        const char *backend, *place, *cmdline, *load_command;
        struct swb_opt_list slots;
        bool init, verbose;
};

/* Return: exit status, or < 0. */
int boot_run(const struct boot_options *options, struct swb_error *err) _warn_unused_;
