/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swb-pack/progress.h - how far it is, for people and for programs
 *
 * auto: a bar on standard error if that is a terminal, else plain. plain: a line on standard error
 * at each stage's start and tenth. json: one object a line on standard output. none: nothing. All
 * of them say how long it will still take, once that is known.
 */
#include <stdint.h>

#include "base/error.h"
#include "bin/swb-pack/eta.h"

enum swb_progress_form {
        SWB_PROGRESS_NONE,
        SWB_PROGRESS_PLAIN,
        SWB_PROGRESS_BAR,
        SWB_PROGRESS_JSON,
};

struct swb_progress_view {
        enum swb_progress_form form;
        char stage[32]; /* shown last */
        unsigned percent;
        uint64_t shown_usec; /* when */
        bool bar_open;       /* the cursor stands behind a bar */
        struct swb_eta eta;
};

/* name: "auto", "plain", "json", "none". USAGE. */
int swb_progress_view_init(struct swb_progress_view *view, const char *name,
                           struct swb_error *err) _warn_unused_;
/* The stages that will come (a list as in bin/swb-pack/eta.h, borrowed); before the first report.
 */
void swb_progress_view_expect(struct swb_progress_view *view, const struct swb_eta_stage *stages);
/* Has the form of struct swb_progress's callback. */
void swb_progress_view_report(void *view, const char *stage, uint64_t done, uint64_t total);
/* Ends a bar's line; before anything else is written. */
void swb_progress_view_end(struct swb_progress_view *view);
