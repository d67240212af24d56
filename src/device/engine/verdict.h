/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/engine/verdict.h - what happened since we last ran: pure judgement at the start
 *
 * From the state file, the boot flags, the slot that runs, its version and the boot's id. This is
 * the one place that tells a restart of the daemon from a reboot into the new slot, a fallback, and
 * a power cut between any two steps.
 */
#include "device/engine/state.h"

enum swb_verdict {
        SWB_VERDICT_NORMAL,    /* nothing pending, the running slot is good */
        SWB_VERDICT_RESUME,    /* an update was found or was being written: go on */
        SWB_VERDICT_ACTIVATE,  /* read back, but its slot was not made bootable yet */
        SWB_VERDICT_REBOOT,    /* bootable, and we have not rebooted since */
        SWB_VERDICT_CONFIRM,   /* the new slot runs and is not marked good */
        SWB_VERDICT_CONFIRMED, /* the new slot runs and is marked good: only the report is missing
                                */
        SWB_VERDICT_FELL_BACK, /* there was a reboot, and the new slot does not run */
        SWB_VERDICT_EXPEL,     /* a rejected slot still runs: make it unbootable and reboot */
        SWB_VERDICT_EXPELLED,  /* a rejected slot was left behind */
        SWB_VERDICT_STRANGER,  /* the running slot is not marked good, and that is not pending:
                                  confirm it, then judge again */
        SWB_VERDICT_UNSOUND,   /* the running slot has priority 0: mend the flags, judge again */
        SWB_VERDICT_STALE,     /* what is pending makes no sense here: drop it, judge again */
        _SWB_VERDICT_MAX,
};

struct swb_circumstances {
        const struct swb_boot_flags *flags;
        enum swb_slot running;
        const char *version; /* of the running system */
        const char *boot_id;
};

enum swb_verdict swb_verdict(const struct swb_pending *pending,
                             const struct swb_circumstances *now);
const char *swb_verdict_to_string(enum swb_verdict verdict); /* a sentence for the log */
