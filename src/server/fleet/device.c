/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/device.h"

#include "base/text.h"
#include "server/fleet/meaning.h"

const char *swb_device_state_to_string(enum swb_device_state state)
{
        static const char *const names[] = {
                [SWB_DEVICE_NEW] = "new",
                [SWB_DEVICE_UP_TO_DATE] = "up-to-date",
                [SWB_DEVICE_OFFERED] = "offered",
                [SWB_DEVICE_DOWNLOADING] = "downloading",
                [SWB_DEVICE_INSTALLED] = "installed",
                [SWB_DEVICE_FAILED] = "failed",
                [SWB_DEVICE_HELD] = "held",
        };

        return state >= 0 && state < _SWB_DEVICE_STATE_MAX ? names[state] : "unknown";
}

static void set_state(struct swb_device *device, enum swb_device_state state, const char *reason)
{
        device->state = state;
        swb_copy_bounded(device->reason, reason, SWB_TEXT_MAX);
}

static void settle(struct swb_device *device)
{
        device->granted_version[0] = '\0';
        set_state(device, SWB_DEVICE_UP_TO_DATE, "");
}

static void complete(struct swb_device *device, int64_t now)
{
        device->updated_at = now;
        settle(device);
}

static void fail(struct swb_device *device, const struct swb_omaha_event *event)
{
        char code[SWB_OMAHA_ERRORCODE_TEXT], reason[SWB_TEXT_MAX + 1];
        const char *what =
                *event->fault ? event->fault : swb_omaha_errorcode_describe(event->errorcode, code);

        (void)snprintf(reason, sizeof(reason), "%s%s%s", what, *event->text ? ": " : "",
                       event->text);
        set_state(device, SWB_DEVICE_FAILED, reason);
}

void swb_device_apply_event(struct swb_device *device, const struct swb_omaha_event *event,
                            int64_t now)
{
        device->last_event_at = now;
        device->last_event_type = event->type;
        device->last_event_result = event->result;
        device->last_errorcode = event->errorcode;
        if (*event->slot)
                swb_copy_bounded(device->slot, event->slot, SWB_SLOT_NAME_MAX);
        switch (swb_event_meaning(event)) {
        case SWB_MEANS_DOWNLOADING:
                set_state(device, SWB_DEVICE_DOWNLOADING, "");
                break;
        case SWB_MEANS_INSTALLED:
                set_state(device, SWB_DEVICE_INSTALLED, "");
                break;
        case SWB_MEANS_COMPLETED:
                complete(device, now);
                break;
        case SWB_MEANS_FAILED:
                fail(device, event);
                break;
        case SWB_MEANS_NOTHING:
        default:
                break;
        }
}

/* Nothing that a device sends is stored unless it makes sense. */
static void apply_abilities(struct swb_device *device, const char *reads)
{
        struct swb_abilities abilities;

        if (strcmp(device->abilities, reads) == 0)
                return;
        swb_abilities_parse(reads, &abilities);
        swb_copy_bounded(device->abilities, abilities.is_told ? reads : "",
                         sizeof(device->abilities) - 1);
}

void swb_device_apply_app(struct swb_device *device, const struct swb_omaha_app *app, int64_t now)
{
        if (device->first_seen == 0)
                device->first_seen = now;
        device->last_seen = now;
        /* A device that will wipe itself says 0.0.0.0 and the real version beside it. */
        swb_copy_bounded(device->version, *app->from_version ? app->from_version : app->version,
                         SWB_VERSION_MAX);
        swb_copy_bounded(device->board, app->board, SWB_NAME_MAX);
        swb_copy_bounded(device->hardware_class, app->hardware_class, SWB_NAME_MAX);
        if (app->has_update_check)
                apply_abilities(device, app->reads);
        /* OM-20: the event that reports a completion may get lost, the version it runs does not.
         * Only a system that is content with itself asks for the next one: a report may say that it
         * is not. */
        if (app->has_update_check && *device->granted_version &&
            swb_version_compare(device->version, device->granted_version) == 0)
                complete(device, now);
}

static void apply_offer(struct swb_device *device, const struct swb_decision *decision, int64_t now)
{
        bool same = strcmp(device->granted_version, decision->release->version) == 0;
        bool another = *device->granted_version && !same;
        bool under_way = device->state == SWB_DEVICE_DOWNLOADING ||
                         device->state == SWB_DEVICE_INSTALLED ||
                         device->state == SWB_DEVICE_FAILED || device->state == SWB_DEVICE_OFFERED;

        swb_copy_bounded(device->granted_version, decision->release->version, SWB_VERSION_MAX);
        if (!same)
                device->granted_at = now;
        /* A device asks again while it downloads, waits or has failed: that is still so. */
        if (another || !under_way)
                set_state(device, SWB_DEVICE_OFFERED, "");
}

/* Held back by a rollout: that is no fault of a device that has what the others have. */
static void apply_hold(struct swb_device *device, const struct swb_decision *decision)
{
        if (decision->recall)
                device->granted_version[0] = '\0';
        else if (device->state == SWB_DEVICE_DOWNLOADING || device->state == SWB_DEVICE_INSTALLED ||
                 device->state == SWB_DEVICE_FAILED)
                return;
        set_state(device,
                  decision->is_base_current && !decision->recall ? SWB_DEVICE_UP_TO_DATE
                                                                 : SWB_DEVICE_HELD,
                  swb_hold_to_string(decision->hold));
}

void swb_device_apply_decision(struct swb_device *device, const struct swb_decision *decision,
                               int64_t now)
{
        swb_copy_bounded(device->channel, decision->channel ? decision->channel->name : "",
                         SWB_NAME_MAX);
        if (decision->outcome == SWB_SELECT_UPDATE)
                apply_offer(device, decision, now);
        else if (decision->outcome == SWB_SELECT_UP_TO_DATE)
                settle(device);
        else if (decision->outcome == SWB_SELECT_ROLLOUT)
                apply_hold(device, decision);
        else if (device->state != SWB_DEVICE_DOWNLOADING && device->state != SWB_DEVICE_INSTALLED)
                set_state(device, SWB_DEVICE_HELD, swb_select_outcome_to_string(decision->outcome));
}
