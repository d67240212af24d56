/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/releases.h"

#define RELEASE_COLUMNS                                                                            \
        "id, version, created, deadline, disable_backoff, max_failures, stepping_stone"
#define RELEASE_N_COLUMNS 7
#define PAYLOAD_COLUMNS                                                                            \
        "id, source_version, sha256, sha1, size, metadata_size, metadata_signature, name, minor,"  \
        " encoders, open_memory, open_scratch, target"
/* Of those of pieces a device fetches what it lacks: half is a careful guess. */
#define PAYLOAD_ORDER                                                                              \
        " ORDER BY source_version, CASE minor WHEN 1002 THEN size / 2 ELSE size END, id"

static void read_release(const struct swb_query *q, struct swb_release *release)
{
        release->id = swb_query_i64(q, 0);
        swb_copy_bounded(release->version, swb_query_text(q, 1), SWB_VERSION_MAX);
        release->created = swb_query_i64(q, 2);
        swb_copy_bounded(release->deadline, swb_query_text(q, 3), sizeof(release->deadline) - 1);
        release->disable_backoff = swb_query_i64(q, 4) != 0;
        release->max_failures = (uint64_t)swb_query_i64(q, 5);
        release->stepping_stone = swb_query_i64(q, 6) != 0;
}

static void read_payload(const struct swb_query *q, struct swb_payload *payload)
{
        payload->id = swb_query_i64(q, 0);
        swb_copy_bounded(payload->source_version, swb_query_text(q, 1), SWB_VERSION_MAX);
        swb_copy_bounded(payload->sha256, swb_query_text(q, 2), sizeof(payload->sha256) - 1);
        swb_copy_bounded(payload->sha1, swb_query_text(q, 3), sizeof(payload->sha1) - 1);
        payload->size = (uint64_t)swb_query_i64(q, 4);
        payload->metadata_size = (uint64_t)swb_query_i64(q, 5);
        swb_copy_bounded(payload->metadata_signature, swb_query_text(q, 6),
                         SWB_METADATA_SIGNATURE_MAX);
        swb_copy_bounded(payload->name, swb_query_text(q, 7), sizeof(payload->name) - 1);
        payload->minor = swb_query_i64(q, 8);
        swb_copy_bounded(payload->encoders, swb_query_text(q, 9), sizeof(payload->encoders) - 1);
        payload->open_memory = (uint64_t)swb_query_i64(q, 10);
        payload->open_scratch = (uint64_t)swb_query_i64(q, 11);
        swb_copy_bounded(payload->target, swb_query_text(q, 12), sizeof(payload->target) - 1);
}

int swb_release_find(struct swb_db *db, int64_t app, const char *version, struct swb_release *ret,
                     struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(
                &q, db, "SELECT " RELEASE_COLUMNS " FROM releases WHERE app = ? AND version = ?",
                SWB_VALUES(SWB_NUMBER(app), SWB_TEXT(version)), err);
        if (r < 0)
                return r;
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "there is no release '%s'",
                                version);
        read_release(&q, ret);
        return 0;
}

int swb_release_put(struct swb_db *db, int64_t app, int64_t now, struct swb_release *release,
                    struct swb_error *err)
{
        struct swb_release stored = {0};
        int r;

        if (!swb_is_release_version(release->version))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' can't be a version",
                                release->version);
        r = swb_db_run(db,
                       "INSERT INTO releases (app, version, created, deadline,"
                       "  disable_backoff, max_failures) VALUES (?, ?, ?, ?, ?, ?)"
                       "ON CONFLICT (app, version) DO UPDATE SET"
                       "  deadline = excluded.deadline,"
                       "  disable_backoff = excluded.disable_backoff,"
                       "  max_failures = excluded.max_failures",
                       SWB_VALUES(SWB_NUMBER(app), SWB_TEXT(release->version), SWB_NUMBER(now),
                                  SWB_TEXT(release->deadline), SWB_NUMBER(release->disable_backoff),
                                  SWB_NUMBER((int64_t)release->max_failures)),
                       err);
        if (r >= 0)
                r = swb_release_find(db, app, release->version, &stored, err);
        if (r < 0)
                return r;
        release->id = stored.id;
        release->created = stored.created;
        return 0;
}

