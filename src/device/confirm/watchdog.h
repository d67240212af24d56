/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/confirm/watchdog.h - a hardware watchdog that is fed while a new system is confirmed
 *
 * Once open it resets the device unless it is fed in time: also if swbd hangs, is killed and does
 * not come back, or a reboot out of an ill system gets stuck. The boot loader then counts the try.
 */
#include <stdint.h>

#include "base/error.h"

struct swb_watchdog;

/* Starts it. path is borrowed. BUSY: somebody else has it, systemd for instance; UNSUPPORTED: it
 * could not be stopped again, which nobody could take over from us. A file that is no device is
 * written to as if it were a watchdog. */
int swb_watchdog_open(const char *path, uint64_t timeout_usec, struct swb_watchdog **ret,
                      struct swb_error *err) _warn_unused_;

/* Until it bites, in microseconds, as the hardware took it; feed it much more often. */
uint64_t swb_watchdog_timeout(const struct swb_watchdog *watchdog);

int swb_watchdog_feed(struct swb_watchdog *watchdog, struct swb_error *err) _warn_unused_;

/* Only _free() may follow, which then ends it. */
int swb_watchdog_stop(struct swb_watchdog *watchdog, struct swb_error *err) _warn_unused_;

/* Unless it was stopped it goes on, and bites. */
struct swb_watchdog *swb_watchdog_free(struct swb_watchdog *watchdog);
SWB_DEFINE_CLEANUP(struct swb_watchdog *, swb_watchdog_free)
