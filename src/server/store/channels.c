/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/channels.h"

#include "server/store/uses.h"

static int store_channel(struct swb_db *db, int64_t app, const char *name, int64_t release,
                         int64_t now, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_init(&q, db,
                           "INSERT INTO channels (app, name, release, changed)"
                           "VALUES (?, ?, nullif(?, 0), ?) ON CONFLICT (app, name) DO UPDATE SET"
                           "  release = excluded.release, changed = excluded.changed",
                           err);
        if (r < 0)
                return r;
        swb_query_bind_i64(&q, app);
        swb_query_bind_text(&q, name);
        swb_query_bind_i64(&q, release);
        swb_query_bind_i64(&q, now);
        return swb_query_run(&q, err);
}

static int add_history(struct swb_db *db, int64_t app, const char *name, int64_t release,
                       int64_t now, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_init(&q, db,
                           "INSERT INTO channel_history (channel, release, since)"
                           " SELECT id, ?, ? FROM channels WHERE app = ? AND name = ?"
                           " ON CONFLICT (channel, release) DO UPDATE SET since = excluded.since",
                           err);
        if (r < 0)
                return r;
        swb_query_bind_i64(&q, release);
        swb_query_bind_i64(&q, now);
        swb_query_bind_i64(&q, app);
        swb_query_bind_text(&q, name);
        return swb_query_run(&q, err);
}

int swb_channel_set(struct swb_db *db, int64_t app, const char *name, int64_t release, int64_t now,
                    struct swb_error *err)
{
        int r;

        r = swb_name_check("channel", name, err);
        if (r >= 0)
                r = store_channel(db, app, name, release, now, err);
        if (r < 0 || release == 0)
                return r;
        return add_history(db, app, name, release, now, err);
}

int swb_channel_list(struct swb_db *db, int64_t app,
                     int (*each)(const struct swb_channel *channel, void *userdata,
                                 struct swb_error *err),
                     void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_channel channel;
        int r;

        r = swb_query_init(&q, db,
                           "SELECT c.id, c.name, c.release, r.version, c.changed FROM channels c"
                           " LEFT JOIN releases r ON r.id = c.release"
                           " WHERE c.app = ? ORDER BY c.name",
                           err);
        if (r < 0)
                return r;
        swb_query_bind_i64(&q, app);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                channel.id = swb_query_i64(&q, 0);
                swb_copy_bounded(channel.name, swb_query_text(&q, 1), SWB_NAME_MAX);
                channel.release = swb_query_i64(&q, 2);
                swb_copy_bounded(channel.version, swb_query_text(&q, 3), SWB_VERSION_MAX);
                channel.changed = swb_query_i64(&q, 4);
                r = each(&channel, userdata, err);
        }
        return r;
}

int swb_channel_remove(struct swb_db *db, int64_t app, const char *name, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        char what[SWB_NAME_MAX + 16];
        int r;

        (void)snprintf(what, sizeof(what), "channel '%.*s'", SWB_NAME_MAX, name);
        r = swb_uses_check(db, SWB_USED_CHANNEL, app, name, what, err);
        if (r >= 0)
                r = swb_query_init(&q, db, "DELETE FROM channels WHERE app = ? AND name = ?", err);
        if (r < 0)
                return r;
        swb_query_bind_i64(&q, app);
        swb_query_bind_text(&q, name);
        r = swb_query_run(&q, err);
        if (r >= 0 && swb_db_changes(db) == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "there is no %s", what);
        return r;
}
