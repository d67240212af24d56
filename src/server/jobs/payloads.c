/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jobs/payloads.h"

#include <jansson.h>

#include "base/log.h"
#include "os/file.h"
#include "payload/format.h"
#include "server/jobs/candidates.h"
#include "server/jobs/image_files.h"
#include "server/jobs/making.h"
#include "server/jobs/readers.h"
#include "server/jobs/result.h"
#include "server/publish/publish.h"

/* One job in work. */
struct work {
        struct swb_db *db;
        const struct swb_payloads_config *config;
        struct swb_job job;
        struct swb_payloads_plan plan;
        struct swb_app app;
        char *folder; /* of what is being made */
        char sha256[65];
        uint64_t full_bytes;
        int64_t delta_cpu_msec;
        uint64_t delta_bytes;
        struct swb_candidates candidates;
        struct swb_readers readers; /* of the candidate that is looked at */
        json_t *result;
        bool wants_end; /* cancelled, or the server stops */
        bool is_stopping;
};

/* --- progress --- */

static void note(struct work *work)
{
        struct swb_error err = SWB_ERROR_INIT;
        char *result = json_dumps(work->result, JSON_COMPACT);
        int r;

        if (result) {
                free(work->job.result);
                work->job.result = result;
        }
        r = swb_job_progress(work->db, &work->job, (int64_t)time(NULL), &err);
        if (r < 0)
                swb_log(SWB_LOG_WARNING, "note the progress of job %lld: %s, going on",
                        (long long)work->job.id, err.text);
        work->wants_end = work->wants_end || r > 0;
        if (work->config->stop && __atomic_load_n(work->config->stop, __ATOMIC_RELAXED))
                work->is_stopping = work->wants_end = true;
        if (work->config->say)
                work->config->say(&work->job, work->config->userdata);
}

static int on_progress(const char *stage, unsigned percent, void *userdata)
{
        struct work *work = userdata;

        (void)stage;
        work->job.percent = percent;
        note(work);
        return work->wants_end;
}

static void add_result(struct work *work, const struct swb_candidate *source, uint64_t n_bytes,
                       int64_t cpu_msec, const char *outcome)
{
        const struct swb_job_line line = {.source = source,
                                          .full_bytes = work->full_bytes,
                                          .n_bytes = n_bytes,
                                          .cpu_msec = cpu_msec,
                                          .outcome = outcome};

        if (swb_job_result_add(work->result, &line) < 0)
                swb_log(SWB_LOG_WARNING, "no memory for a line of a job's result");
}

/* --- making --- */

static uint64_t cpu_left(const struct work *work, const struct swb_candidate *source)
{
        uint64_t used = (uint64_t)work->delta_cpu_msec / 1000;

        if (!source || work->plan.cpu_seconds == 0)
                return 0;
        return work->plan.cpu_seconds > used ? work->plan.cpu_seconds - used : 1;
}

/* source NULL: the full payload. */
static int make(struct work *work, const struct swb_candidate *source, const char *output,
                uint64_t *ret_bytes, int64_t *ret_cpu_msec, struct swb_error *err)
{
        const char *data = work->config->data;
        _cleanup_free_ char *old = source ? swb_image_file_path(data, source->sha256) : NULL;
        _cleanup_free_ char *new = swb_image_file_path(data, work->sha256);
        const struct swb_making making = {.pack_program = work->config->pack_program,
                                          .keys = work->config->keys,
                                          .n_keys = work->config->n_keys,
                                          .appid = work->app.appid,
                                          .version = work->job.version,
                                          .image = new,
                                          .source_version = source ? source->version : NULL,
                                          .old_image = old,
                                          .kind = source ? source->kind : SWB_DELTA_PLAIN,
                                          .output = output,
                                          .cpu_seconds_max = cpu_left(work, source),
                                          .progress = on_progress,
                                          .userdata = work};
        int r;

        *ret_cpu_msec = 0;
        if (!new || (source && !old))
                return swb_oom(err);
        r = swb_make_payload(&making, ret_bytes, ret_cpu_msec, err);
        work->job.cpu_msec += *ret_cpu_msec;
        if (source)
                work->delta_cpu_msec += *ret_cpu_msec;
        return r;
}