int swb_release_set_stepping_stone(struct swb_db *db, const struct swb_release *release,
                                   bool stepping_stone, struct swb_error *err)
{
        return swb_db_run(db, "UPDATE releases SET stepping_stone = ? WHERE id = ?",
                          SWB_VALUES(SWB_NUMBER(stepping_stone), SWB_NUMBER(release->id)), err);
}

static int deny(const struct swb_payload *there, const char *why, struct swb_error *err)
{
        return swb_fail(err, -EEXIST, SWB_FAULT_DENIED,
                        "the release already has another %s payload%s%s (%s)%s: remove the release "
                        "first, or give this build a version of its own",
                        *there->source_version ? "delta" : "full",
                        *there->source_version ? " from " : "", there->source_version,
                        there->sha256, why);
}

/* May both be payloads of one release? 1: they are the same. */
static int compare(const struct swb_payload *there, const struct swb_payload *payload,
                   struct swb_error *err)
{
        if (strcmp(there->sha256, payload->sha256) == 0)
                return 1;
        if (!*there->target || !*payload->target)
                return deny(there, "", err);
        if (strcmp(there->target, payload->target) != 0)
                return deny(there, ", which makes something else", err);
        if (there->minor == payload->minor && strcmp(there->encoders, payload->encoders) == 0)
                return deny(there, ", which asks the same of devices", err);
        return 0;
}

/* 1: the release has this very payload. */
static int find_payload(struct swb_db *db, int64_t release, const struct swb_payload *payload,
                        struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_payload there;
        bool is_there = false;
        int r;

        r = swb_query_begin(&q, db,
                            "SELECT " PAYLOAD_COLUMNS
                            " FROM payloads WHERE release = ? AND source_version = ?" PAYLOAD_ORDER,
                            SWB_VALUES(SWB_NUMBER(release), SWB_TEXT(payload->source_version)),
                            err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                read_payload(&q, &there);
                r = compare(&there, payload, err);
                is_there = is_there || r > 0;
        }
        return r < 0 ? r : is_there;
}

static int insert_payload(struct swb_db *db, int64_t release, int64_t now,
                          const struct swb_payload *p, struct swb_error *err)
{
        return swb_db_run(
                db,
                "INSERT INTO payloads (release, source_version, sha256, sha1, size,"
                "  metadata_size, metadata_signature, name, created, minor, encoders,"
                "  open_memory, open_scratch, target)"
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                SWB_VALUES(SWB_NUMBER(release), SWB_TEXT(p->source_version), SWB_TEXT(p->sha256),
                           SWB_TEXT(p->sha1), SWB_NUMBER((int64_t)p->size),
                           SWB_NUMBER((int64_t)p->metadata_size), SWB_TEXT(p->metadata_signature),
                           SWB_TEXT(p->name), SWB_NUMBER(now), SWB_NUMBER(p->minor),
                           SWB_TEXT(p->encoders), SWB_NUMBER((int64_t)p->open_memory),
                           SWB_NUMBER((int64_t)p->open_scratch), SWB_TEXT(p->target)),
                err);
}

int swb_payload_put(struct swb_db *db, int64_t release, int64_t now,
                    const struct swb_payload *payload, struct swb_error *err)
{
        int r = find_payload(db, release, payload, err);

        return r == 0 ? insert_payload(db, release, now, payload, err) : r;
}

