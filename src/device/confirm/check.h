/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/confirm/check.h - what runs for a health check
 *
 * Each kind becomes a program: one way to start, limit and end them all, and nothing that a unit,
 * a service on the bus or a server may answer gets into swbd.
 */
#include "device/config/config.h"

#define SWB_CHECK_ARGS_MAX 8

struct swb_check {
        const char *argv[SWB_CHECK_ARGS_MAX]; /* ends with NULL; strings are the configuration's, */
        char *copy[3];                        /* or these */
};

/* The configuration is borrowed as long as the check is used. */
int swb_check_prepare(const struct swb_config *config, const struct swb_config_check *check,
                      struct swb_check *ret, struct swb_error *err) _warn_unused_;
void swb_check_done(struct swb_check *check);
