/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/tags.h - words that administrators put on devices, for the rules of groups
 *
 * Also on devices that the server has not heard of yet. A tag is a name as that of a group.
 */
#include "server/store/apps.h"

#define SWB_DEVICE_TAGS_MAX 32

/* Nothing to do is well, too. LIMIT: too many. Inside the caller's transaction. */
int swb_tag_add(struct swb_db *db, int64_t app, const char *machineid, const char *tag,
                struct swb_error *err) _warn_unused_;
int swb_tag_remove(struct swb_db *db, int64_t app, const char *machineid, const char *tag,
                   struct swb_error *err) _warn_unused_;
int swb_tag_clear(struct swb_db *db, int64_t app, const char *machineid,
                  struct swb_error *err) _warn_unused_;

/* Tags of a device, and devices with a tag; in the order of strcmp. */
int swb_tag_list(struct swb_db *db, int64_t app, const char *machineid,
                 int (*each)(const char *tag, void *userdata, struct swb_error *err),
                 void *userdata, struct swb_error *err) _warn_unused_;
int swb_tagged_list(struct swb_db *db, int64_t app, const char *tag,
                    int (*each)(const char *machineid, void *userdata, struct swb_error *err),
                    void *userdata, struct swb_error *err) _warn_unused_;