int swb_release_page(struct swb_db *db, int64_t app, const struct swb_release *before,
                     uint64_t limit,
                     int (*each)(const struct swb_release *release, void *userdata,
                                 struct swb_error *err),
                     void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_release release;
        int r;

        r = swb_query_begin(&q, db,
                            "SELECT " RELEASE_COLUMNS
                            " FROM releases WHERE app = ?1 AND (created < ?2 OR (created = ?2 AND"
                            " id < ?3)) ORDER BY created DESC, id DESC LIMIT ?4",
                            SWB_VALUES(SWB_NUMBER(app),
                                       SWB_NUMBER(before ? before->created : INT64_MAX),
                                       SWB_NUMBER(before ? before->id : 0),
                                       SWB_NUMBER((int64_t)SWB_MIN(limit, (uint64_t)INT64_MAX))),
                            err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                read_release(&q, &release);
                r = each(&release, userdata, err);
        }
        return r;
}

int swb_release_list(struct swb_db *db, int64_t app,
                     int (*each)(const struct swb_release *release, void *userdata,
                                 struct swb_error *err),
                     void *userdata, struct swb_error *err)
{
        return swb_release_page(db, app, NULL, UINT64_MAX, each, userdata, err);
}

int swb_release_find_id(struct swb_db *db, int64_t id, struct swb_release *ret, int64_t *ret_app,
                        struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db, "SELECT " RELEASE_COLUMNS ", app FROM releases WHERE id = ?",
                            SWB_VALUES(SWB_NUMBER(id)), err);
        if (r <= 0)
                return r;
        read_release(&q, ret);
        *ret_app = swb_query_i64(&q, RELEASE_N_COLUMNS);
        return 1;
}

int swb_payload_list(struct swb_db *db, int64_t release,
                     int (*each)(const struct swb_payload *payload, void *userdata,
                                 struct swb_error *err),
                     void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_payload payload;
        int r;

        r = swb_query_begin(
                &q, db, "SELECT " PAYLOAD_COLUMNS " FROM payloads WHERE release = ?" PAYLOAD_ORDER,
                SWB_VALUES(SWB_NUMBER(release)), err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                read_payload(&q, &payload);
                r = each(&payload, userdata, err);
        }
        return r;
}

static int check_not_carried(struct swb_db *db, const struct swb_release *release,
                             struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db, "SELECT name FROM channels WHERE release = ?",
                            SWB_VALUES(SWB_NUMBER(release->id)), err);
        if (r > 0)
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY,
                                "channel '%s' carries release %s: set the channel to another "
                                "release first",
                                swb_query_text(&q, 0), release->version);
        return r;
}

/* Finished rollouts go with their release, others keep it. */
static int remove_rollouts(struct swb_db *db, const struct swb_release *release,
                           struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query find = {0}, remove = {0};
        int r;

        r = swb_query_init(&find, db, "SELECT name FROM rollouts WHERE release = ? AND status <> 4",
                           err);
        if (r >= 0)
                r = swb_query_init(&remove, db, "DELETE FROM rollouts WHERE release = ?", err);
        if (r < 0)
                return r;
        swb_query_bind_i64(&find, release->id);
        r = swb_query_step(&find, err);
        if (r > 0)
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY,
                                "rollout '%s' is about release %s: remove the rollout first",
                                swb_query_text(&find, 0), release->version);
        if (r < 0)
                return r;
        swb_query_bind_i64(&remove, release->id);
        return swb_query_run(&remove, err);
}

int swb_release_remove(struct swb_db *db, const struct swb_release *release, struct swb_error *err)
{
        int r;

        r = check_not_carried(db, release, err);
        if (r >= 0)
                r = remove_rollouts(db, release, err);
        if (r >= 0)
                r = swb_db_run(db, "DELETE FROM releases WHERE id = ?",
                               SWB_VALUES(SWB_NUMBER(release->id)), err);
        return r;
}

int swb_payload_file_used(struct swb_db *db, const char *sha256, bool *ret, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db, "SELECT 1 FROM payloads WHERE sha256 = ?",
                            SWB_VALUES(SWB_TEXT(sha256)), err);
        if (r < 0)
                return r;
        *ret = r > 0;
        return 0;
}
