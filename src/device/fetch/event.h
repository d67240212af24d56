/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/fetch/event.h - an event for the server, as it stands on the command line
 *
 * TYPE:RESULT[:ERRORCODE[:PREVIOUS[:NEXT[:SLOT[:FAULT[:TEXT]]]]]]
 *
 * TYPE and RESULT are Omaha's numbers, ERRORCODE a signed number; PREVIOUS and NEXT are versions,
 * FAULT is a name of base/error.h. Fields may be empty; TEXT is all the rest, colons included.
 */
#include "omaha/request.h"

#define SWB_EVENT_FIELDS 8

/* A parsed event; its texts point into `text`. */
struct swb_event_text {
        char *text;
        struct swb_omaha_event event;
};

void swb_event_text_done(struct swb_event_text *event);
/* previous: for events that name none, or "". USAGE. */
int swb_event_text_parse(const char *argument, const char *previous, struct swb_event_text *ret,
                         struct swb_error *err) _warn_unused_;
