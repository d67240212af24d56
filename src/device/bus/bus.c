/* SPDX-License-Identifier: Apache-2.0 */
#include "device/bus/bus.h"

#include "base/log.h"
#include "device/bus/parts.h"
#include "device/bus/properties.h"

#define EMIT_USEC 250000     /* between two PropertiesChanged */
#define CONNECT_USEC 5000000 /* between two tries to reach the bus */

/* ---- signals ---- */

static void remember_shown(struct swb_bus *bus)
{
        bus->shown = *swb_engine_status(bus->engine);
        (void)snprintf(bus->shown_current, sizeof(bus->shown_current), "%s",
                       bus->shown.current_version);
        (void)snprintf(bus->shown_available, sizeof(bus->shown_available), "%s",
                       bus->shown.available_version);
        (void)snprintf(bus->shown_channel, sizeof(bus->shown_channel), "%s", bus->shown.channel);
        (void)snprintf(bus->shown_reason, sizeof(bus->shown_reason), "%s",
                       bus->shown.deferral_reason);
        bus->shown.current_version = bus->shown_current;
        bus->shown.available_version = bus->shown_available;
        bus->shown.channel = bus->shown_channel;
        bus->shown.deferral_reason = bus->shown_reason;
}

static void emit(struct swb_bus *bus)
{
        const char *names[SWB_BUS_PROPERTIES + 1];
        int r;

        if (swb_bus_changed_properties(&bus->shown, swb_engine_status(bus->engine), names) == 0)
                return;
        if (bus->bus) {
                r = sd_bus_emit_properties_changed_strv(bus->bus, SWB_BUS_PATH, SWB_BUS_NAME,
                                                        (char **)names);
                if (r < 0)
                        swb_log(SWB_LOG_DEBUG, "PropertiesChanged: %s", strerror(-r));
        }
        swb_bus_chromium_changed(bus);
        remember_shown(bus);
        bus->is_emit_planned = true;
        (void)sd_event_source_set_time_relative(bus->emit_timer, EMIT_USEC);
        (void)sd_event_source_set_enabled(bus->emit_timer, SD_EVENT_ONESHOT);
}

static int on_emit(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct swb_bus *bus = userdata;

        (void)source;
        (void)usec;
        bus->is_emit_planned = false;
        emit(bus);
        return 0;
}

void swb_bus_changed(struct swb_bus *bus)
{
        if (!bus->is_emit_planned)
                emit(bus);
}

static void emit_signal(struct swb_bus *bus, const char *name, uint64_t usec)
{
        char version[sizeof(bus->shown_available)];
        int r;

        if (!bus->bus)
                return;
        (void)snprintf(version, sizeof(version), "%s",
                       swb_engine_status(bus->engine)->available_version);
        swb_bus_mend_utf8(version);
        r = sd_bus_emit_signal(bus->bus, SWB_BUS_PATH, SWB_BUS_NAME, name, "st", version,
                               usec / 1000000);
        if (r < 0)
                swb_log(SWB_LOG_DEBUG, "%s: %s", name, strerror(-r));
}

void swb_bus_deadline_soon(struct swb_bus *bus, uint64_t left_usec)
{
        emit_signal(bus, "DeadlineSoon", left_usec);
}

void swb_bus_reboot_soon(struct swb_bus *bus, uint64_t left_usec)
{
        if (left_usec == UINT64_MAX)
                emit_signal(bus, "RebootCalledOff", 0);
        else
                emit_signal(bus, "RebootSoon", left_usec);
}

/* ---- connection ---- */

static void disconnect(struct swb_bus *bus)
{
        swb_bus_forget_callers(bus);
        bus->bus = sd_bus_close_unref(bus->bus);
        (void)sd_event_source_set_time_relative(bus->connect_timer, CONNECT_USEC);
        (void)sd_event_source_set_enabled(bus->connect_timer, SD_EVENT_ONESHOT);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        struct swb_bus *bus = userdata;

        (void)message;
        (void)ret_error;
        swb_log(SWB_LOG_WARNING, "the bus is gone, trying to reach it again");
        /* Not closed here, inside its own dispatching: the timer does it. */
        (void)sd_event_source_set_time_relative(bus->connect_timer, 0);
        (void)sd_event_source_set_enabled(bus->connect_timer, SD_EVENT_ONESHOT);
        return 0;
}

static int request_name(sd_bus *connection, struct swb_error *err)
{
        int r = sd_bus_request_name(connection, SWB_BUS_NAME, 0);

        if (r == -EEXIST)
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY,
                                "another process already has the bus name '" SWB_BUS_NAME "'");
        if (r == -EACCES || r == -EPERM)
                return swb_fail(err, r, SWB_FAULT_DENIED,
                                "the bus does not let us have the name '" SWB_BUS_NAME
                                "': is its policy file " SWB_BUS_NAME ".conf installed?");
        return r < 0 ? swb_fail_errno(err, r, "get the bus name '" SWB_BUS_NAME "'") : 0;
}

