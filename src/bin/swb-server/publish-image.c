/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/publish-image.h"

#include <fcntl.h>

#include "os/file.h"
#include "server/api/api.h"
#include "server/jobs/image_files.h"
#include "server/store/audit.h"

int publish_is_payload(const char *path, bool *ret, struct swb_error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        char magic[4];
        ssize_t n;

        if (fd < 0)
                return swb_fail_errno(err, errno, "open '%s'", path);
        n = swb_read_some(fd, path, magic, sizeof(magic), err);
        if (n < 0)
                return (int)n;
        *ret = n == (ssize_t)sizeof(magic) && memcmp(magic, "CrAU", sizeof(magic)) == 0;
        return 0;
}

static void say(const struct swb_job *job, void *userdata)
{
        bool *is_terminal = userdata;

        if (*is_terminal)
                (void)fprintf(stderr, "\r%s: %u%%   ", job->step, (unsigned)job->percent);
}

/* The line that the API writes for an upload. */
static int write_audit(struct swb_db *db, const struct swb_app *app, const char *version,
                       const struct swb_payload_file *file, int64_t now, struct swb_error *err)
{
        char object[SWB_VERSION_MAX + 16], state[SWB_VERSION_MAX + 128];
        struct swb_identity identity;
        const struct swb_audit_entry entry = {.identity = &identity,
                                              .action = "image.add",
                                              .app = app->appid,
                                              .object = object,
                                              .new_state = state};

        swb_api_local_identity(&identity);
        (void)snprintf(object, sizeof(object), "images/%s", version);
        (void)snprintf(state, sizeof(state), "{\"version\":\"%s\",\"sha256\":\"%s\",\"size\":%llu}",
                       version, file->name, (unsigned long long)file->n_bytes);
        return swb_audit_put(db, &entry, now, err);
}

static int put_image(struct swb_db *db, const struct publish_image_options *options,
                     const struct swb_payload_file *file, const char *plan, int64_t *ret_job,
                     struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        int64_t now = (int64_t)time(NULL);
        struct swb_identity identity;
        struct swb_app app;
        int r;

        swb_api_local_identity(&identity);
        r = swb_transaction_begin(&t, db, err);
        if (r >= 0)
                r = swb_app_ensure(db, options->appid, now, &app, err);
        if (r >= 0)
                r = swb_image_put(db, app.id, options->version, file->name, file->n_bytes, now,
                                  err);
        if (r >= 0)
                r = write_audit(db, &app, options->version, file, now, err);
        if (r >= 0)
                r = swb_job_create(db, app.appid, options->version, plan, identity.who, now,
                                   ret_job, err);
        return r < 0 ? r : swb_transaction_commit_catalog(&t, err);
}

static int make_job(struct swb_db *db, const char *path,
                    const struct publish_image_options *options, int64_t *ret_job,
                    struct swb_error *err)
{
        _cleanup_free_ char *plan = swb_payloads_plan_text(&options->plan);
        _cleanup_close_ int lock = -EBADF;
        struct swb_payload_file file;
        int r;

        if (!plan)
                return swb_oom(err);
        r = swb_image_file_store(server_options.data, path, &file, &lock, err);
        return r < 0 ? r : put_image(db, options, &file, plan, ret_job, err);
}

static int report(struct swb_db *db, int64_t id, struct swb_error *err)
{
        _cleanup_(swb_job_done) struct swb_job job = {0};
        int r = swb_job_find(db, id, &job, err);

        if (r < 0)
                return r;
        if (strcmp(job.status, "done") != 0)
                return swb_fail(err, -EIO, SWB_FAULT_IO, "job %lld %s%s%s", (long long)id,
                                job.status, *job.error ? ": " : "", job.error);
        (void)printf("release %s is published; 'swb-server job show %lld' has the payloads\n",
                     job.version, (long long)id);
        return SWB_EXIT_OK;
}

int publish_image(const char *path, const struct publish_image_options *options,
                  struct swb_error *err)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        bool is_terminal = isatty(STDERR_FILENO);
        struct swb_payloads_config config = {.data = server_options.data,
                                             .pack_program = options->pack_program,
                                             .keys = options->keys,
                                             .n_keys = options->n_keys,
                                             .say = say,
                                             .userdata = &is_terminal};
        int64_t job, claimed;
        int r;

        r = server_open_db(SWB_DB_CREATE, &db, err);
        if (r >= 0)
                r = make_job(db, path, options, &job, err);
        if (r < 0)
                return r;
        if (options->in_background) {
                (void)printf("job %lld waits for a server with --jobs\n", (long long)job);
                return SWB_EXIT_OK;
        }
        r = swb_job_claim(db, job, (int64_t)time(NULL), &claimed, err);
        if (r > 0)
                r = swb_payloads_run(db, &config, job, err);
        else if (r == 0)
                (void)printf("a running server works on job %lld\n", (long long)job);
        if (is_terminal)
                (void)fprintf(stderr, "\n");
        if (r < 0)
                return r;
        return report(db, job, err);
}
