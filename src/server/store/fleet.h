/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/fleet.h - rows of devices, events and daily counts
 *
 * Model:  swb_fleet is the writing side: prepared queries on the writer's connection, used inside
 * its transactions. The lists at the end are for any connection.
 */
#include "server/fleet/device.h"
#include "server/store/db.h"

/* What clients may fill the disk with. */
struct swb_fleet_limits {
        uint64_t devices;                /* further ones are answered, not stored */
        uint64_t events_per_device;      /* the oldest goes first */
        uint64_t events_per_device_hour; /* above: counted, not stored */
        uint64_t events;                 /* of all devices, the oldest goes first */
        uint64_t event_seconds;          /* older ones go; 0: however old */
};

#define SWB_FLEET_LIMITS_DEFAULT                                                                   \
        ((struct swb_fleet_limits){.devices = 1000000,                                             \
                                   .events_per_device = 100,                                       \
                                   .events_per_device_hour = 60,                                   \
                                   .events = 2000000,                                              \
                                   .event_seconds = 366 * 86400})

struct swb_fleet;

/* How many rows there are, kept up to date in memory: counting them takes too long. */
struct swb_fleet_totals {
        uint64_t devices, events;
        uint64_t states[_SWB_DEVICE_STATE_MAX]; /* devices by state */
};

int swb_fleet_new(struct swb_db *db, const struct swb_fleet_limits *limits, struct swb_fleet **ret,
                  struct swb_error *err) _warn_unused_;
struct swb_fleet *swb_fleet_free(struct swb_fleet *fleet);
SWB_DEFINE_CLEANUP(struct swb_fleet *, swb_fleet_free)

/* 1: the device's row, 0: a new device (zero but for its machineid). */
int swb_fleet_read(struct swb_fleet *fleet, int64_t app, const char *machineid,
                   struct swb_device *ret, struct swb_error *err) _warn_unused_;
/* Inserts or updates; a new device gets its id. 1: not stored, there are too many devices. */
int swb_fleet_write(struct swb_fleet *fleet, int64_t app, struct swb_device *device,
                    struct swb_error *err) _warn_unused_;

/* Was this event of this request stored before? Requests without an id are never the same. */
int swb_fleet_has_event(struct swb_fleet *fleet, const struct swb_device *device,
                        const char *request_id, size_t ordinal,
                        struct swb_error *err) _warn_unused_;
/* Stores an event of a stored device within the limits, and counts it among those of its day
 * (event_days.h); changes the device's counters only. */
int swb_fleet_add_event(struct swb_fleet *fleet, int64_t app, struct swb_device *device,
                        const struct swb_omaha_event *event, const char *request_id, size_t ordinal,
                        int64_t now, struct swb_error *err) _warn_unused_;

struct swb_fleet_counts {
        uint64_t checks, offers;         /* requests */
        uint64_t devices, active, fresh; /* once a day and device, by what the pings say */
};

/* Adds to the counts of a day (days since 1970); written by swb_fleet_flush(), once a transaction
 * and at its end: other servers count in the same row. */
int swb_fleet_count(struct swb_fleet *fleet, int64_t app, int64_t day,
                    const struct swb_fleet_counts *counts, struct swb_error *err) _warn_unused_;
int swb_fleet_flush(struct swb_fleet *fleet, struct swb_error *err) _warn_unused_;

/* Counts all rows again: other servers on the database have written, too. */
int swb_fleet_recount(struct swb_fleet *fleet, struct swb_error *err) _warn_unused_;

/* Around each transaction: how many rows there are is kept in memory, and a rollback must take that
 * back too. */
void swb_fleet_begin(struct swb_fleet *fleet);
void swb_fleet_rollback(struct swb_fleet *fleet);
void swb_fleet_totals(const struct swb_fleet *fleet, struct swb_fleet_totals *ret);

/* Lists, newest first for events. app 0: of all apps; machineid NULL: of all devices. */
struct swb_event_row {
        int64_t id, at;
        char appid[SWB_APPID_MAX + 1];
        char machineid[SWB_MACHINEID_MAX + 1];
        int32_t type, result, errorcode;
        char version[SWB_VERSION_MAX + 1]; /* that ran when it was reported */
        char previous_version[SWB_VERSION_MAX + 1], next_version[SWB_VERSION_MAX + 1];
        char fault[SWB_FAULT_NAME_MAX + 1], text[SWB_TEXT_MAX + 1], slot[SWB_SLOT_NAME_MAX + 1];
};

int swb_device_list(struct swb_db *db, int64_t app, uint64_t limit,
                    int (*each)(const char *appid, const struct swb_device *device, void *userdata,
                                struct swb_error *err),
                    void *userdata, struct swb_error *err) _warn_unused_;
/* Return: 1 found, 0 never heard of. */
int swb_device_find(struct swb_db *db, int64_t app, const char *machineid, struct swb_device *ret,
                    struct swb_error *err) _warn_unused_;
/* A page of devices, in the order in which they were first heard of. */
struct swb_device_filter {
        int64_t app;         /* 0: of all */
        int64_t after;       /* id of the last device of the page before; 0: the first page */
        int state;           /* -1: any */
        const char *version; /* "": any */
        const char *begins;  /* of the machine id; "": any */
        uint64_t limit;
};

int swb_device_page(struct swb_db *db, const struct swb_device_filter *filter,
                    int (*each)(const char *appid, const struct swb_device *device, void *userdata,
                                struct swb_error *err),
                    void *userdata, struct swb_error *err) _warn_unused_;
/* before: only events older than the one with this id; 0: from the newest. */
int swb_event_list(struct swb_db *db, int64_t app, const char *machineid, int64_t before,
                   uint64_t limit,
                   int (*each)(const struct swb_event_row *event, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err) _warn_unused_;
