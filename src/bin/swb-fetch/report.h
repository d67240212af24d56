/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swb-fetch/report.h - what is told: messages to swbd, or lines for a person
 *
 * The messages are those of docs/ARCHITECTURE.md, "Messages between the engine and its workers".
 */
#include "base/control.h"
#include "device/fetch/download.h"

struct report {
        int control_fd; /* -EBADF: a person reads */
        bool is_terminal;
        bool has_progress;  /* a line of progress stands on the terminal */
        uint64_t last_msec; /* of the progress told last */
};

/* `control`: number of the socket, or NULL. USAGE when it is not one. */
int report_init(struct report *report, const char *control, struct swb_error *err) _warn_unused_;

void report_progress(struct report *report, const struct swb_download_progress *progress);

/*
 * The end. failure NULL: success. `more`: further lines of a successful outcome, or NULL; without
 * a control socket they go to standard output.
 */
void report_outcome(struct report *report, const struct swb_error *failure,
                    const struct swb_http_status *status, const struct swb_buf *more);
