/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/jobs.h"

#define SELECT                                                                                     \
        "SELECT id, app, version, status, plan, result, step, percent, error, who, created,"       \
        " started, ended, cpu_msec, n_bytes FROM jobs"

void swb_job_done(struct swb_job *job)
{
        free(job->plan);
        free(job->result);
        job->plan = job->result = NULL;
}

static int read_job(const struct swb_query *q, struct swb_job *job, struct swb_error *err)
{
        *job = (struct swb_job){.id = swb_query_i64(q, 0), .percent = swb_query_i64(q, 7)};
        swb_copy_bounded(job->app, swb_query_text(q, 1), SWB_APPID_MAX);
        swb_copy_bounded(job->version, swb_query_text(q, 2), SWB_VERSION_MAX);
        swb_copy_bounded(job->status, swb_query_text(q, 3), sizeof(job->status) - 1);
        job->plan = strdup(swb_query_text(q, 4));
        job->result = strdup(swb_query_text(q, 5));
        swb_copy_bounded(job->step, swb_query_text(q, 6), sizeof(job->step) - 1);
        swb_copy_bounded(job->error, swb_query_text(q, 8), SWB_TEXT_MAX);
        swb_copy_bounded(job->who, swb_query_text(q, 9), SWB_WHO_MAX);
        job->created = swb_query_i64(q, 10);
        job->started = swb_query_i64(q, 11);
        job->ended = swb_query_i64(q, 12);
        job->cpu_msec = swb_query_i64(q, 13);
        job->n_bytes = swb_query_i64(q, 14);
        if (job->plan && job->result)
                return 0;
        swb_job_done(job);
        return swb_oom(err);
}

static int trim(struct swb_db *db, int64_t newest, struct swb_error *err)
{
        return swb_db_run(db, "DELETE FROM jobs WHERE id <= ? AND ended > 0",
                          SWB_VALUES(SWB_NUMBER(newest - SWB_JOBS_MAX)), err);
}

int swb_job_create(struct swb_db *db, const char *app, const char *version, const char *plan,
                   const char *who, int64_t now, int64_t *ret_id, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int64_t n;
        int r;

        r = swb_db_number(db, "SELECT count(*) FROM jobs WHERE ended = 0", &n, err);
        if (r >= 0 && n >= SWB_JOBS_MAX)
                return swb_fail(err, -ENOSPC, SWB_FAULT_LIMIT, "%d jobs wait already",
                                SWB_JOBS_MAX);
        if (r >= 0)
                r = swb_query_begin(&q, db,
                                    "INSERT INTO jobs (kind, app, version, status, plan, result,"
                                    " step, percent, error, who, created, started, ended, cpu_msec,"
                                    " n_bytes, lease_until, node) VALUES ('payloads', ?, ?,"
                                    " 'queued', ?, '[]', '', 0, '', ?, ?, 0, 0, 0, 0, 0, '')"
                                    " RETURNING id",
                                    SWB_VALUES(SWB_TEXT(app), SWB_TEXT(version), SWB_TEXT(plan),
                                               SWB_TEXT(who), SWB_NUMBER(now)),
                                    err);
        if (r < 0)
                return r;
        r = swb_query_insert(&q, ret_id, err);
        return r < 0 ? r : trim(db, *ret_id, err);
}

int swb_job_find(struct swb_db *db, int64_t id, struct swb_job *ret, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db, SELECT " WHERE id = ?", SWB_VALUES(SWB_NUMBER(id)), err);
        if (r < 0)
                return r;
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "there is no job %lld",
                                (long long)id);
        return read_job(&q, ret, err);
}

int swb_job_list(struct swb_db *db, int64_t before, uint64_t limit,
                 int (*each)(const struct swb_job *job, void *userdata, struct swb_error *err),
                 void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_begin(
                &q, db, SELECT " WHERE id < ? ORDER BY id DESC LIMIT ?",
                SWB_VALUES(SWB_NUMBER(before > 0 ? before : INT64_MAX), SWB_NUMBER((int64_t)limit)),
                err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                _cleanup_(swb_job_done) struct swb_job job = {0};

                r = read_job(&q, &job, err);
                if (r >= 0)
                        r = each(&job, userdata, err);
        }
        return r;
}

/* The id of one that nobody is at; 0: none. */
static int find_free(struct swb_db *db, int64_t id, int64_t now, int64_t *ret,
                     struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db,
                            "SELECT id FROM jobs WHERE ended = 0 AND lease_until < ?1"
                            " AND (?2 = 0 OR id = ?2) ORDER BY id LIMIT 1",
                            SWB_VALUES(SWB_NUMBER(now), SWB_NUMBER(id)), err);
        *ret = r > 0 ? swb_query_i64(&q, 0) : 0;
        return SWB_MIN(r, 0);
}

