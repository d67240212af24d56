/* SPDX-License-Identifier: Apache-2.0 */
#include "server/report/report.h"

const char *swb_format_time(int64_t unix_seconds, char *text)
{
        time_t t = (time_t)unix_seconds;
        struct tm tm;

        text[0] = '\0';
        if (unix_seconds != 0 && gmtime_r(&t, &tm) &&
            strftime(text, SWB_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                text[0] = '\0';
        return text;
}

bool swb_device_is_silent(const struct swb_device *device, int64_t now,
                          uint64_t silent_after_seconds)
{
        return now > device->last_seen &&
               (uint64_t)(now - device->last_seen) > silent_after_seconds;
}

const char *swb_device_describe(const struct swb_device *device, int64_t now,
                                uint64_t silent_after_seconds, char *text)
{
        bool silent = swb_device_is_silent(device, now, silent_after_seconds);

        (void)snprintf(text, SWB_DEVICE_STATE_TEXT, "%s%s%s%s", silent ? "silent, was " : "",
                       swb_device_state_to_string(device->state), *device->reason ? ": " : "",
                       device->reason);
        return text;
}

const char *swb_event_describe(int32_t type, int32_t result, int32_t errorcode, char *text)
{
        char code[SWB_OMAHA_ERRORCODE_TEXT];
        bool with_code = errorcode != 0 && swb_omaha_event_result_is_failure(result);

        (void)snprintf(text, SWB_EVENT_TEXT, "%s: %s%s%s%s", swb_omaha_event_type_to_string(type),
                       swb_omaha_event_result_to_string(result), with_code ? " (" : "",
                       with_code ? swb_omaha_errorcode_describe(errorcode, code) : "",
                       with_code ? ")" : "");
        return text;
}
