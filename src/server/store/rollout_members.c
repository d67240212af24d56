/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/blocks.h"
#include "server/store/rollouts.h"

int swb_member_writer_init(struct swb_member_writer *writer, struct swb_db *db,
                           struct swb_error *err)
{
        return swb_query_init(&writer->put, db,
                              "INSERT INTO rollout_members VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                              " ON CONFLICT (rollout, machineid) DO UPDATE SET"
                              "  stage = excluded.stage, state = excluded.state,"
                              "  has_slot = excluded.has_slot,"
                              "  hardware_class = excluded.hardware_class,"
                              "  reason = excluded.reason, granted_at = excluded.granted_at,"
                              "  heard_at = excluded.heard_at",
                              err);
}

void swb_member_writer_done(struct swb_member_writer *writer)
{
        swb_query_done(&writer->put);
}

int swb_member_write(struct swb_member_writer *writer, int64_t rollout, const char *machineid,
                     const struct swb_member_row *row, struct swb_error *err)
{
        struct swb_query *q = &writer->put;

        swb_query_bind_i64(q, rollout);
        swb_query_bind_text(q, machineid);
        swb_query_bind_i64(q, row->stage);
        swb_query_bind_i64(q, row->state);
        swb_query_bind_i64(q, row->has_slot);
        swb_query_bind_text(q, row->hardware_class);
        swb_query_bind_text(q, row->reason);
        swb_query_bind_i64(q, row->granted_at);
        swb_query_bind_i64(q, row->heard_at);
        return swb_query_run(q, err);
}

int swb_member_list(struct swb_db *db, int64_t rollout,
                    int (*each)(const char *machineid, const struct swb_member_row *row,
                                void *userdata, struct swb_error *err),
                    void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_member_row row;
        int r;

        r = swb_query_init(&q, db,
                           "SELECT machineid, stage, state, has_slot, hardware_class, reason,"
                           " granted_at, heard_at FROM rollout_members WHERE rollout = ?",
                           err);
        if (r < 0)
                return r;
        swb_query_bind_i64(&q, rollout);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                row.stage = (unsigned)swb_query_i64(&q, 1);
                row.state = (enum swb_member_state)swb_query_i64(&q, 2);
                row.has_slot = swb_query_i64(&q, 3) != 0;
                swb_copy_bounded(row.hardware_class, swb_query_text(&q, 4), SWB_FAILURE_NAME - 1);
                swb_copy_bounded(row.reason, swb_query_text(&q, 5), SWB_FAILURE_NAME - 1);
                row.granted_at = swb_query_i64(&q, 6);
                row.heard_at = swb_query_i64(&q, 7);
                r = each(swb_query_text(&q, 0), &row, userdata, err);
        }
        return r;
}

static int restore(const char *machineid, const struct swb_member_row *row, void *userdata,
                   struct swb_error *err)
{
        if (swb_rollout_restore(userdata, machineid, row) == -ENOMEM)
                return swb_oom(err);
        return 0; /* a row that no server of ours has written is left out */
}

static int lift(const struct swb_block *block, void *userdata, struct swb_error *err)
{
        (void)err;
        swb_rollout_lift(userdata, block->hardware_class);
        return 0;
}

int swb_rollout_lift_blocks(struct swb_db *db, struct swb_rollout *rollout, struct swb_error *err)
{
        return swb_block_list(db, rollout->setup.release, true, lift, rollout, err);
}

int swb_rollout_rebuild(struct swb_db *db, const struct swb_rollout_setup *setup,
                        const struct swb_siphash_key keys[2], int64_t now, struct swb_rollout *ret,
                        struct swb_error *err)
{
        int r;

        swb_rollout_init(ret, setup, keys);
        r = swb_member_list(db, setup->id, restore, ret, err);
        if (r >= 0)
                r = swb_rollout_lift_blocks(db, ret, err);
        if (r < 0) {
                swb_rollout_done(ret);
                return r;
        }
        swb_rollout_sweep(ret, now, ret->members.capacity);
        return 0;
}
