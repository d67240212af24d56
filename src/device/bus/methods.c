/* SPDX-License-Identifier: Apache-2.0 */
/* The methods, and the table of all members of the interface. */
#include <ctype.h>

#include "base/log.h"
#include "device/bus/parts.h"
#include "device/bus/properties.h"

#define ERROR_PREFIX "org.switchback.Error."

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

int swb_bus_reply(sd_bus_message *message, int r, struct swb_error *err, sd_bus_error *ret_error)
{
        if (r >= 0)
                return sd_bus_reply_method_return(message, "");
        return swb_bus_refuse(message, err, ret_error);
}

int swb_bus_refuse(sd_bus_message *message, struct swb_error *err, sd_bus_error *ret_error)
{
        char name[128];

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
        return swb_bus_reply(message, verb(bus->engine, &err), &err, ret_error);
}

static int method_check(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        return call(message, userdata, ret_error, swb_engine_check);
}

static int method_install(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        return call(message, userdata, ret_error, swb_engine_install);
}

static int method_repair(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        return call(message, userdata, ret_error, swb_engine_repair);
}

static int method_cancel(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        return call(message, userdata, ret_error, swb_engine_cancel);
}

static int method_reboot(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        return call(message, userdata, ret_error, swb_engine_reboot);
}

static int method_pause(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        return call(message, userdata, ret_error, swb_engine_pause);
}

static int method_resume(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        return call(message, userdata, ret_error, swb_engine_resume);
}

static int method_rollback(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        return call(message, userdata, ret_error, swb_engine_rollback);
}

static int method_mark_good(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        return call(message, userdata, ret_error, swb_engine_mark_good_by_hand);
}

static int method_mark_bad(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        return call(message, userdata, ret_error, swb_engine_mark_bad_by_hand);
}

static int method_defer(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        struct swb_bus *bus = userdata;
        struct swb_error err = SWB_ERROR_INIT;
        const char *reason;
        uint64_t until;
        int r = sd_bus_message_read(message, "ts", &until, &reason);

        if (r < 0)
                return r;
        return swb_bus_reply(message, swb_engine_defer(bus->engine, until, reason, &err), &err,
                             ret_error);
}

static int method_set_channel(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        struct swb_bus *bus = userdata;
        struct swb_error err = SWB_ERROR_INIT;
        const char *name;
        int r = sd_bus_message_read(message, "s", &name);

        if (r < 0)
                return r;
        return swb_bus_reply(message, swb_engine_set_channel(bus->engine, name, &err), &err,
                             ret_error);
}

static int method_install_from(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        struct swb_bus *bus = userdata;
        struct swb_error err = SWB_ERROR_INIT;
        const char *url;
        int r = sd_bus_message_read(message, "s", &url);

        if (r < 0)
                return r;
        return swb_bus_reply(message, swb_engine_install_from(bus->engine, url, &err), &err,
                             ret_error);
}

/* ---- methods that tell ---- */

static void reply_done(sd_bus_message **message)
{
        (void)sd_bus_message_unref(*message);
}

static int append_findings(sd_bus_message *out, struct swb_diagnosis *diagnosis)
{
        int r = sd_bus_message_open_container(out, 'a', "(ssss)");

        for (size_t i = 0; r >= 0 && i < diagnosis->n; i++) {
                struct swb_finding *finding = &diagnosis->findings[i];

                swb_bus_mend_utf8(finding->text);
                r = sd_bus_message_append(out, "(ssss)", finding->name,
                                          swb_severity_to_string(finding->severity), finding->text,
                                          finding->advice);
        }
        return r < 0 ? r : sd_bus_message_close_container(out);
}

static int method_doctor(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        struct swb_bus *bus = userdata;
        _cleanup_(swb_diagnosis_freep) struct swb_diagnosis *diagnosis = NULL;
        _cleanup_(reply_done) sd_bus_message *out = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        int r;

        if (swb_engine_doctor(bus->engine, &diagnosis, &err) < 0)
                return swb_bus_refuse(message, &err, ret_error);
        r = sd_bus_message_new_method_return(message, &out);
        if (r >= 0)
                r = append_findings(out, diagnosis);
        return r < 0 ? r : sd_bus_send(NULL, out, NULL);
}

static int append_why(sd_bus_message *out, struct swb_engine *engine, enum swb_gate gate)
{
        struct swb_policy_answer answer = swb_engine_why(engine, gate);
        uint64_t when = 0;
        struct timespec now = {0};

        (void)clock_gettime(CLOCK_REALTIME, &now); /* fails for an unknown clock only */
        if (answer.again_usec != SWB_POLICY_NEVER)
                when = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 +
                       answer.again_usec;
        swb_bus_mend_utf8(answer.facts);
        return sd_bus_message_append(out, "(sbsst)", swb_gate_to_string(gate), (int)answer.allow,
                                     swb_rule_to_string(answer.rule), answer.facts, when);
}