int swb_job_claim(struct swb_db *db, int64_t id, int64_t now, int64_t *ret_id,
                  struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        int64_t found;
        int r;

        r = find_free(db, id, now, &found, err); /* without holding others up */
        if (r < 0 || found == 0)
                return r;
        r = swb_transaction_begin(&t, db, err);
        if (r >= 0)
                r = find_free(db, id, now, &found, err);
        if (r < 0 || found == 0)
                return r;
        r = swb_db_run(db,
                       "UPDATE jobs SET status = CASE status WHEN 'cancelling' THEN status"
                       " ELSE 'running' END, started = CASE started WHEN 0 THEN ?1 ELSE"
                       " started END, lease_until = ?2 WHERE id = ?3",
                       SWB_VALUES(SWB_NUMBER(now), SWB_NUMBER(now + SWB_JOB_LEASE_SECONDS),
                                  SWB_NUMBER(found)),
                       err);
        if (r >= 0)
                r = swb_transaction_commit(&t, err);
        if (r < 0)
                return r;
        *ret_id = found;
        return 1;
}

static int store(struct swb_db *db, const struct swb_job *job, const char *status, int64_t ended,
                 int64_t lease, struct swb_error *err)
{
        return swb_db_run(db,
                          "UPDATE jobs SET status = CASE WHEN ?1 = '' THEN status ELSE ?1 END,"
                          " step = ?2, percent = ?3, result = ?4, cpu_msec = ?5, n_bytes = ?6,"
                          " error = ?7, ended = ?8, lease_until = ?9 WHERE id = ?10",
                          SWB_VALUES(SWB_TEXT(status), SWB_TEXT(job->step),
                                     SWB_NUMBER(job->percent), SWB_TEXT(job->result),
                                     SWB_NUMBER(job->cpu_msec), SWB_NUMBER(job->n_bytes),
                                     SWB_TEXT(job->error), SWB_NUMBER(ended), SWB_NUMBER(lease),
                                     SWB_NUMBER(job->id)),
                          err);
}

int swb_job_progress(struct swb_db *db, const struct swb_job *job, int64_t now,
                     struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = store(db, job, "", 0, now + SWB_JOB_LEASE_SECONDS, err);
        if (r >= 0)
                r = swb_query_first(&q, db, "SELECT status FROM jobs WHERE id = ?",
                                    SWB_VALUES(SWB_NUMBER(job->id)), err);
        if (r < 0)
                return r;
        return r == 0 || strcmp(swb_query_text(&q, 0), "cancelling") == 0;
}

int swb_job_end(struct swb_db *db, const struct swb_job *job, const char *status, int64_t now,
                struct swb_error *err)
{
        bool goes_on = strcmp(status, "queued") == 0;

        return store(db, job, status, goes_on ? 0 : now, 0, err);
}

int swb_job_cancel(struct swb_db *db, const struct swb_job *job, int64_t now, struct swb_error *err)
{
        if (job->ended)
                return swb_fail(err, -EEXIST, SWB_FAULT_USAGE, "job %lld is over: %s",
                                (long long)job->id, job->status);
        if (strcmp(job->status, "queued") == 0)
                return store(db, job, "cancelled", now, 0, err);
        /* Whoever is at it hears of that with its next progress. */
        return store(db, job, "cancelling", 0, now + SWB_JOB_LEASE_SECONDS, err);
}

int swb_image_put(struct swb_db *db, int64_t app, const char *version, const char *sha256,
                  uint64_t n_bytes, int64_t now, struct swb_error *err)
{
        if (!swb_is_release_version(version))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%.80s' can't be a version",
                                version);
        return swb_db_run(db,
                          "INSERT INTO images (app, version, partition, sha256, size, created)"
                          " VALUES (?, ?, 'root', ?, ?, ?) ON CONFLICT (app, version, partition)"
                          " DO UPDATE SET sha256 = excluded.sha256, size = excluded.size",
                          SWB_VALUES(SWB_NUMBER(app), SWB_TEXT(version), SWB_TEXT(sha256),
                                     SWB_NUMBER((int64_t)n_bytes), SWB_NUMBER(now)),
                          err);
}

int swb_image_find(struct swb_db *db, int64_t app, const char *version, char *ret_sha256,
                   struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db,
                            "SELECT sha256 FROM images WHERE app = ? AND version = ?"
                            " AND partition = 'root'",
                            SWB_VALUES(SWB_NUMBER(app), SWB_TEXT(version)), err);
        if (r > 0)
                swb_copy_bounded(ret_sha256, swb_query_text(&q, 0), 64);
        return r;
}

int swb_image_sources(struct swb_db *db, int64_t app,
                      int (*each)(const char *version, const char *sha256, int64_t n_devices,
                                  void *userdata, struct swb_error *err),
                      void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_begin(&q, db,
                            "SELECT i.version, i.sha256, count(*) AS n FROM images i"
                            " JOIN devices d ON d.app = i.app AND d.version = i.version"
                            " WHERE i.app = ? AND i.partition = 'root'"
                            " GROUP BY i.version, i.sha256 ORDER BY n DESC, i.version",
                            SWB_VALUES(SWB_NUMBER(app)), err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0)
                r = each(swb_query_text(&q, 0), swb_query_text(&q, 1), swb_query_i64(&q, 2),
                         userdata, err);
        return r;
}
