/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/event.h"

#include "base/text.h"

enum { TYPE, RESULT, ERRORCODE, PREVIOUS, NEXT, SLOT, FAULT, TEXT };

void swb_event_text_done(struct swb_event_text *event)
{
        free(event->text);
}

/* Cuts the text at its first colons; fields that are not there are "". */
static void split(char *text, const char *fields[SWB_EVENT_FIELDS])
{
        for (size_t i = 0; i < SWB_EVENT_FIELDS; i++) {
                char *colon = i < TEXT ? strchr(text, ':') : NULL;

                fields[i] = text;
                text = colon ? colon + 1 : text + strlen(text);
                if (colon)
                        *colon = '\0';
        }
}

static int parse_number(const char *field, const char *what, int64_t min, int32_t *ret,
                        struct swb_error *err)
{
        int64_t value;

        if (swb_parse_i64(field, &value) < 0 || value < min || value > INT32_MAX)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "%s '%s' is not a number of it",
                                what, field);
        *ret = (int32_t)value;
        return 0;
}

static int parse_fields(const char *const *fields, const char *previous,
                        struct swb_omaha_event *ret, struct swb_error *err)
{
        int r;

        r = parse_number(fields[TYPE], "event type", 0, &ret->type, err);
        if (r >= 0)
                r = parse_number(fields[RESULT], "event result", 0, &ret->result, err);
        if (r >= 0 && *fields[ERRORCODE])
                r = parse_number(fields[ERRORCODE], "error code", INT32_MIN, &ret->errorcode, err);
        if (r < 0)
                return r;
        if (*fields[FAULT] && (int)swb_fault_from_string(fields[FAULT]) < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "fault '%s' is not known",
                                fields[FAULT]);
        ret->previousversion = *fields[PREVIOUS] ? fields[PREVIOUS] : previous;
        ret->nextversion = fields[NEXT];
        ret->slot = fields[SLOT];
        ret->fault = fields[FAULT];
        ret->text = fields[TEXT];
        return 0;
}

int swb_event_text_parse(const char *argument, const char *previous, struct swb_event_text *ret,
                         struct swb_error *err)
{
        const char *fields[SWB_EVENT_FIELDS];
        struct swb_event_text event = {.text = strdup(argument)};
        int r;

        if (!event.text)
                return swb_oom(err);
        split(event.text, fields);
        r = parse_fields(fields, previous, &event.event, err);
        if (r < 0) {
                swb_event_text_done(&event);
                return swb_wrap(err, r, "event '%s'", argument);
        }
        *ret = event;
        return 0;
}
