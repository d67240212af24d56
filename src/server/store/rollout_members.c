/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/blocks.h"
#include "server/store/rollouts.h"

#define COLUMNS                                                                                    \
        "machineid, stage, state, has_slot, hardware_class, reason, granted_at, heard_at, seq"
/* A store may keep a whole answer in memory; a rollout may have millions of members. */
#define PAGE_ROWS 20000

int swb_member_writer_init(struct swb_member_writer *writer, struct swb_db *db,
                           struct swb_error *err)
{
        int r;

        r = swb_query_init(&writer->put, db,
                           "INSERT INTO rollout_members (rollout, " COLUMNS ", node)"
                           " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                           " ON CONFLICT (rollout, machineid) DO UPDATE SET"
                           "  stage = excluded.stage, state = excluded.state,"
                           "  has_slot = excluded.has_slot,"
                           "  hardware_class = excluded.hardware_class,"
                           "  reason = excluded.reason, granted_at = excluded.granted_at,"
                           "  heard_at = excluded.heard_at, seq = excluded.seq,"
                           "  node = excluded.node",
                           err);
        if (r < 0)
                return r;
        return swb_query_init(&writer->turn, db,
                              "UPDATE member_clock SET seq = seq + 1 RETURNING seq", err);
}

void swb_member_writer_done(struct swb_member_writer *writer)
{
        swb_query_done(&writer->put);
        swb_query_done(&writer->turn);
}

int swb_member_take_turn(struct swb_member_writer *writer, int64_t node, struct swb_error *err)
{
        writer->node = node;
        return swb_query_insert(&writer->turn, &writer->seq, err);
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
        swb_query_bind_i64(q, writer->seq);
        swb_query_bind_i64(q, writer->node);
        return swb_query_run(q, err);
}

static void read_row(const struct swb_query *q, struct swb_member_row *row)
{
        row->stage = (unsigned)swb_query_i64(q, 1);
        row->state = (enum swb_member_state)swb_query_i64(q, 2);
        row->has_slot = swb_query_i64(q, 3) != 0;
        swb_copy_bounded(row->hardware_class, swb_query_text(q, 4), SWB_FAILURE_NAME - 1);
        swb_copy_bounded(row->reason, swb_query_text(q, 5), SWB_FAILURE_NAME - 1);
        row->granted_at = swb_query_i64(q, 6);
        row->heard_at = swb_query_i64(q, 7);
}

/* Where a list goes on after a page. */
struct page {
        char last[SWB_MACHINEID_MAX + 1];
        size_t n_rows;
};

static int list_page(struct swb_db *db, int64_t rollout, struct page *page,
                     int (*each)(const char *machineid, const struct swb_member_row *row,
                                 void *userdata, struct swb_error *err),
                     void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_member_row row;
        int r;

        r = swb_query_begin(
                &q, db,
                "SELECT " COLUMNS " FROM rollout_members WHERE rollout = ?"
                " AND machineid > ? ORDER BY machineid LIMIT ?",
                SWB_VALUES(SWB_NUMBER(rollout), SWB_TEXT(page->last), SWB_NUMBER(PAGE_ROWS)), err);
        if (r < 0)
                return r;
        page->n_rows = 0;
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                page->n_rows++;
                read_row(&q, &row);
                swb_copy_bounded(page->last, swb_query_text(&q, 0), SWB_MACHINEID_MAX);
                r = each(page->last, &row, userdata, err);
        }
        return r;
}

static int list_members(struct swb_db *db, int64_t rollout,
                        int (*each)(const char *machineid, const struct swb_member_row *row,
                                    void *userdata, struct swb_error *err),
                        void *userdata, struct swb_error *err)
{
        struct page page = {0};
        int r;

        do
                r = list_page(db, rollout, &page, each, userdata, err);
        while (r >= 0 && page.n_rows == PAGE_ROWS);
        return r;
}

int swb_member_changes(struct swb_db *db, int64_t rollout, int64_t seq, int64_t node,
                       int (*each)(const char *machineid, const struct swb_member_row *row,
                                   int64_t seq, void *userdata, struct swb_error *err),
                       void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_member_row row;
        int r;

        r = swb_query_begin(&q, db,
                            "SELECT " COLUMNS " FROM rollout_members WHERE rollout = ? AND seq > ?"
                            " AND node <> ?",
                            SWB_VALUES(SWB_NUMBER(rollout), SWB_NUMBER(seq), SWB_NUMBER(node)),
                            err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                read_row(&q, &row);
                r = each(swb_query_text(&q, 0), &row, swb_query_i64(&q, 8), userdata, err);
        }
        return r;
}

int swb_member_last_change(struct swb_db *db, int64_t rollout, int64_t *ret_seq,
                           struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db,
                            "SELECT coalesce(max(seq), 0) FROM rollout_members WHERE rollout = ?",
                            SWB_VALUES(SWB_NUMBER(rollout)), err);
        if (r < 0)
                return r;
        *ret_seq = swb_query_i64(&q, 0);
        return 0;
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
        r = list_members(db, setup->id, restore, ret, err);
        if (r >= 0)
                r = swb_rollout_lift_blocks(db, ret, err);
        if (r < 0) {
                swb_rollout_done(ret);
                return r;
        }
        swb_rollout_sweep(ret, now, ret->members.capacity);
        return 0;
}
