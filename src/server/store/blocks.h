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

/* Inside the caller's transaction. */
int swb_block_put(struct swb_db *db, int64_t release, const char *hardware_class,
                  const char *reason, int64_t now, struct swb_error *err) _warn_unused_;
/* Lifts a block: no rollout of the release puts it back by itself. NOT_FOUND. Inside the caller's
 * transaction. */
int swb_block_lift(struct swb_db *db, int64_t release, const char *hardware_class,
                   struct swb_error *err) _warn_unused_;
/* Those in force, or those that were lifted. */
int swb_block_list(struct swb_db *db, int64_t release, bool lifted,
                   int (*each)(const struct swb_block *block, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err) _warn_unused_;