static int publish(struct work *work, const char *output, const char *channel,
                   struct swb_error *err)
{
        struct swb_identity identity = swb_identity_server;
        struct swb_publish_options options = {
                .payload = output, .channel = channel, .identity = &identity};
        struct swb_publish_result result;

        swb_copy_bounded(identity.who, work->job.who, SWB_WHO_MAX);
        return swb_publish(work->db, work->config->data, &options, &result, err);
}

/* source NULL: of the full payload. */
static char *output_path(const struct work *work, const struct swb_candidate *source)
{
        char *path;

        if (asprintf(&path, "%s/%s-%s-to-%s%s.swb", work->folder, work->app.appid,
                     source ? source->version : "full", work->job.version,
                     source && source->is_fallback ? "-fallback" : "") < 0)
                return NULL;
        return path;
}

/* --- what is there --- */

struct known {
        const char *source_version;
        bool found;
        uint64_t n_bytes; /* of the best */
        struct swb_readers_deltas payloads;
};

static int look_at(const struct swb_payload *payload, void *userdata, struct swb_error *err)
{
        struct known *known = userdata;
        struct swb_readers_deltas *deltas = &known->payloads;

        (void)err;
        if (strcmp(payload->source_version, known->source_version) != 0)
                return 0;
        if (!known->found)
                known->n_bytes = payload->size;
        known->found = true;
        if (deltas->n == SWB_READERS_DELTAS_MAX)
                return 0;
        swb_copy_bounded(deltas->encoders[deltas->n], payload->encoders,
                         SWB_ABILITIES_TEXT_MAX - 1);
        deltas->demands[deltas->n] =
                (struct swb_demands){.minor = (uint32_t)SWB_MAX(payload->minor, (int64_t)0),
                                     .encoders = deltas->encoders[deltas->n],
                                     .memory_bytes = payload->open_memory,
                                     .scratch_bytes = payload->open_scratch};
        deltas->n++;
        return 0;
}

static int find_payload(struct work *work, struct known *known, struct swb_error *err)
{
        struct swb_release release;
        int r = swb_release_find(work->db, work->app.id, work->job.version, &release, err);

        if (r == -ENOENT)
                return 0;
        return r < 0 ? r : swb_payload_list(work->db, release.id, look_at, known, err);
}

/* --- steps --- */

static int make_full(struct work *work, struct swb_error *err)
{
        struct known known = {.source_version = ""};
        _cleanup_free_ char *output = output_path(work, NULL);
        int64_t cpu_msec;
        int r;

        if (!output)
                return swb_oom(err);
        (void)snprintf(work->job.step, sizeof(work->job.step), "full payload");
        note(work);
        r = find_payload(work, &known, err);
        if (r < 0 || known.found) {
                work->full_bytes = known.n_bytes;
                return r;
        }
        r = make(work, NULL, output, &work->full_bytes, &cpu_msec, err);
        if (r >= 0)
                r = publish(work, output, *work->plan.channel ? work->plan.channel : NULL, err);
        swb_remove_made(output);
        if (r < 0)
                return swb_wrap(err, r, "full payload");
        work->job.n_bytes += (int64_t)work->full_bytes;
        add_result(work, NULL, work->full_bytes, cpu_msec, "published");
        return 0;
}

static bool is_too_little(const struct work *work, uint64_t n_bytes)
{
        return n_bytes > work->full_bytes - work->full_bytes / 10;
}

static uint64_t bytes_left(const struct work *work)
{
        uint64_t budget = work->plan.delta_bytes;

        if (budget == 0)
                return UINT64_MAX;
        return budget > work->delta_bytes ? budget - work->delta_bytes : 0;
}

