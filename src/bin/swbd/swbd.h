/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swbd/swbd.h - the daemon's options, and its run from start to end */
#include "base/options.h"

struct swbd_options {
        const char *config, *log_level;
        bool no_bus;
};

/* Until SIGTERM or SIGINT. Return: exit status, < 0 when it could not start. */
int swbd_run(const struct swbd_options *options, struct swb_error *err) _warn_unused_;
