/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/uses.h"

#define TEXT_MAX 400

#define JOBS_OF_APP                                                                                \
        "SELECT 'job ' || j.id FROM jobs j JOIN apps a ON a.appid = j.app"                         \
        " WHERE a.id = ?2 AND j.ended = 0"

/* ?1: the name, ?2: the app. A rollout that has finished or a job that has ended uses nothing. */
static const char *const queries[] = {
        [SWB_USED_APP] = "SELECT count(*) || ' releases' FROM releases WHERE app = ?2"
                         " HAVING count(*) > 0"
                         " UNION ALL SELECT count(*) || ' images' FROM images WHERE app = ?2"
                         " HAVING count(*) > 0"
                         " UNION ALL SELECT count(*) || ' devices' FROM devices WHERE app = ?2"
                         " HAVING count(*) > 0"
                         " UNION ALL SELECT 'job ' || id FROM jobs WHERE app = ?1 AND ended = 0",
        [SWB_USED_CHANNEL] = "SELECT 'the app, as its default' FROM apps WHERE id = ?2"
                             " AND default_channel = ?1"
                             " UNION ALL SELECT 'group ' || name FROM device_groups"
                             " WHERE app = ?2 AND channel = ?1"
                             " UNION ALL SELECT 'rollout ' || name FROM rollouts"
                             " WHERE app = ?2 AND channel = ?1 AND status <> 4",
        [SWB_USED_IMAGE] = JOBS_OF_APP
        " UNION ALL SELECT 'channel ' || c.name FROM channels c JOIN releases r"
        " ON r.id = c.release WHERE c.app = ?2 AND r.version = ?1"
        " UNION ALL SELECT 'rollout ' || o.name FROM rollouts o JOIN releases r"
        " ON r.id = o.release WHERE o.app = ?2 AND r.version = ?1 AND o.status IN (1, 2)"
        " UNION ALL SELECT count(*) || ' devices that run it' FROM devices"
        " WHERE app = ?2 AND version = ?1 HAVING count(*) > 0",
        /* Any of the app's images may be what a job makes a delta from. */
        [SWB_USED_IMAGE_BY_JOB] = JOBS_OF_APP " AND ?1 <> ''",
        [SWB_USED_PAYLOAD_FILE] = "SELECT 'release ' || r.version || ' of app ' || a.appid"
                                  " FROM payloads p JOIN releases r ON r.id = p.release"
                                  " JOIN apps a ON a.id = r.app WHERE p.sha256 = ?1",
};

int swb_uses_list(struct swb_db *db, enum swb_used kind, int64_t app, const char *name,
                  int (*each)(const char *user, void *userdata, struct swb_error *err),
                  void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r = swb_query_init(&q, db, queries[kind], err);

        if (r < 0)
                return r;
        swb_query_bind_text(&q, name);
        if (kind != SWB_USED_PAYLOAD_FILE)
                swb_query_bind_i64(&q, app);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0)
                r = each(swb_query_text(&q, 0), userdata, err);
        return r;
}

struct users {
        char text[TEXT_MAX];
        size_t n;
};

static int add_user(const char *user, void *userdata, struct swb_error *err)
{
        struct users *users = userdata;
        size_t room = sizeof(users->text) - users->n;
        int n = snprintf(users->text + users->n, room, "%s%s", users->n ? ", " : "", user);

        (void)err;
        if (n > 0 && (size_t)n < room)
                users->n += (size_t)n;
        else
                users->text[users->n] = '\0'; /* the first ones are enough */
        return 0;
}

int swb_uses_check(struct swb_db *db, enum swb_used kind, int64_t app, const char *name,
                   const char *what, struct swb_error *err)
{
        struct users users = {0};
        int r = swb_uses_list(db, kind, app, name, add_user, &users, err);

        if (r < 0 || users.n == 0)
                return r;
        return swb_fail(err, -EEXIST, SWB_FAULT_BUSY, "%s is used by %s", what, users.text);
}
