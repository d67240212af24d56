/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/engine/reports.h - what the server is told, and how a failure is called there
 *
 * Omaha's event types, results and error codes as Chrome OS's and Flatcar's clients use them;
 * the stable fault name goes along, as the codes are coarse. Nothing is queued twice in a row.
 */
#include "device/engine/state.h"

enum swb_report {
        SWB_REPORT_STARTED,    /* download begun */
        SWB_REPORT_DOWNLOADED, /* all bytes are here */
        SWB_REPORT_INSTALLED,  /* read back, waits for the reboot */
        SWB_REPORT_COMPLETED,  /* new system is up, healthy and marked good: the only success */
        SWB_REPORT_FAILED,
        SWB_REPORT_HELD,    /* a rule of the policy holds it up: swb_report_held() */
        SWB_REPORT_REFUSED, /* offered, but not taken by this device's own rules */
        _SWB_REPORT_MAX,
};

/* HTTP status: for fault HTTP, 0 = not known. */
int swb_report_error_code(enum swb_fault fault, uint64_t http_status);

/* Queues the event that `gate` does not open, by the policy's answer. */
void swb_report_held(struct swb_state *state, const struct swb_pending *update, enum swb_gate gate,
                     const struct swb_policy_answer *answer);

/* Queues the event about this update, not necessarily the state's own. err: for FAILED and REFUSED,
 * else NULL. */
void swb_report_queue(struct swb_state *state, enum swb_report report,
                      const struct swb_pending *update, const struct swb_error *err,
                      uint64_t http_status);