/* What was measured is kept also where nothing comes of the delta: nobody needs to try it again. */
static void note_measure(struct work *work, const struct swb_candidate *source, uint64_t n_bytes,
                         int64_t cpu_msec)
{
        struct swb_error err = SWB_ERROR_INIT;

        if (swb_candidates_note(&work->candidates, work->db, source, n_bytes, (uint64_t)cpu_msec,
                                &err) < 0)
                swb_log(SWB_LOG_WARNING, "note what a delta took: %s, going on", err.text);
}

/* A delta that can't be made holds the others up no longer. */
static int make_delta(struct work *work, const struct swb_candidate *source, struct swb_error *err)
{
        _cleanup_free_ char *output = output_path(work, source);
        struct swb_error mine = SWB_ERROR_INIT;
        uint64_t n_bytes = 0;
        int64_t cpu_msec;
        int r;

        if (!output)
                return swb_oom(err);
        (void)snprintf(work->job.step, sizeof(work->job.step), "%s from %s",
                       source->is_fallback ? "fallback" : "delta", source->version);
        work->job.percent = 0;
        note(work);
        if (work->wants_end)
                return 0;
        r = make(work, source, output, &n_bytes, &cpu_msec, &mine);
        if (r >= 0 && !source->is_fallback)
                note_measure(work, source, n_bytes, cpu_msec);
        if (r >= 0 && is_too_little(work, n_bytes)) {
                add_result(work, source, n_bytes, cpu_msec, "saves too little");
        } else if (r >= 0 && n_bytes > bytes_left(work)) {
                add_result(work, source, n_bytes, cpu_msec, "above the budget of bytes");
        } else if (r >= 0) {
                r = publish(work, output, NULL, &mine);
                work->delta_bytes += r < 0 ? 0 : n_bytes;
                work->job.n_bytes += r < 0 ? 0 : (int64_t)n_bytes;
                add_result(work, source, n_bytes, cpu_msec, r < 0 ? mine.text : "published");
        } else if (r != -ECANCELED) {
                add_result(work, source, 0, cpu_msec, mine.text);
        }
        swb_remove_made(output);
        return 0;
}

static bool is_over_budget(const struct work *work)
{
        return work->plan.cpu_seconds > 0 &&
               (uint64_t)work->delta_cpu_msec / 1000 >= work->plan.cpu_seconds;
}

/* Why a delta is not worth trying, by what was measured; NULL: it is. */
static const char *reason_to_skip(const struct work *work, const struct swb_candidate *source)
{
        const struct swb_estimate *e = &source->expected;
        uint64_t used = (uint64_t)work->delta_cpu_msec, budget = work->plan.cpu_seconds * 1000;

        if (e->by == SWB_ESTIMATE_BY_NOTHING)
                return NULL;
        if (e->by == SWB_ESTIMATE_BY_ITSELF && is_too_little(work, e->bytes))
                return "not made: saves too little, as measured before";
        if (e->bytes > bytes_left(work))
                return "not made: expected to be above the budget of bytes";
        if (budget > 0 && used + e->cpu_msec > budget)
                return "not made: expected to be above the budget of CPU time";
        return NULL;
}

/* The most that some of those who will get it can apply. */
static int choose_kind(struct work *work, struct swb_candidate *source, struct swb_error *err)
{
        int r = swb_readers_load(work->db, work->app.id, source->version, &work->readers, err);

        if (r < 0 || source->is_fallback)
                return r;
        source->kind = swb_readers_of_minor(&work->readers, SWB_MINOR_OPENED) > 0 ? SWB_DELTA_OPENED
                                                                                  : SWB_DELTA_PLAIN;
        return 0;
}

/* Devices that run this version and can apply no delta from it get one that they can, when it is
 * worth it. */
static int look_for_fallback(struct work *work, const struct swb_candidate *source,
                             struct swb_error *err)
{
        struct known known = {.source_version = source->version};
        uint64_t n_closed, n_plain;
        int r = find_payload(work, &known, err);

        if (r < 0 || !known.found || source->is_fallback)
                return r;
        n_closed = swb_readers_left(&work->readers, SWB_MINOR_OPENED, &known.payloads);
        n_plain = swb_readers_left(&work->readers, SWB_MINOR_ALL_CODECS, &known.payloads);
        if (n_plain > 0)
                swb_candidates_add_fallback(&work->candidates, source,
                                            n_plain > n_closed ? SWB_DELTA_PLAIN : SWB_DELTA_CLOSED,
                                            n_plain);
        return 0;
}

