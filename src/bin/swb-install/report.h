/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swb-install/report.h - what is told while it runs: messages to swbd, or lines for a person
 *
 * The messages are those of docs/ARCHITECTURE.md, "Messages between the engine and its workers".
 */
#include "device/install/installer.h"

struct report {
        int control_fd; /* -EBADF: a person reads */
        bool is_terminal;
        bool deaf;              /* nobody reads the messages any more */
        uint64_t last_msec;     /* of the progress told last */
        unsigned last_percent;  /* told as a line */
        const char *last_stage; /* borrowed from the progress */
};

/* `control`: number of the socket, or NULL. USAGE when it is not one. */
int report_init(struct report *report, const char *control, struct swb_error *err) _warn_unused_;

void report_need(struct report *report, uint64_t offset);
void report_progress(struct report *report, const struct swb_install_progress *progress);
/* failure NULL: success, of a payload of this version ("" if it names none). */
void report_outcome(struct report *report, const struct swb_error *failure, const char *version);