static int set_up(struct swb_bus *bus, sd_bus *connection, struct swb_error *err)
{
        int r;

        (void)sd_bus_set_exit_on_disconnect(connection, 0); /* can't fail for an open one */
        r = sd_bus_add_filter(connection, NULL, swb_bus_check_access, bus);
        if (r >= 0)
                r = sd_bus_add_object_vtable(connection, NULL, SWB_BUS_PATH, SWB_BUS_NAME,
                                             swb_bus_vtable, bus);
        if (r >= 0)
                r = sd_bus_match_signal(connection, NULL, NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected",
                                        on_disconnected, bus);
        if (r < 0)
                return swb_fail_errno(err, r, "set up the bus object");
        r = request_name(connection, err);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(connection, bus->event, SD_EVENT_PRIORITY_NORMAL);
        return r < 0 ? swb_fail_errno(err, r, "attach the bus") : 0;
}

static void close_busp(sd_bus **connection)
{
        (void)sd_bus_flush_close_unref(*connection);
}

static int connect_bus(struct swb_bus *bus, struct swb_error *err)
{
        _cleanup_(close_busp) sd_bus *connection = NULL;
        int r;

        r = sd_bus_open_system(&connection);
        if (r < 0)
                return swb_fail(err, r, SWB_FAULT_NETWORK, "the system bus can't be reached: %s",
                                strerror(-r));
        r = set_up(bus, connection, err);
        if (r < 0)
                return r;
        bus->bus = SWB_TAKE_PTR(connection);
        bus->is_missed = false;
        swb_bus_add_chromium(bus);
        swb_bus_watch_others(bus);
        swb_log(SWB_LOG_DEBUG, "on the bus as '" SWB_BUS_NAME "'");
        return 0;
}

static void try_again_later(struct swb_bus *bus, const struct swb_error *err)
{
        if (!bus->is_missed)
                (void)swb_log_failure(SWB_LOG_WARNING, err, "going on without a bus");
        bus->is_missed = true;
        disconnect(bus);
}

static int on_connect(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct swb_bus *bus = userdata;
        struct swb_error err = SWB_ERROR_INIT;

        (void)source;
        (void)usec;
        swb_bus_forget_callers(bus);
        bus->bus = sd_bus_close_unref(bus->bus);
        if (connect_bus(bus, &err) < 0)
                try_again_later(bus, &err);
        return 0;
}

static int add_timer(struct swb_bus *bus, sd_event_source **source, sd_event_time_handler_t handler,
                     struct swb_error *err)
{
        int r = sd_event_add_time(bus->event, source, CLOCK_MONOTONIC, 0, EMIT_USEC / 10, handler,
                                  bus);

        if (r >= 0)
                r = sd_event_source_set_enabled(*source, SD_EVENT_OFF);
        return r < 0 ? swb_fail_errno(err, r, "set up a timer") : 0;
}

int swb_bus_new(sd_event *event, struct swb_engine *engine, bool with_chromium,
                struct swb_bus **ret, struct swb_error *err)
{
        _cleanup_(swb_bus_freep) struct swb_bus *bus = calloc(1, sizeof(*bus));
        struct swb_error cause = SWB_ERROR_INIT;
        int r;

        if (!bus)
                return swb_oom(err);
        bus->event = sd_event_ref(event);
        bus->engine = engine;
        bus->with_chromium = with_chromium;
        remember_shown(bus);
        r = add_timer(bus, &bus->emit_timer, on_emit, err);
        if (r >= 0)
                r = add_timer(bus, &bus->connect_timer, on_connect, err);
        if (r < 0)
                return r;
        r = connect_bus(bus, &cause);
        if (r < 0 && cause.fault == SWB_FAULT_BUSY) {
                *err = cause;
                return r;
        }
        if (r < 0)
                try_again_later(bus, &cause);
        *ret = SWB_TAKE_PTR(bus);
        return 0;
}

struct swb_bus *swb_bus_free(struct swb_bus *bus)
{
        if (!bus)
                return NULL;
        swb_bus_release_all(bus);
        swb_bus_forget_callers(bus);
        bus->bus = sd_bus_flush_close_unref(bus->bus);
        bus->emit_timer = sd_event_source_disable_unref(bus->emit_timer);
        bus->connect_timer = sd_event_source_disable_unref(bus->connect_timer);
        bus->event = sd_event_unref(bus->event);
        free(bus);
        return NULL;
}