/* Returns whether it counts among those that the plan wants at most. */
static int consider(struct work *work, struct swb_candidate *source, struct swb_error *err)
{
        struct known known = {.source_version = source->version};
        const char *reason;
        int r = choose_kind(work, source, err);

        if (r >= 0)
                r = find_payload(work, &known, err);
        if (r < 0)
                return r;
        if (!known.found || source->is_fallback) {
                reason = reason_to_skip(work, source);
                if (reason) {
                        if (!swb_job_result_has(work->result, source->version))
                                add_result(work, source, 0, 0, reason);
                        return 0;
                }
                r = make_delta(work, source, err);
        }
        if (r >= 0 && !work->wants_end)
                r = look_for_fallback(work, source, err);
        return r < 0 ? r : 1;
}

static int make_deltas(struct work *work, struct swb_error *err)
{
        struct swb_delta_measure target = {.full_bytes = work->full_bytes};
        struct swb_candidate *source;
        uint64_t n = 0;
        int r;

        swb_copy_bounded(target.target_version, work->job.version, SWB_VERSION_MAX);
        memcpy(target.target_sha256, work->sha256, sizeof(target.target_sha256));
        r = swb_candidates_load(work->db, work->app.id, &target, &work->candidates, err);
        while (r >= 0 && n < work->plan.max_deltas && !work->wants_end && !is_over_budget(work) &&
               (source = swb_candidates_take(&work->candidates))) {
                r = consider(work, source, err);
                n += r > 0;
        }
        return SWB_MIN(r, 0);
}

static int prepare(struct work *work, struct swb_error *err)
{
        int r;

        work->result = swb_job_result_load(work->job.result);
        if (!work->result || asprintf(&work->folder, "%s/jobs/%lld", work->config->data,
                                      (long long)work->job.id) < 0) {
                work->folder = NULL;
                return swb_oom(err);
        }
        swb_payloads_plan_read(work->job.plan, &work->plan);
        swb_job_result_count(work->result, &work->delta_cpu_msec, &work->delta_bytes);
        r = swb_app_find(work->db, work->job.app, &work->app, err);
        if (r >= 0)
                r = swb_image_find(work->db, work->app.id, work->job.version, work->sha256, err);
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "no image of version %s is here: publish it", work->job.version);
        return r < 0 ? r : swb_make_dirs(work->folder, 0750, err);
}

static struct work *work_free(struct work *work)
{
        if (!work)
                return NULL;
        if (work->folder)
                (void)rmdir(work->folder);
        free(work->folder);
        json_decref(work->result);
        swb_job_done(&work->job);
        free(work);
        return NULL;
}
SWB_DEFINE_CLEANUP(struct work *, work_free)

int swb_payloads_run(struct swb_db *db, const struct swb_payloads_config *config, int64_t job,
                     struct swb_error *err)
{
        _cleanup_(work_freep) struct work *work = calloc(1, sizeof(*work));
        struct swb_error mine = SWB_ERROR_INIT;
        const char *status = "done";
        int r;

        if (!work)
                return swb_oom(err);
        work->db = db;
        work->config = config;
        r = swb_job_find(db, job, &work->job, err);
        if (r < 0)
                return r;
        r = prepare(work, &mine);
        if (r >= 0)
                r = make_full(work, &mine);
        if (r >= 0 && !work->wants_end)
                r = make_deltas(work, &mine);
        if (work->is_stopping) {
                status = "queued";
        } else if (work->wants_end) {
                status = "cancelled";
        } else if (r < 0) {
                status = "failed";
                swb_copy_bounded(work->job.error, mine.text, SWB_TEXT_MAX);
        }
        if (r >= 0)
                note(work);
        work->job.percent = strcmp(status, "done") == 0 ? 100 : work->job.percent;
        return swb_job_end(db, &work->job, status, (int64_t)time(NULL), err);
}
