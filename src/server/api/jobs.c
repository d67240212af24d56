/* SPDX-License-Identifier: Apache-2.0 */
/* Work on payloads. */
#include "server/api/jobs.h"
#include "base/text.h"
#include "server/report/report.h"
#include "server/store/delta_measures.h"

static void put_time(struct swb_json *json, const char *name, int64_t at)
{
        char text[SWB_TIME_TEXT];

        swb_json_str(json, name, at ? swb_format_time(at, text) : NULL);
}

static void write_job(struct swb_json *json, const struct swb_job *job)
{
        swb_json_open_object(json, NULL);
        swb_json_i64(json, "id", job->id);
        swb_json_str(json, "app", job->app);
        swb_json_str(json, "version", job->version);
        swb_json_str(json, "status", job->status);
        swb_json_str(json, "step", job->step);
        swb_json_i64(json, "percent", job->percent);
        swb_json_str(json, "error", *job->error ? job->error : NULL);
        swb_json_str(json, "who", job->who);
        put_time(json, "created", job->created);
        put_time(json, "started", job->started);
        put_time(json, "ended", job->ended);
        swb_json_i64(json, "cpu_msec", job->cpu_msec);
        swb_json_i64(json, "bytes", job->n_bytes);
        swb_json_raw(json, "plan", *job->plan ? job->plan : "{}");
        swb_json_raw(json, "payloads", *job->result ? job->result : "[]");
        swb_json_close_object(json);
}

struct page {
        struct swb_json *json;
        uint64_t n;
        int64_t last;
};

static int add_job(const struct swb_job *job, void *userdata, struct swb_error *err)
{
        struct page *page = userdata;

        (void)err;
        write_job(page->json, job);
        page->last = job->id;
        page->n++;
        return 0;
}

static int list_jobs(struct swb_api_call *call, struct swb_error *err)
{
        struct page page = {.json = &call->json};
        uint64_t limit;
        int64_t before;
        int r = swb_api_page(call, &before, &limit, err);

        if (r < 0)
                return r;
        swb_json_open_array(&call->json, NULL);
        r = swb_job_list(call->db, before, limit, add_job, &page, err);
        swb_json_close_array(&call->json);
        swb_api_set_next(call, page.n == limit ? page.last : 0);
        return r;
}

static int find(struct swb_api_call *call, struct swb_job *job, struct swb_error *err)
{
        uint64_t id;

        if (swb_parse_u64(swb_api_name(call), &id) < 0 || id > INT64_MAX)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "there is no job '%.40s'",
                                swb_api_name(call));
        return swb_job_find(call->db, (int64_t)id, job, err);
}

static int show(struct swb_api_call *call, struct swb_error *err)
{
        _cleanup_(swb_job_done) struct swb_job job = {0};
        int r = find(call, &job, err);

        if (r >= 0)
                write_job(&call->json, &job);
        return r;
}

static int read_plan(const struct swb_api_call *call, struct swb_payloads_plan *plan,
                     struct swb_error *err)
{
        int r;

        r = swb_api_copy(call, "channel", plan->channel, sizeof(plan->channel), err);
        if (r >= 0 && *plan->channel)
                r = swb_name_check("channel", plan->channel, err);
        if (r >= 0)
                r = swb_api_u64(call, "max_deltas", &plan->max_deltas, err);
        if (r >= 0)
                r = swb_api_u64(call, "cpu_seconds", &plan->cpu_seconds, err);
        if (r >= 0)
                r = swb_api_u64(call, "delta_bytes", &plan->delta_bytes, err);
        if (r >= 0 && plan->cpu_seconds > INT32_MAX)
                return swb_fail(err, -ERANGE, SWB_FAULT_USAGE, "'cpu_seconds': too many");
        return r;
}

static int insert(struct swb_api_call *call, const char *version, int64_t *ret_id,
                  struct swb_error *err)
{
        struct swb_payloads_plan plan = SWB_PAYLOADS_PLAN_DEFAULT;
        _cleanup_free_ char *text = NULL;
        int r = read_plan(call, &plan, err);

        if (r < 0)
                return r;
        text = swb_payloads_plan_text(&plan);
        if (!text)
                return swb_oom(err);
        return swb_job_create(call->db, call->app.appid, version, text, call->identity.who,
                              call->now, ret_id, err);
}

int swb_api_job_make(struct swb_api_call *call, const char *version, struct swb_error *err)
{
        _cleanup_(swb_job_done) struct swb_job job = {0};
        int64_t id;
        int r = insert(call, version, &id, err);

        if (r >= 0)
                r = swb_job_find(call->db, id, &job, err);
        if (r >= 0)
                write_job(&call->json, &job);
        return r;
}

/* For a version whose image is there. */
static int create(struct swb_api_call *call, struct swb_error *err)
{
        const char *version;
        char sha256[65];
        int64_t id;
        int r;

        r = swb_api_only(call, "version " SWB_API_JOB_MEMBERS, err);
        if (r >= 0)
                r = swb_api_need(call, "version", &version, err);
        if (r >= 0)
                r = swb_image_find(call->db, call->app.id, version, sha256, err);
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "no image of version '%.64s' is here: publish it", version);
        if (r >= 0)
                r = insert(call, version, &id, err);
        if (r < 0)
                return r;
        (void)snprintf(call->made, sizeof(call->made), "%lld", (long long)id);
        return show(call, err);
}

static int cancel(struct swb_api_call *call, struct swb_error *err)
{
        _cleanup_(swb_job_done) struct swb_job job = {0};
        int r = find(call, &job, err);

        if (r >= 0)
                r = swb_job_cancel(call->db, &job, call->now, err);
        return r < 0 ? r : show(call, err);
}

/* --- what was measured --- */

static int add_measure(const struct swb_delta_measure *m, void *userdata, struct swb_error *err)
{
        struct swb_json *json = userdata;

        (void)err;
        swb_json_open_object(json, NULL);
        swb_json_str(json, "source_version", m->source_version);
        swb_json_str(json, "target_version", m->target_version);
        swb_json_u64(json, "steps", m->steps);
        swb_json_u64(json, "delta_bytes", m->delta_bytes);
        swb_json_u64(json, "full_bytes", m->full_bytes);
        swb_json_u64(json, "cpu_msec", m->cpu_msec);
        put_time(json, "at", m->at);
        swb_json_close_object(json);
        return 0;
}

static int list_measures(struct swb_api_call *call, struct swb_error *err)
{
        uint64_t limit;
        int r = swb_api_limit(call, &limit, err);

        if (r < 0)
                return r;
        swb_json_open_array(&call->json, NULL);
        r = swb_delta_measure_list(call->db, call->app.id, limit, add_measure, &call->json, err);
        swb_json_close_array(&call->json);
        return r;
}

const struct swb_api_route swb_api_job_routes[] = {
        {"GET", "delta-measures", SWB_SCOPE_READ, list_measures, NULL, NULL, 0},
        {"GET", "jobs", SWB_SCOPE_READ, list_jobs, NULL, NULL, SWB_API_NO_APP},
        {"POST", "jobs", SWB_SCOPE_DEPLOY, create, NULL, "job.create", 0},
        {"GET", "jobs/{job}", SWB_SCOPE_READ, show, NULL, NULL, SWB_API_NO_APP},
        {"POST", "jobs/{job}/cancel", SWB_SCOPE_DEPLOY, cancel, NULL, "job.cancel",
         SWB_API_NO_APP | SWB_API_NO_BODY},
        {0},
};