static int method_why(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        _cleanup_(reply_done) sd_bus_message *out = NULL;
        struct swb_bus *bus = userdata;
        int r = sd_bus_message_new_method_return(message, &out);

        (void)ret_error;
        if (r >= 0)
                r = sd_bus_message_open_container(out, 'a', "(sbsst)");
        for (int gate = 0; gate < _SWB_GATE_MAX && r >= 0; gate++)
                r = append_why(out, bus->engine, (enum swb_gate)gate);
        if (r >= 0)
                r = sd_bus_message_close_container(out);
        return r < 0 ? r : sd_bus_send(NULL, out, NULL);
}

static int append_past(sd_bus_message *out, const struct swb_engine *engine, size_t index)
{
        struct swb_past_view past;
        char from[128], to[128], text[SWB_ERROR_TEXT_MAX];

        swb_engine_past(engine, index, &past);
        (void)snprintf(from, sizeof(from), "%s", past.from_version);
        (void)snprintf(to, sizeof(to), "%s", past.to_version);
        (void)snprintf(text, sizeof(text), "%s", past.text);
        swb_bus_mend_utf8(from);
        swb_bus_mend_utf8(to);
        swb_bus_mend_utf8(text);
        return sd_bus_message_append(out, "(tsssst)", past.wall_usec, from, to,
                                     past.fault == SWB_FAULT_NONE ? "complete"
                                                                  : swb_fault_to_string(past.fault),
                                     text, past.times);
}

static int method_history(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        _cleanup_(reply_done) sd_bus_message *out = NULL;
        struct swb_bus *bus = userdata;
        int r = sd_bus_message_new_method_return(message, &out);

        (void)ret_error;
        if (r >= 0)
                r = sd_bus_message_open_container(out, 'a', "(tsssst)");
        for (size_t i = 0; i < swb_engine_n_past(bus->engine) && r >= 0; i++)
                r = append_past(out, bus->engine, i);
        if (r >= 0)
                r = sd_bus_message_close_container(out);
        return r < 0 ? r : sd_bus_send(NULL, out, NULL);
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

/* Who may call is decided before (access.c), so sd-bus's own check is off. The properties stand in
 * the order of properties.c. */
#define PROPERTY(name, type)                                                                       \
        SD_BUS_PROPERTY(name, type, get_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)
#define METHOD(name, handler) SD_BUS_METHOD(name, NULL, NULL, handler, SD_BUS_VTABLE_UNPRIVILEGED)

const sd_bus_vtable swb_bus_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("Check", method_check),
        METHOD("Install", method_install),
        METHOD("Repair", method_repair),
        METHOD("Cancel", method_cancel),
        METHOD("Reboot", method_reboot),
        SD_BUS_METHOD_WITH_ARGS("Doctor", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssss)", findings),
                                method_doctor, SD_BUS_VTABLE_UNPRIVILEGED),
        METHOD("Pause", method_pause),
        METHOD("Resume", method_resume),
        METHOD("Rollback", method_rollback),
        METHOD("MarkGood", method_mark_good),
        METHOD("MarkBad", method_mark_bad),
        SD_BUS_METHOD_WITH_ARGS("Defer", SD_BUS_ARGS("t", until, "s", reason), SD_BUS_NO_RESULT,
                                method_defer, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("InstallFrom", SD_BUS_ARGS("s", url), SD_BUS_NO_RESULT,
                                method_install_from, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetChannel", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT,
                                method_set_channel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Inhibit", SD_BUS_ARGS("s", who, "s", why, "s", gates, "t", max_seconds),
                SD_BUS_RESULT("h", fd), swb_bus_inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Why", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sbsst)", gates), method_why,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("History", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(tsssst)", updates),
                                method_history, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("DeadlineSoon", SD_BUS_ARGS("s", version, "t", seconds), 0),
        SD_BUS_SIGNAL_WITH_ARGS("RebootSoon", SD_BUS_ARGS("s", version, "t", seconds), 0),
        SD_BUS_SIGNAL_WITH_ARGS("RebootCalledOff", SD_BUS_ARGS("s", version, "t", seconds), 0),
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
        PROPERTY("SecondsLeft", "t"),
        PROPERTY("Channel", "s"),
        PROPERTY("PausedUntil", "t"),
        PROPERTY("DeferredUntil", "t"),
        PROPERTY("DeferralReason", "s"),
        PROPERTY("Deadline", "t"),
        PROPERTY("RebootAt", "t"),
        PROPERTY("Gates", "a(sbst)"),
        SD_BUS_VTABLE_END,
};
