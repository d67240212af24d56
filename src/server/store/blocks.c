/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/blocks.h"

int swb_block_put(struct swb_db *db, int64_t release, const char *hardware_class,
                  const char *reason, int64_t now, struct swb_error *err)
{
        char class[SWB_NAME_MAX + 1], text[SWB_TEXT_MAX + 1];

        if (!*hardware_class)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "a hardware class is needed");
        swb_copy_bounded(class, hardware_class, SWB_NAME_MAX);
        swb_copy_bounded(text, reason, SWB_TEXT_MAX);
        return swb_db_run(
                db,
                "INSERT INTO release_blocks VALUES (?, ?, ?, ?, 0)"
                " ON CONFLICT (release, hardware_class) DO UPDATE SET"
                "  reason = excluded.reason, since = excluded.since, lifted = 0",
                SWB_VALUES(SWB_NUMBER(release), SWB_TEXT(class), SWB_TEXT(text), SWB_NUMBER(now)),
                err);
}

int swb_block_lift(struct swb_db *db, int64_t release, const char *hardware_class,
                   struct swb_error *err)
{
        int r;

        r = swb_db_run(db,
                       "UPDATE release_blocks SET lifted = 1 WHERE release = ?"
                       " AND hardware_class = ? AND lifted = 0",
                       SWB_VALUES(SWB_NUMBER(release), SWB_TEXT(hardware_class)), err);
        if (r >= 0 && swb_db_changes(db) == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "the release is not blocked for hardware class '%s'",
                                hardware_class);
        return r;
}

int swb_block_list(struct swb_db *db, int64_t release, bool lifted,
                   int (*each)(const struct swb_block *block, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_block block;
        int r;

        r = swb_query_begin(&q, db,
                            "SELECT hardware_class, reason, since FROM release_blocks"
                            " WHERE release = ? AND lifted = ? ORDER BY hardware_class",
                            SWB_VALUES(SWB_NUMBER(release), SWB_NUMBER(lifted)), err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                swb_copy_bounded(block.hardware_class, swb_query_text(&q, 0), SWB_NAME_MAX);
                swb_copy_bounded(block.reason, swb_query_text(&q, 1), SWB_TEXT_MAX);
                block.since = swb_query_i64(&q, 2);
                r = each(&block, userdata, err);
        }
        return r;
}
