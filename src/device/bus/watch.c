/* SPDX-License-Identifier: Apache-2.0 */
/* What we ask of others on the bus. None of them has to be there, and none is started for us. */
#include "base/log.h"
#include "device/bus/parts.h"

#define NM "org.freedesktop.NetworkManager"
#define NM_PATH "/org/freedesktop/NetworkManager"
#define LOGIND "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"
#define LOGIND_MANAGER LOGIND ".Manager"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define ANSWER_USEC 10000000

static void message_done(sd_bus_message **message)
{
        (void)sd_bus_message_unref(*message);
}

static int call_async(sd_bus *bus, sd_bus_message *message, sd_bus_message_handler_t handler,
                      void *userdata)
{
        int r = sd_bus_message_set_auto_start(message, 0);

        return r < 0 ? r : sd_bus_call_async(bus, NULL, message, handler, userdata, ANSWER_USEC);
}

static void get_async(struct swb_bus *bus, const char *name, const char *path,
                      const char *interface, const char *property, sd_bus_message_handler_t handler)
{
        _cleanup_(message_done) sd_bus_message *message = NULL;
        int r = sd_bus_message_new_method_call(bus->bus, &message, name, path, PROPERTIES, "Get");

        if (r >= 0)
                r = sd_bus_message_append(message, "ss", interface, property);
        if (r >= 0)
                r = call_async(bus->bus, message, handler, bus);
        if (r < 0)
                swb_log(SWB_LOG_DEBUG, "ask %s for %s: %s", name, property, strerror(-r));
}

/* Its properties changed, or it came or went: `handler` hears of all. */
static void watch(struct swb_bus *bus, const char *name, const char *path,
                  sd_bus_message_handler_t handler)
{
        char match[256];
        int r = sd_bus_match_signal_async(bus->bus, NULL, name, path, PROPERTIES,
                                          "PropertiesChanged", handler, NULL, bus);

        (void)snprintf(
                match, sizeof(match),
                "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                name);
        if (r >= 0)
                r = sd_bus_add_match_async(bus->bus, NULL, match, handler, NULL, bus);
        if (r < 0)
                swb_log(SWB_LOG_DEBUG, "watch %s: %s", name, strerror(-r));
}

/* ---- NetworkManager ---- */

/* NMMetered: unknown, yes, no, guess-yes, guess-no. */
static void take_metered(struct swb_bus *bus, uint32_t metered)
{
        static const enum swb_network networks[] = {SWB_NETWORK_UNKNOWN, SWB_NETWORK_METERED,
                                                    SWB_NETWORK_FREE, SWB_NETWORK_METERED,
                                                    SWB_NETWORK_FREE};

        swb_engine_set_network(bus->engine, metered < SWB_ELEMENTS(networks) ? networks[metered]
                                                                             : SWB_NETWORK_UNKNOWN);
}

static int on_metered(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        uint32_t metered = 0;

        (void)ret_error;
        if (sd_bus_message_is_method_error(message, NULL) ||
            sd_bus_message_read(message, "v", "u", &metered) < 0)
                metered = 0;
        take_metered(userdata, metered);
        return 0;
}

static void ask_network(struct swb_bus *bus)
{
        get_async(bus, NM, NM_PATH, NM, "Metered", on_metered);
}

static int on_network(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        (void)message;
        (void)ret_error;
        ask_network(userdata);
        return 0;
}

/* ---- systemd-logind ---- */

static int on_idle(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        struct swb_bus *bus = userdata;
        int is_idle = 1;

        (void)ret_error;
        if (sd_bus_message_is_method_error(message, NULL) ||
            sd_bus_message_read(message, "v", "b", &is_idle) < 0)
                is_idle = 1; /* a device without logind has no users to wait for */
        swb_engine_set_in_use(bus->engine, !is_idle);
        return 0;
}

/* "shutdown:sleep": as root we would not be stopped by logind itself. */
static void take_blocked(struct swb_bus *bus, const char *what)
{
        bool is_blocked = strstr(what, "shutdown") != NULL;
        struct swb_error err = SWB_ERROR_INIT;

        if (is_blocked && bus->logind_inhibitor == 0 &&
            swb_engine_inhibit(bus->engine, "systemd-logind", "a program blocks the shutdown",
                               SWB_GATE_BIT(SWB_GATE_REBOOT), UINT64_MAX, &bus->logind_inhibitor,
                               &err) < 0)
                swb_log(SWB_LOG_INFO, "logind's inhibitors: %s, ignoring", err.text);
        if (!is_blocked && bus->logind_inhibitor > 0) {
                swb_engine_release(bus->engine, bus->logind_inhibitor);
                bus->logind_inhibitor = 0;
        }
}

static int on_blocked(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        const char *what = "";

        (void)ret_error;
        if (sd_bus_message_is_method_error(message, NULL) ||
            sd_bus_message_read(message, "v", "s", &what) < 0)
                what = "";
        take_blocked(userdata, what);
        return 0;
}

static void ask_logind(struct swb_bus *bus)
{
        get_async(bus, LOGIND, LOGIND_PATH, LOGIND_MANAGER, "IdleHint", on_idle);
        get_async(bus, LOGIND, LOGIND_PATH, LOGIND_MANAGER, "BlockInhibited", on_blocked);
}

static int on_logind(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        (void)message;
        (void)ret_error;
        ask_logind(userdata);
        return 0;
}

static int on_reboot_answer(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        const sd_bus_error *error = sd_bus_message_get_error(message);
        struct swb_bus *bus = userdata;

        (void)ret_error;
        if (error)
                swb_engine_reboot_failed(bus->engine,
                                         error->message ? error->message : error->name);
        return 0;
}

bool swb_bus_reboot(struct swb_bus *bus)
{
        _cleanup_(message_done) sd_bus_message *message = NULL;
        int r;

        if (!bus->bus)
                return false;
        r = sd_bus_message_new_method_call(bus->bus, &message, LOGIND, LOGIND_PATH, LOGIND_MANAGER,
                                           "Reboot");
        if (r >= 0)
                r = sd_bus_message_append(message, "b", 0);
        if (r >= 0)
                r = call_async(bus->bus, message, on_reboot_answer, bus);
        if (r < 0)
                swb_log(SWB_LOG_DEBUG, "ask logind: %s", strerror(-r));
        return r >= 0;
}

void swb_bus_watch_others(struct swb_bus *bus)
{
        watch(bus, NM, NM_PATH, on_network);
        watch(bus, LOGIND, LOGIND_PATH, on_logind);
        ask_network(bus);
        ask_logind(bus);
}
