/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/blocks.h - releases that devices of a hardware class do not get
 */
#include "server/store/releases.h"

struct swb_block {
        char hardware_class[SWB_NAME_MAX + 1];
        char reason[SWB_TEXT_MAX + 1];
        int64_t since; /* seconds since 1970 */
};

/* One that is there already stays as it is. Inside the caller's transaction. */
int swb_block_put(struct swb_db *db, int64_t release, const char *hardware_class,
                  const char *reason, int64_t now, struct swb_error *err) _warn_unused_;
/* NOT_FOUND. Inside the caller's transaction. */
int swb_block_remove(struct swb_db *db, int64_t release, const char *hardware_class,
                     struct swb_error *err) _warn_unused_;
int swb_block_list(struct swb_db *db, int64_t release,
                   int (*each)(const struct swb_block *block, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err) _warn_unused_;
