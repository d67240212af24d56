/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swbctl/screen.h - the engine's status for people: a table, a live line, or plain lines
 */
#include "bin/swbctl/client.h"

struct screen {
        bool is_terminal, has_color, has_utf8;
        bool has_live_line; /* the cursor stands behind it */
        char *told_state, *told_error;
        unsigned told_percent;
};

void screen_init(struct screen *screen);
/* Ends the live line. */
void screen_done(struct screen *screen);
/* The whole status. */
void screen_print(const struct screen *screen, const struct view *view);
/* What changed since the last call: a live line on a terminal, else one line for each state and
 * each tenth of the progress. */
void screen_follow(struct screen *screen, const struct view *view);
