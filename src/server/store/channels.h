/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/channels.h - a channel is the name under which devices get one release
 */
#include "server/store/releases.h"

struct swb_channel {
        int64_t id;
        char name[SWB_NAME_MAX + 1];
        int64_t release; /* 0: none */
        char version[SWB_VERSION_MAX + 1];
        int64_t changed; /* seconds since 1970 */
};

/* Points the channel at a release (0: at none) and makes it if it is not there. Inside the
 * caller's transaction. */
int swb_channel_set(struct swb_db *db, int64_t app, const char *name, int64_t release, int64_t now,
                    struct swb_error *err) _warn_unused_;
/* In the order of names. */
int swb_channel_list(struct swb_db *db, int64_t app,
                     int (*each)(const struct swb_channel *channel, void *userdata,
                                 struct swb_error *err),
                     void *userdata, struct swb_error *err) _warn_unused_;
/* NOT_FOUND; BUSY while a group, the app or a rollout that has not finished names it. Inside the
 * caller's transaction. */
int swb_channel_remove(struct swb_db *db, int64_t app, const char *name,
                       struct swb_error *err) _warn_unused_;
