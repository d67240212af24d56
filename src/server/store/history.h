/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/history.h - how the fleet looked in the course of time, in a few thousand rows
 *
 * Model:  a sample every SWB_HISTORY_SECONDS, at round times, so that several servers on one
 *         database take the same ones. Old samples become rarer: an hour apart after two days, a
 * day apart after three months; after three years they go. SQL as both SQLite and PostgreSQL have
 * it.
 */
#include "server/store/db.h"
#include "server/store/names.h"

#define SWB_HISTORY_SECONDS 300
/* Versions of an app in one sample: those with most devices; all others have the version "". */
#define SWB_HISTORY_VERSIONS_MAX 12
/* Points of time in one answer, at most. */
#define SWB_HISTORY_POINTS_MAX 1200

/* Adds an app's devices by version to the sample of this time; what stands there already stays. */
int swb_history_add_version(struct swb_db *db, int64_t app, int64_t at, const char *version,
                            uint64_t devices, struct swb_error *err) _warn_unused_;

/* What a server did within one span of SWB_HISTORY_SECONDS. */
struct swb_history_load {
        uint64_t checks, offers;    /* answered update checks, and those that got an update */
        uint64_t completed, failed; /* events of devices that mean this */
};

/* Adds one server's counts to those of all. */
int swb_history_add_load(struct swb_db *db, int64_t at, const struct swb_history_load *load,
                         struct swb_error *err) _warn_unused_;

/* Takes the sample of the time `at`; `load` was done since load_at, and is left out when that is 0
 * or nothing was done. Reads all devices before it writes, so that others wait only for the few
 * rows. Makes old samples rarer at full hours. */
int swb_history_take(struct swb_db *db, int64_t at, int64_t load_at,
                     const struct swb_history_load *load, struct swb_error *err) _warn_unused_;

/* Makes old samples rarer. */
int swb_history_thin(struct swb_db *db, int64_t now, struct swb_error *err) _warn_unused_;

/* Seconds between two points of an answer that goes back this far. */
int64_t swb_history_step(int64_t span_seconds);

/* Versions in the order of app, version and time, both only every `step` seconds. app 0: of all
 * apps. */
int swb_history_versions(struct swb_db *db, int64_t app, int64_t since, int64_t step,
                         int (*each)(int64_t at, const char *appid, const char *version,
                                     uint64_t devices, void *userdata),
                         void *userdata, struct swb_error *err) _warn_unused_;
int swb_history_loads(struct swb_db *db, int64_t since, int64_t step,
                      int (*each)(int64_t at, const struct swb_history_load *load, void *userdata),
                      void *userdata, struct swb_error *err) _warn_unused_;
