/* SPDX-License-Identifier: Apache-2.0 */
#include "device/bus/bus.h"

#include <ctype.h>

#include "base/log.h"
#include "device/bus/properties.h"

#define NAME "org.switchback.Engine1"
#define PATH "/org/switchback/Engine1"
#define INTERFACE "org.switchback.Engine1"
#define ERROR_PREFIX "org.switchback.Error."

#define EMIT_USEC 250000     /* between two PropertiesChanged */
#define CONNECT_USEC 5000000 /* between two tries to reach the bus */

struct swb_bus {
        sd_event *event;
        struct swb_engine *engine;
        sd_bus *bus; /* NULL: no connection now */
        sd_event_source *emit_timer, *connect_timer;
        bool is_emit_planned;
        bool is_missed; /* that there is no bus was logged */
        /* What was emitted last. The texts it points to belong here. */
        struct swb_status shown;
        char shown_current[128], shown_available[128];
};

/* ---- methods ---- */

/* "no-space" -> "org.switchback.Error.NoSpace" */
static void make_error_name(enum swb_fault fault, char *name, size_t room)
{
        bool capital = true;
        size_t n = (size_t)snprintf(name, room, ERROR_PREFIX);

        for (const char *p = swb_fault_to_string(fault); *p && n + 1 < room; p++) {
                if (*p == '-') {
                        capital = true;
                        continue;
                }
                name[n++] = (char)(capital ? toupper((unsigned char)*p) : *p);
                capital = false;
        }
        name[n] = '\0';
}

static int reply(sd_bus_message *message, int r, struct swb_error *err, sd_bus_error *ret_error)
{
        char name[128];

        if (r >= 0)
                return sd_bus_reply_method_return(message, "");
        swb_log(SWB_LOG_INFO, "%s from %s refused: %s", sd_bus_message_get_member(message),
                sd_bus_message_get_sender(message), err->text);
        make_error_name(err->fault, name, sizeof(name));
        swb_bus_mend_utf8(err->text);
        return sd_bus_error_set(ret_error, name, err->text);
}

static int call(sd_bus_message *message, void *userdata, sd_bus_error *ret_error,
                int (*verb)(struct swb_engine *engine, struct swb_error *err))
{
        struct swb_bus *bus = userdata;
        struct swb_error err = SWB_ERROR_INIT;

        swb_log(SWB_LOG_INFO, "%s asked for by %s", sd_bus_message_get_member(message),
                sd_bus_message_get_sender(message));
        return reply(message, verb(bus->engine, &err), &err, ret_error);
}

static int method_check(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        return call(message, userdata, ret_error, swb_engine_check);
}

static int method_install(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        return call(message, userdata, ret_error, swb_engine_install);
}

static int method_cancel(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        return call(message, userdata, ret_error, swb_engine_cancel);
}

static int method_reboot(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        return call(message, userdata, ret_error, swb_engine_reboot);
}

