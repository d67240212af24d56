/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/boot/gpt.h - the back end "gpt" on a medium of the caller's choice, for tests
 *
 * The medium belongs to the back end from then on, also when this fails.
 */
#include "device/boot/medium.h"

int swb_gpt_open(const char *place,
                 int (*open_medium)(const char *path, struct swb_medium **ret,
                                    struct swb_error *err),
                 void **ret, struct swb_error *err) _warn_unused_;
