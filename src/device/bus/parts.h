/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/bus/parts.h - inside device/bus: its files to each other
 *
 *   access.c      who may call the methods
 *   bus.c         connection, PropertiesChanged and signals
 *   methods.c     the methods and the interface's table
 *   chromium.c    the interface of Chrome OS's update_engine
 *   inhibit.c     Inhibit, and the pipes by which inhibitors are held
 *   properties.c  the status as properties
 *   watch.c       what we ask of others on the bus: NetworkManager, systemd-logind
 */
#include <systemd/sd-bus.h>

#include "device/bus/bus.h"

#define SWB_BUS_NAME "org.switchback.Engine1" /* of the service and of its interface */
#define SWB_BUS_PATH "/org/switchback/Engine1"

/* An inhibitor's pipe: it is held until all copies of the other end are closed. */
struct swb_bus_inhibitor {
        struct swb_bus *bus;
        unsigned id; /* 0: this place is free */
        int fd;
        sd_event_source *source;
};

/* A call that polkit is asked about. */
struct swb_bus_caller {
        sd_bus_message *message; /* NULL: this place is free */
        sd_bus_slot *slot;       /* of the question */
        uid_t uid;
        bool is_answered, is_allowed;
};

#define SWB_BUS_CALLERS_MAX 16

struct swb_bus {
        sd_event *event;
        struct swb_engine *engine;
        sd_bus *bus; /* NULL: no connection now */
        sd_event_source *emit_timer, *connect_timer;
        bool with_chromium;
        bool is_emit_planned;
        bool is_missed;            /* that there is no bus was logged */
        unsigned logind_inhibitor; /* that stands for those of logind; 0: none */
        struct swb_bus_inhibitor inhibitors[SWB_INHIBITORS_MAX];
        struct swb_bus_caller callers[SWB_BUS_CALLERS_MAX];
        /* What was emitted last. The texts it points to belong here. */
        struct swb_status shown;
        char shown_current[128], shown_available[128], shown_channel[128], shown_reason[256];
};

extern const sd_bus_vtable swb_bus_vtable[];

/* Answers a method without a result; takes the error's text apart if r < 0. */
int swb_bus_reply(sd_bus_message *message, int r, struct swb_error *err, sd_bus_error *ret_error);
int swb_bus_refuse(sd_bus_message *message, struct swb_error *err, sd_bus_error *ret_error);

/* Offers update_engine's interface, too, if that is wanted; and its signal. */
void swb_bus_add_chromium(struct swb_bus *bus);
void swb_bus_chromium_changed(struct swb_bus *bus);

/* A filter for all messages. Return: 0 when the call may go on to its method. */
int swb_bus_check_access(sd_bus_message *message, void *userdata, sd_bus_error *ret_error);
/* The connection goes: nobody waits for polkit any more. */
void swb_bus_forget_callers(struct swb_bus *bus);

/* The method Inhibit. */
int swb_bus_inhibit(sd_bus_message *message, void *userdata, sd_bus_error *ret_error);
/* At the end; the pipes are closed. */
void swb_bus_release_all(struct swb_bus *bus);

/* From now on the engine is told what NetworkManager and logind say, if they run. */
void swb_bus_watch_others(struct swb_bus *bus);
