/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/bus/properties.h - the engine's status as D-Bus properties
 */
#include <systemd/sd-bus.h>

#include "device/engine/engine.h"

#define SWB_BUS_PROPERTIES 23

/* Number of a property in docs/dbus.md's order -> name, D-Bus type. */
struct swb_bus_property {
        const char *name, *type;
};
extern const struct swb_bus_property swb_bus_properties[SWB_BUS_PROPERTIES];

/* Appends the value (without a variant around it). Text that is not UTF-8 is mended. */
int swb_bus_append_property(sd_bus_message *message, size_t index, const struct swb_engine *engine);
/* Which properties differ: fills names (room for all and the NULL at the end), returns their
 * number. */
size_t swb_bus_changed_properties(const struct swb_status *was, const struct swb_status *is,
                                  const char *names[SWB_BUS_PROPERTIES + 1]);
/* Replaces bytes that break UTF-8's rules, and control characters, by '?'. */
void swb_bus_mend_utf8(char *text);
