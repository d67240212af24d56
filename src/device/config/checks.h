/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* device/config/checks.h - the health checks of [health]: keys with a kind and a free name */
#include "device/config/config.h"

/* CONFIG unless it is a name for a partition or check ("what"): they appear in messages, events. */
int swb_config_check_name(const char *what, const char *name, struct swb_error *err) _warn_unused_;

/* "KIND.NAME" of [health]. Return: 0, or 1 when the key is no check's. */
int swb_checks_take(struct swb_config *config, const char *key, const char *value,
                    struct swb_error *err) _warn_unused_;

/* Once all keys are read. The server's check comes last: it waits for a network that others may
 * have to see to. */
int swb_checks_add_server(struct swb_config *config, struct swb_error *err) _warn_unused_;
