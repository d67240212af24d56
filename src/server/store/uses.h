/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/uses.h - what still needs a thing that somebody wants to remove
 */
#include "server/store/db.h"

enum swb_used {
        SWB_USED_APP,          /* name: its appid */
        SWB_USED_CHANNEL,      /* name: the channel's */
        SWB_USED_IMAGE,        /* name: its version */
        SWB_USED_IMAGE_BY_JOB, /* only what works on it just now */
        SWB_USED_PAYLOAD_FILE, /* name: SHA-256 in hex; of any app */
        _SWB_USED_MAX,
};

/* Each user as a person would name it: "group canaries", "12 devices". */
int swb_uses_list(struct swb_db *db, enum swb_used kind, int64_t app, const char *name,
                  int (*each)(const char *user, void *userdata, struct swb_error *err),
                  void *userdata, struct swb_error *err) _warn_unused_;
/* BUSY (-EEXIST) with the users' names if there are any. `what`: "channel 'beta'". */
int swb_uses_check(struct swb_db *db, enum swb_used kind, int64_t app, const char *name,
                   const char *what, struct swb_error *err) _warn_unused_;
