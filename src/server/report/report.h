/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/report/report.h - what the server knows, as JSON and as words: for the command line, the
 * status page and the API
 */
#include "base/json_writer.h"
#include "server/store/channels.h"
#include "server/store/fleet.h"
#include "server/store/groups.h"
#include "server/store/rollouts.h"

/* "2024-05-01T12:00:00Z"; "" for 0. `text` has room for SWB_TIME_TEXT. Returns text. */
#define SWB_TIME_TEXT 24
const char *swb_format_time(int64_t unix_seconds, char *text);

/* A device that has not been heard of for so long is silent, whatever it said last. */
#define SWB_SILENT_AFTER_SECONDS_DEFAULT (24 * 3600)
bool swb_device_is_silent(const struct swb_device *device, int64_t now,
                          uint64_t silent_after_seconds);

/* "failed: hash: …", "silent, was downloading", "complete" …: one cell of a table. `text` has room
 * for SWB_DEVICE_STATE_TEXT. Returns text. */
#define SWB_DEVICE_STATE_TEXT (SWB_TEXT_MAX + 48)
const char *swb_device_describe(const struct swb_device *device, int64_t now,
                                uint64_t silent_after_seconds, char *text);
/* "download started: success", "update complete: error (payload hash mismatch)". `text` has room
 * for SWB_EVENT_TEXT. Returns text. */
#define SWB_EVENT_TEXT 160
const char *swb_event_describe(int32_t type, int32_t result, int32_t errorcode, char *text);

/* One object each. */
void swb_json_device(struct swb_json *json, const char *appid, const struct swb_device *device,
                     int64_t now, uint64_t silent_after_seconds);
void swb_json_event(struct swb_json *json, const struct swb_event_row *event);
void swb_json_channel(struct swb_json *json, const struct swb_channel *channel);
/* With its machines. */
int swb_json_group(struct swb_json *json, struct swb_db *db, const struct swb_group *group,
                   struct swb_error *err) _warn_unused_;
/* With its payloads. */
int swb_json_release(struct swb_json *json, struct swb_db *db, const struct swb_release *release,
                     struct swb_error *err) _warn_unused_;

/* Plan, state and counts. row NULL: without what only the row knows. */
void swb_json_rollout(struct swb_json *json, const char *appid, const struct swb_rollout_row *row,
                      const struct swb_rollout *rollout);
/* Only what an administrator, or a verdict, has decided. */
void swb_json_rollout_plan(struct swb_json *json, const struct swb_rollout_row *row);

/* Lists: an array of objects. app 0: of all apps. ret_next: what the next page comes after (or, of
 * events, before); 0: this is the last one. */
int swb_json_devices(struct swb_json *json, struct swb_db *db,
                     const struct swb_device_filter *filter, int64_t now,
                     uint64_t silent_after_seconds, int64_t *ret_next,
                     struct swb_error *err) _warn_unused_;
int swb_json_events(struct swb_json *json, struct swb_db *db, int64_t app, const char *machineid,
                    int64_t before, uint64_t limit, int64_t *ret_next,
                    struct swb_error *err) _warn_unused_;
/* How many devices run which version, and why devices failed. */
int swb_json_overview(struct swb_json *json, struct swb_db *db, int64_t now,
                      uint64_t silent_after_seconds, struct swb_error *err) _warn_unused_;
/* Members of an object: devices by version, and what servers did, since then. app 0: all. */
int swb_json_history(struct swb_json *json, struct swb_db *db, int64_t app, int64_t since,
                     int64_t now, struct swb_error *err) _warn_unused_;
/* Apps with their releases; `limit` counts releases. An app whose releases go on is on the next
 * page again. USAGE: `before` is gone. */
int swb_json_releases(struct swb_json *json, struct swb_db *db, int64_t app, int64_t before,
                      uint64_t limit, int64_t *ret_next, struct swb_error *err) _warn_unused_;
