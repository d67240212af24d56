/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/groups.h - devices that get another channel than the one they ask for
 *
 * A group matches a device when each of its rules does; a rule that is "" matches every device. The
 * first group that matches, in the order of positions, decides.
 */
#include "server/select/versions.h"
#include "server/store/apps.h"

struct swb_group {
        int64_t id;
        char name[SWB_NAME_MAX + 1];
        int64_t position;
        char channel[SWB_NAME_MAX + 1]; /* "": these devices get no updates */
        char hardware_class[129], board[129], track[129];
        char time_zone[65]; /* in which a rollout's working hours count; "": the rollout's */
        char pin[65];       /* prefix of the versions that these devices may get; "": any */
        char versions[SWB_VERSIONS_MAX + 1]; /* that the device runs now */
        char tag[SWB_NAME_MAX + 1];          /* that an administrator gave the device (tags.h) */
        bool has_machines;                   /* only the machines of its list, which may be empty */
};

/* Makes the group or replaces its channel and rules (not its machines); position 0: keep it, or
 * behind all others. Fills in id and position. Inside the caller's transaction. */
int swb_group_put(struct swb_db *db, int64_t app, struct swb_group *group,
                  struct swb_error *err) _warn_unused_;
int swb_group_add_machine(struct swb_db *db, int64_t group, const char *machineid,
                          struct swb_error *err) _warn_unused_;
int swb_group_remove_machine(struct swb_db *db, int64_t group, const char *machineid,
                             struct swb_error *err) _warn_unused_;
int swb_group_clear_machines(struct swb_db *db, int64_t group, struct swb_error *err) _warn_unused_;
/* NOT_FOUND. */
int swb_group_find(struct swb_db *db, int64_t app, const char *name, struct swb_group *ret,
                   struct swb_error *err) _warn_unused_;
/* Inside the caller's transaction. */
int swb_group_remove(struct swb_db *db, const struct swb_group *group,
                     struct swb_error *err) _warn_unused_;

/* In the order in which they are asked. */
int swb_group_list(struct swb_db *db, int64_t app,
                   int (*each)(const struct swb_group *group, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err) _warn_unused_;
/* The same, at most `limit` and only those behind `after`; NULL: from the first one. */
int swb_group_page(struct swb_db *db, int64_t app, const struct swb_group *after, uint64_t limit,
                   int (*each)(const struct swb_group *group, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err) _warn_unused_;
/* 1: found; 0: the app has none. */
int swb_group_find_id(struct swb_db *db, int64_t app, int64_t id, struct swb_group *ret,
                      struct swb_error *err) _warn_unused_;
int swb_group_machine_list(struct swb_db *db, int64_t group,
                           int (*each)(const char *machineid, void *userdata,
                                       struct swb_error *err),
                           void *userdata, struct swb_error *err) _warn_unused_;
