/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/bus/bus.h - the engine on D-Bus: org.switchback.Engine1
 *
 * Spec: docs/dbus.md, data/org.switchback.Engine1.xml
 *
 * One object, /org/switchback/Engine1, on the system bus (DBUS_SYSTEM_BUS_ADDRESS is honoured). No
 * logic: methods call the engine's verbs, properties show its status. The engine does not depend on
 * the bus: while there is none, or it went away, connecting is tried again every few seconds.
 */
#include <systemd/sd-event.h>

#include "device/engine/engine.h"

struct swb_bus;

/* BUSY: another process has the name. That the bus can't be reached is no failure. Engine and event
 * are borrowed. with_chromium: offer org.chromium.UpdateEngine, too. */
int swb_bus_new(sd_event *event, struct swb_engine *engine, bool with_chromium,
                struct swb_bus **ret, struct swb_error *err) _warn_unused_;
struct swb_bus *swb_bus_free(struct swb_bus *bus);
SWB_DEFINE_CLEANUP(struct swb_bus *, swb_bus_free)

/* The engine's status changed: PropertiesChanged follows, at most four times a second. */
void swb_bus_changed(struct swb_bus *bus);
/* The signals DeadlineSoon, RebootSoon and (UINT64_MAX) RebootCalledOff. */
void swb_bus_deadline_soon(struct swb_bus *bus, uint64_t left_usec);
void swb_bus_reboot_soon(struct swb_bus *bus, uint64_t left_usec);
/* Asks systemd-logind to reboot. Return: whether it could be asked; its refusal is told to the
 * engine later. */
bool swb_bus_reboot(struct swb_bus *bus);
