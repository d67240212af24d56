/* SPDX-License-Identifier: Apache-2.0 */
/* What we ask of others on the bus. None of them has to be there, and none is started for us. */
#include "base/log.h"
#include "device/bus/parts.h"

#define NM "org.freedesktop.NetworkManager"
#define NM_PATH "/org/freedesktop/NetworkManager"
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
        _cleanup_(message_done) sd_bus_message *message = NULL;
        int r = sd_bus_message_new_method_call(bus->bus, &message, NM, NM_PATH, PROPERTIES, "Get");

        if (r >= 0)
                r = sd_bus_message_append(message, "ss", NM, "Metered");
        if (r >= 0)
                r = call_async(bus->bus, message, on_metered, bus);
        if (r < 0)
                swb_log(SWB_LOG_DEBUG, "ask NetworkManager: %s", strerror(-r));
}

/* Its properties changed, or it came or went. */
static int on_network(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        (void)message;
        (void)ret_error;
        ask_network(userdata);
        return 0;
}

void swb_bus_watch_network(struct swb_bus *bus)
{
        int r = sd_bus_match_signal_async(bus->bus, NULL, NM, NM_PATH, PROPERTIES,
                                          "PropertiesChanged", on_network, NULL, bus);

        if (r >= 0)
                r = sd_bus_add_match_async(bus->bus, NULL,
                                           "type='signal',sender='org.freedesktop.DBus',"
                                           "member='NameOwnerChanged',arg0='" NM "'",
                                           on_network, NULL, bus);
        if (r < 0)
                swb_log(SWB_LOG_DEBUG, "watch NetworkManager: %s", strerror(-r));
        ask_network(bus);
}

/* ---- systemd-logind ---- */

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
        r = sd_bus_message_new_method_call(bus->bus, &message, "org.freedesktop.login1",
                                           "/org/freedesktop/login1",
                                           "org.freedesktop.login1.Manager", "Reboot");
        if (r >= 0)
                r = sd_bus_message_append(message, "b", 0);
        if (r >= 0)
                r = call_async(bus->bus, message, on_reboot_answer, bus);
        if (r < 0)
                swb_log(SWB_LOG_DEBUG, "ask logind: %s", strerror(-r));
        return r >= 0;
}
