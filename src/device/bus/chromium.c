/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smaller half of update_engine's D-Bus interface, org.chromium.UpdateEngineInterface, for
 * applications that were written for it. Off, unless [device] chromium-dbus says otherwise.
 */
#include "base/log.h"
#include "device/bus/parts.h"
#include "device/bus/properties.h"

#define NAME "org.chromium.UpdateEngine"
#define PATH "/org/chromium/UpdateEngine"
#define INTERFACE "org.chromium.UpdateEngineInterface"
#define FAILED "org.chromium.UpdateEngine.Error.Failed"

#define FLAG_NON_INTERACTIVE 1 /* of AttemptUpdateWithFlags */

static const char *operation_of(enum swb_engine_state state)
{
        switch (state) {
        case SWB_ENGINE_CHECKING:
                return "UPDATE_STATUS_CHECKING_FOR_UPDATE";
        case SWB_ENGINE_AVAILABLE:
                return "UPDATE_STATUS_UPDATE_AVAILABLE";
        case SWB_ENGINE_DOWNLOADING:
                return "UPDATE_STATUS_DOWNLOADING";
        case SWB_ENGINE_VERIFYING:
                return "UPDATE_STATUS_VERIFYING";
        case SWB_ENGINE_HELD:
                return "UPDATE_STATUS_FINALIZING";
        case SWB_ENGINE_UPDATED:
        case SWB_ENGINE_REBOOTING:
                return "UPDATE_STATUS_UPDATED_NEED_REBOOT";
        case SWB_ENGINE_IDLE:
        case SWB_ENGINE_CONFIRMING:
        case _SWB_ENGINE_STATE_MAX:
        default:
                return "UPDATE_STATUS_IDLE";
        }
}

static int append_status(sd_bus_message *out, const struct swb_status *status)
{
        char version[128];

        (void)snprintf(version, sizeof(version), "%s", status->available_version);
        swb_bus_mend_utf8(version);
        return sd_bus_message_append(
                out, "xdssx", (int64_t)(status->last_check_wall_usec / 1000000), status->progress,
                operation_of(status->state), version, (int64_t)status->bytes_total);
}

static void message_done(sd_bus_message **message)
{
        (void)sd_bus_message_unref(*message);
}

void swb_bus_chromium_changed(struct swb_bus *bus)
{
        _cleanup_(message_done) sd_bus_message *signal = NULL;
        int r;

        if (!bus->with_chromium || !bus->bus)
                return;
        r = sd_bus_message_new_signal(bus->bus, &signal, PATH, INTERFACE, "StatusUpdate");
        if (r >= 0)
                r = append_status(signal, swb_engine_status(bus->engine));
        if (r >= 0)
                r = sd_bus_send(bus->bus, signal, NULL);
        if (r < 0)
                swb_log(SWB_LOG_DEBUG, "StatusUpdate: %s", strerror(-r));
}

/* ---- methods ---- */

static int reply(sd_bus_message *message, int r, struct swb_error *err, sd_bus_error *ret_error)
{
        swb_log(SWB_LOG_INFO, "%s asked for by %s%s%s", sd_bus_message_get_member(message),
                sd_bus_message_get_sender(message), r < 0 ? ", refused: " : "", err->text);
        if (r >= 0)
                return sd_bus_reply_method_return(message, "");
        swb_bus_mend_utf8(err->text);
        return sd_bus_error_set(ret_error, FAILED, err->text);
}

/* Servers that somebody else names are not asked: who may call us need not be trusted that far. */
static int attempt(struct swb_bus *bus, const char *url, bool by_hand, struct swb_error *err)
{
        if (url[0] != '\0')
                return swb_fail(err, -EPERM, SWB_FAULT_DENIED,
                                "another server than that of device.conf can't be given");
        return by_hand ? swb_engine_install(bus->engine, err) : swb_engine_check(bus->engine, err);
}

static int method_attempt(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        struct swb_error err = SWB_ERROR_INIT;
        const char *version, *url;
        int r = sd_bus_message_read(message, "ss", &version, &url);

        if (r < 0)
                return r;
        return reply(message, attempt(userdata, url, true, &err), &err, ret_error);
}

static int method_attempt_with_flags(sd_bus_message *message, void *userdata,
                                     sd_bus_error *ret_error)
{
        struct swb_error err = SWB_ERROR_INIT;
        const char *version, *url;
        int32_t flags;
        int r = sd_bus_message_read(message, "ssi", &version, &url, &flags);

        if (r < 0)
                return r;
        return reply(message, attempt(userdata, url, !(flags & FLAG_NON_INTERACTIVE), &err), &err,
                     ret_error);
}

static int method_get_status(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        _cleanup_(message_done) sd_bus_message *out = NULL;
        struct swb_bus *bus = userdata;
        int r = sd_bus_message_new_method_return(message, &out);

        (void)ret_error;
        if (r >= 0)
                r = append_status(out, swb_engine_status(bus->engine));
        return r < 0 ? r : sd_bus_send(NULL, out, NULL);
}

static int method_reboot(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_bus *bus = userdata;

        return reply(message, swb_engine_reboot(bus->engine, &err), &err, ret_error);
}

static int method_reset(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_bus *bus = userdata;

        return reply(message, swb_engine_discard(bus->engine, &err), &err, ret_error);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("AttemptUpdate", SD_BUS_ARGS("s", app_version, "s", omaha_url),
                                SD_BUS_NO_RESULT, method_attempt, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "AttemptUpdateWithFlags", SD_BUS_ARGS("s", app_version, "s", omaha_url, "i", flags),
                SD_BUS_NO_RESULT, method_attempt_with_flags, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("x", last_checked_time, "d", progress, "s",
                                              current_operation, "s", new_version, "x", new_size),
                                method_get_status, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RebootIfNeeded", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reboot,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ResetStatus", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reset,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("StatusUpdate",
                                SD_BUS_ARGS("x", last_checked_time, "d", progress, "s",
                                            current_operation, "s", new_version, "x", new_size),
                                0),
        SD_BUS_VTABLE_END,
};

/* The engine's own interface does not depend on this one. */
void swb_bus_add_chromium(struct swb_bus *bus)
{
        int r;

        if (!bus->with_chromium)
                return;
        r = sd_bus_add_object_vtable(bus->bus, NULL, PATH, INTERFACE, vtable, bus);
        if (r >= 0)
                r = sd_bus_request_name(bus->bus, NAME, 0);
        if (r < 0)
                swb_log(SWB_LOG_WARNING, "the bus name '" NAME "': %s, going on without it",
                        strerror(-r));
}
