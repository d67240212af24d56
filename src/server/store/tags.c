/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/tags.h"

static int start(struct swb_query *q, struct swb_db *db, const char *sql, int64_t app,
                 const char *first, const char *second, struct swb_error *err)
{
        int r = swb_query_init(q, db, sql, err);

        if (r < 0)
                return r;
        swb_query_bind_i64(q, app);
        swb_query_bind_text(q, first);
        if (second)
                swb_query_bind_text(q, second);
        return 0;
}

static int check_machine(const char *machineid, struct swb_error *err)
{
        if (swb_is_plain_id(machineid, SWB_MACHINEID_MAX))
                return 0;
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                        "'%.160s' can't be a machine id: 1 to %d printable characters without "
                        "spaces",
                        machineid, SWB_MACHINEID_MAX);
}

static int check_count(struct swb_db *db, int64_t app, const char *machineid, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = start(&q, db, "SELECT count(*) FROM device_tags WHERE app = ? AND machineid = ?", app,
                  machineid, NULL, err);
        if (r >= 0)
                r = swb_query_step(&q, err);
        if (r >= 0 && swb_query_i64(&q, 0) > SWB_DEVICE_TAGS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT,
                                "device '%s' would have more than %d tags: remove some", machineid,
                                SWB_DEVICE_TAGS_MAX);
        return SWB_MIN(r, 0);
}

int swb_tag_add(struct swb_db *db, int64_t app, const char *machineid, const char *tag,
                struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = check_machine(machineid, err);
        if (r >= 0)
                r = swb_name_check("tag", tag, err);
        if (r >= 0)
                r = start(&q, db,
                          "INSERT INTO device_tags (app, machineid, tag) VALUES (?, ?, ?)"
                          " ON CONFLICT DO NOTHING",
                          app, machineid, tag, err);
        if (r >= 0)
                r = swb_query_run(&q, err);
        return r < 0 ? r : check_count(db, app, machineid, err);
}

int swb_tag_remove(struct swb_db *db, int64_t app, const char *machineid, const char *tag,
                   struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = start(&q, db, "DELETE FROM device_tags WHERE app = ? AND machineid = ? AND tag = ?",
                  app, machineid, tag, err);
        return r < 0 ? r : swb_query_run(&q, err);
}

int swb_tag_clear(struct swb_db *db, int64_t app, const char *machineid, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = check_machine(machineid, err);
        if (r >= 0)
                r = start(&q, db, "DELETE FROM device_tags WHERE app = ? AND machineid = ?", app,
                          machineid, NULL, err);
        return r < 0 ? r : swb_query_run(&q, err);
}

static int list(struct swb_db *db, const char *sql, int64_t app, const char *name,
                int (*each)(const char *text, void *userdata, struct swb_error *err),
                void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = start(&q, db, sql, app, name, NULL, err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0)
                r = each(swb_query_text(&q, 0), userdata, err);
        return r;
}

int swb_tag_list(struct swb_db *db, int64_t app, const char *machineid,
                 int (*each)(const char *tag, void *userdata, struct swb_error *err),
                 void *userdata, struct swb_error *err)
{
        return list(db, "SELECT tag FROM device_tags WHERE app = ? AND machineid = ? ORDER BY tag",
                    app, machineid, each, userdata, err);
}

int swb_tagged_list(struct swb_db *db, int64_t app, const char *tag,
                    int (*each)(const char *machineid, void *userdata, struct swb_error *err),
                    void *userdata, struct swb_error *err)
{
        return list(db,
                    "SELECT machineid FROM device_tags WHERE app = ? AND tag = ?"
                    " ORDER BY machineid",
                    app, tag, each, userdata, err);
}