static int append_findings(sd_bus_message *message, struct swb_diagnosis *diagnosis)
{
        int r = sd_bus_message_open_container(message, 'a', "(ssss)");

        for (size_t i = 0; r >= 0 && i < diagnosis->n; i++) {
                struct swb_finding *finding = &diagnosis->findings[i];

                swb_bus_mend_utf8(finding->text);
                r = sd_bus_message_append(message, "(ssss)", finding->name,
                                          swb_severity_to_string(finding->severity), finding->text,
                                          finding->advice);
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static void unref_messagep(sd_bus_message **message)
{
        (void)sd_bus_message_unref(*message);
}

static int method_doctor(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        struct swb_bus *bus = userdata;
        _cleanup_(swb_diagnosis_freep) struct swb_diagnosis *diagnosis = NULL;
        _cleanup_(unref_messagep) sd_bus_message *answer = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        int r;

        if (swb_engine_doctor(bus->engine, &diagnosis, &err) < 0)
                return reply(message, err.code, &err, ret_error);
        r = sd_bus_message_new_method_return(message, &answer);
        if (r >= 0)
                r = append_findings(answer, diagnosis);
        return r < 0 ? r : sd_bus_send(NULL, answer, NULL);
}

static int get_property(sd_bus *connection, const char *path, const char *interface,
                        const char *property, sd_bus_message *message, void *userdata,
                        sd_bus_error *ret_error)
{
        const struct swb_bus *bus = userdata;

        (void)connection;
        (void)path;
        (void)interface;
        (void)ret_error;
        for (size_t i = 0; i < SWB_BUS_PROPERTIES; i++)
                if (strcmp(swb_bus_properties[i].name, property) == 0)
                        return swb_bus_append_property(message, i, bus->engine);
        return -ENOENT;
}

/* Who may call is the bus's policy (data/org.switchback.Engine1.conf), so sd-bus's own check is
 * off. The properties stand in the order of properties.c. */
#define PROPERTY(name, type)                                                                       \
        SD_BUS_PROPERTY(name, type, get_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)
#define METHOD(name, handler) SD_BUS_METHOD(name, NULL, NULL, handler, SD_BUS_VTABLE_UNPRIVILEGED)

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("Check", method_check),
        METHOD("Install", method_install),
        METHOD("Cancel", method_cancel),
        METHOD("Reboot", method_reboot),
        SD_BUS_METHOD_WITH_NAMES("Doctor", NULL, , "a(ssss)", SD_BUS_PARAM(findings), method_doctor,
                                 SD_BUS_VTABLE_UNPRIVILEGED),
        PROPERTY("State", "s"),
        PROPERTY("Progress", "d"),
        PROPERTY("BytesDone", "t"),
        PROPERTY("BytesTotal", "t"),
        PROPERTY("Rate", "t"),
        PROPERTY("CurrentVersion", "s"),
        PROPERTY("AvailableVersion", "s"),
        PROPERTY("CurrentSlot", "s"),
        PROPERTY("OtherSlot", "s"),
        PROPERTY("LastCheck", "t"),
        PROPERTY("NextCheck", "t"),
        PROPERTY("LastError", "s"),
        PROPERTY("LastErrorText", "s"),
        PROPERTY("NeedsReboot", "b"),
        PROPERTY("FailedVersions", "a{ss}"),
        SD_BUS_VTABLE_END,
};

/* ---- signals ---- */

static void remember_shown(struct swb_bus *bus)
{
        bus->shown = *swb_engine_status(bus->engine);
        (void)snprintf(bus->shown_current, sizeof(bus->shown_current), "%s",
                       bus->shown.current_version);
        (void)snprintf(bus->shown_available, sizeof(bus->shown_available), "%s",
                       bus->shown.available_version);
        bus->shown.current_version = bus->shown_current;
        bus->shown.available_version = bus->shown_available;
}

static void emit(struct swb_bus *bus)
{
        const char *names[SWB_BUS_PROPERTIES + 1];
        int r;

        if (swb_bus_changed_properties(&bus->shown, swb_engine_status(bus->engine), names) == 0)
                return;
        if (bus->bus) {
                r = sd_bus_emit_properties_changed_strv(bus->bus, PATH, INTERFACE, (char **)names);
                if (r < 0)
                        swb_log(SWB_LOG_DEBUG, "PropertiesChanged: %s", strerror(-r));
        }
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

/* ---- connection ---- */

static void disconnect(struct swb_bus *bus)
{
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
        int r = sd_bus_request_name(connection, NAME, 0);

        if (r == -EEXIST)
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY,
                                "another process already has the bus name '" NAME "'");
        if (r == -EACCES || r == -EPERM)
                return swb_fail(err, r, SWB_FAULT_DENIED,
                                "the bus does not let us have the name '" NAME
                                "': is its policy file " NAME ".conf installed?");
        return r < 0 ? swb_fail_errno(err, r, "get the bus name '" NAME "'") : 0;
}

static int set_up(struct swb_bus *bus, sd_bus *connection, struct swb_error *err)
{
        int r;

        (void)sd_bus_set_exit_on_disconnect(connection, 0); /* can't fail for an open one */
        r = sd_bus_add_object_vtable(connection, NULL, PATH, INTERFACE, vtable, bus);
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
        swb_log(SWB_LOG_DEBUG, "on the bus as '" NAME "'");
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

int swb_bus_new(sd_event *event, struct swb_engine *engine, struct swb_bus **ret,
                struct swb_error *err)
{
        _cleanup_(swb_bus_freep) struct swb_bus *bus = calloc(1, sizeof(*bus));
        struct swb_error cause = SWB_ERROR_INIT;
        int r;

        if (!bus)
                return swb_oom(err);
        bus->event = sd_event_ref(event);
        bus->engine = engine;
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
        bus->bus = sd_bus_flush_close_unref(bus->bus);
        bus->emit_timer = sd_event_source_disable_unref(bus->emit_timer);
        bus->connect_timer = sd_event_source_disable_unref(bus->connect_timer);
        bus->event = sd_event_unref(bus->event);
        free(bus);
        return NULL;
}
