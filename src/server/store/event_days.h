/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/event_days.h - how many events of each kind came on each day; stays when the events
 * themselves have gone
 *
 * Model:  every event that is stored is counted in the same transaction, so that what stands here
 *         is all there was, whatever the limits have dropped since. What devices may write into the
 *         table is bounded: SWB_EVENT_DAY_KINDS_MAX kinds an app and day, all others are counted as
 *         one, of the release "" and type 0; days go after three years (swb_history_thin()).
 */
#include "server/store/db.h"
#include "server/store/names.h"

#define SWB_EVENT_DAY_KINDS_MAX 500

/* One kind of event on one day. */
struct swb_event_day {
        int64_t id;
        int64_t app, day; /* days since 1970, UTC */
        char release[SWB_VERSION_MAX +
                     1]; /* what it was about: the next version, or the running one */
        int32_t type, result, errorcode;
        uint64_t n;
};

struct swb_event_days;

/* The writing side, on a writer's connection. */
int swb_event_days_new(struct swb_db *db, struct swb_event_days **ret,
                       struct swb_error *err) _warn_unused_;
struct swb_event_days *swb_event_days_free(struct swb_event_days *days);
SWB_DEFINE_CLEANUP(struct swb_event_days *, swb_event_days_free)

/* Counts one event; written by _flush(), once a transaction and at its end. `day` needs neither id
 * nor n. */
int swb_event_days_add(struct swb_event_days *days, const struct swb_event_day *day,
                       struct swb_error *err) _warn_unused_;
int swb_event_days_flush(struct swb_event_days *days, struct swb_error *err) _warn_unused_;
/* Forgets what was not written: the transaction was rolled back. */
void swb_event_days_forget(struct swb_event_days *days);

struct swb_event_day_filter {
        int64_t app;         /* 0: all */
        int64_t since_day;   /* and later */
        const char *release; /* NULL: all */
        int64_t before;      /* only smaller ids; 0: all */
        uint64_t limit;
};

/* Newest first. */
int swb_event_day_list(struct swb_db *db, const struct swb_event_day_filter *filter,
                       int (*each)(const struct swb_event_day *day, const char *appid,
                                   void *userdata, struct swb_error *err),
                       void *userdata, struct swb_error *err) _warn_unused_;
/* Drops the days before this one. */
int swb_event_day_drop(struct swb_db *db, int64_t before_day, struct swb_error *err) _warn_unused_;
