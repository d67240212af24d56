/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/meaning.h"

#include "base/text.h"
#include "server/store/names.h"

/* OM-20: a completion names the version that was left; without one it is a first contact. */
static bool is_completion(const struct swb_omaha_event *event)
{
        if (event->type == SWB_OMAHA_EVENT_REBOOTED_AFTER_UPDATE)
                return event->result == SWB_OMAHA_RESULT_SUCCESS;
        return event->type == SWB_OMAHA_EVENT_UPDATE_COMPLETE &&
               event->result == SWB_OMAHA_RESULT_SUCCESS_REBOOT &&
               !swb_omaha_version_is_zero(event->previousversion);
}

enum swb_meaning swb_event_meaning(const struct swb_omaha_event *event)
{
        if (swb_omaha_event_result_is_failure(event->result))
                return SWB_MEANS_FAILED;
        if (is_completion(event))
                return SWB_MEANS_COMPLETED;
        if (event->result != SWB_OMAHA_RESULT_SUCCESS)
                return SWB_MEANS_NOTHING;
        switch (event->type) {
        case SWB_OMAHA_EVENT_DOWNLOAD_STARTED:
        case SWB_OMAHA_EVENT_UPDATE_DOWNLOAD_STARTED:
        case SWB_OMAHA_EVENT_DOWNLOAD_COMPLETE:
        case SWB_OMAHA_EVENT_UPDATE_DOWNLOAD_FINISHED:
                return SWB_MEANS_DOWNLOADING;
        case SWB_OMAHA_EVENT_INSTALL_COMPLETE:
        case SWB_OMAHA_EVENT_UPDATE_COMPLETE:
        case SWB_OMAHA_EVENT_INSTALLED_HELD_BACK:
                return SWB_MEANS_INSTALLED;
        default:
                return SWB_MEANS_NOTHING;
        }
}

static bool is_fault(const struct swb_omaha_event *event, enum swb_fault fault)
{
        return strcmp(event->fault, swb_fault_to_string(fault)) == 0;
}

bool swb_event_is_of_the_way(const struct swb_omaha_event *event)
{
        static const enum swb_fault faults[] = {SWB_FAULT_NETWORK, SWB_FAULT_TIMEOUT,
                                                SWB_FAULT_HTTP, SWB_FAULT_CANCELLED,
                                                SWB_FAULT_BUSY};
        int32_t code = swb_omaha_errorcode_base(event->errorcode);

        for (size_t i = 0; i < SWB_ELEMENTS(faults); i++)
                if (is_fault(event, faults[i]))
                        return true;
        if (*event->fault)
                return false;
        /* Transfer, empty answer, HTTP, cancelled by a person, 2000 + HTTP status. */
        return code == 9 || code == 30 || code == 37 || code == 48 || code >= 2000;
}

bool swb_event_is_fall_back(const struct swb_omaha_event *event)
{
        if (*event->fault)
                return is_fault(event, SWB_FAULT_FELL_BACK) || is_fault(event, SWB_FAULT_HEALTH);
        return swb_omaha_errorcode_base(event->errorcode) == 44;
}

const char *swb_event_failure_name(const struct swb_omaha_event *event, char *text)
{
        static const char health[] = "health check '";
        char code[SWB_OMAHA_ERRORCODE_TEXT];
        size_t n;

        if (swb_starts_with(event->text, health)) {
                n = strlen(health) + strcspn(event->text + strlen(health), "'") + 1;
                swb_copy_bounded(text, event->text, SWB_MIN(n, (size_t)SWB_FAILURE_NAME - 1));
                return text;
        }
        swb_copy_bounded(text,
                         *event->fault ? event->fault
                                       : swb_omaha_errorcode_describe(event->errorcode, code),
                         SWB_FAILURE_NAME - 1);
        return text;
}
