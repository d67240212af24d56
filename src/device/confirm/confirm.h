/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/confirm/confirm.h - is the new system well? The declared health checks, with time limits
 *
 * Place:  driven by device/engine after a reboot into a slot that is not yet successful
 * Model:  never blocks. One file descriptor becomes readable when there is something to do, for
 *         any event loop (it is an epoll instance inside); then call _step().
 * Order:  waits until the system is up for [health] min-uptime, then runs the checks one after the
 * other. A check that fails is run again after [health] interval, until it passes or [health]
 * timeout is over. Without declared checks, reaching min-uptime is enough. Does not touch the boot
 * flags: marking good is the engine's.
 */
#include "device/config/config.h"

#define SWB_CONFIRM_TEXT_MAX 1152

enum {
        SWB_CONFIRM_MORE = 0,   /* wait for the descriptor again */
        SWB_CONFIRM_PASSED = 1, /* all checks passed in a row */
        SWB_CONFIRM_FAILED = 2, /* time is over, ret says which check */
};

struct swb_confirm_result {
        const char *check;               /* name, borrowed from the configuration */
        char text[SWB_CONFIRM_TEXT_MAX]; /* how it ended and the end of its output */
};

struct swb_confirm;

/* Begins. The configuration is borrowed until _free(). */
int swb_confirm_new(const struct swb_config *config, struct swb_confirm **ret,
                    struct swb_error *err) _warn_unused_;
/* Kills a check that is running. */
struct swb_confirm *swb_confirm_free(struct swb_confirm *confirm);
SWB_DEFINE_CLEANUP(struct swb_confirm *, swb_confirm_free)

/* Watch for reading (EPOLLIN, level-triggered). Owned by confirm. */
int swb_confirm_fd(const struct swb_confirm *confirm);

/*
 * Return: SWB_CONFIRM_*; after PASSED and FAILED only _free() may be called. `ret` is written
 * for FAILED only. < 0: no check could be started at all (/bin/sh missing, no memory, no file
 * descriptors).
 */
int swb_confirm_step(struct swb_confirm *confirm, struct swb_confirm_result *ret,
                     struct swb_error *err) _warn_unused_;
