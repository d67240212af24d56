/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "bin/swb-server/rollout-plan.h"
#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"
#include "server/report/report.h"

static struct rollout_options options = ROLLOUT_OPTIONS_DEFAULT;
static const char *appid, *reason = "by hand";
static bool as_json;

const struct swb_opt cmd_rollout_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "the app, if there are several"},
        {'r', "release", SWB_OPT_STRING, &options.version, "VERSION", false,
         "what the rollout brings"},
        {'c', "channel", SWB_OPT_STRING, &options.channel, "NAME", false,
         "whose devices get it (default stable)"},
        {'s', "stage", SWB_OPT_LIST, &options.stages, "SIZE[:KEY=VALUE...]", false,
         "a stage: 1% or a number of devices, then bake=TIME, concurrency=N, rate=N/TIME, need=N "
         "(default: 1%, 10%, 50%, 100%)"},
        {0, "bake", SWB_OPT_DURATION, &options.bake_usec, "TIME", false,
         "from a stage's needed successes to the next stage (default 1d)"},
        {0, "need", SWB_OPT_U64, &options.need, "N", false,
         "successes that a stage needs, at most as many as it has devices (default 10)"},
        {0, "concurrency", SWB_OPT_U64, &options.concurrency, "N", false,
         "devices that may be at it at the same time (default: no limit)"},
        {0, "rate", SWB_OPT_STRING, &options.rate, "N/TIME", false,
         "devices to admit in a time, as 100/1h (default: no limit)"},
        {0, "hours", SWB_OPT_STRING, &options.hours, "TEXT", false,
         "admit devices in these hours only, as 'Mon-Fri 09:00-16:00'"},
        {0, "time-zone", SWB_OPT_STRING, &options.time_zone, "NAME", false,
         "of the hours, for devices whose group has none (default UTC)"},
        {0, "deadline", SWB_OPT_DURATION, &options.deadline_usec, "TIME", false,
         "tell devices to have it so long after their first offer"},
        {0, "priority", SWB_OPT_STRING, &options.priority, "WORD", false,
         "tell devices: low, normal (default) or high"},
        {0, "max-failures", SWB_OPT_U64, &options.max_failures, "N", false,
         "pause at so many bad devices (default 50; 0: not by number)"},
        {0, "max-failure-rate", SWB_OPT_STRING, &options.failure_rate, "SHARE", false,
         "pause above this share of bad ones (default 2%; 0%: not by share)"},
        {0, "min-sample", SWB_OPT_U64, &options.min_sample, "N", false,
         "devices that must have ended before the share counts (default 25)"},
        {0, "class-failures", SWB_OPT_U64, &options.class_failures, "N", false,
         "block the release for a hardware class at so many failures above the share (default 5; "
         "0: never)"},
        {0, "silent-after", SWB_OPT_DURATION, &options.silent_usec, "TIME", false,
         "a device under way that is not heard of for so long is bad (default 1d)"},
        {0, "overdue-after", SWB_OPT_DURATION, &options.overdue_usec, "TIME", false,
         "so is one that is not done so long after its offer (default 14d)"},
        {0, "salt", SWB_OPT_STRING, &options.salt, "TEXT", false,
         "shuffles which devices come first (default: random)"},
        {0, "reason", SWB_OPT_STRING, &reason, "TEXT", false,
         "of a pause or recall, for people (default: by hand)"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

/* For the callbacks. */
struct listing {
        struct swb_db *db;
        const char *appid;
        struct swb_json json;
        struct table table;
};

static int rebuild(struct swb_db *db, const struct swb_rollout_setup *setup,
                   struct swb_rollout *ret, struct swb_error *err)
{
        /* Not secret: this table is ours alone. */
        static const struct swb_siphash_key keys[2] = {{{1, 2}}, {{3, 4}}};
        int r = swb_rollout_rebuild(db, setup, keys, (int64_t)time(NULL), ret, err);

        /* To pause it is the server's to do; what it has not done yet is not so. */
        ret->halted = false;
        return r;
}

static int add_json(const struct swb_rollout_row *row, void *userdata, struct swb_error *err)
{
        _cleanup_(swb_rollout_done) struct swb_rollout model = {0};
        struct listing *listing = userdata;
        int r = rebuild(listing->db, &row->setup, &model, err);

        if (r >= 0)
                swb_json_rollout(&listing->json, listing->appid, row, &model);
        return r;
}

static const char *number(uint64_t n, char *text)
{
        (void)snprintf(text, 24, "%" PRIu64, n);
        return text;
}

static int add_row(const struct swb_rollout_row *row, void *userdata, struct swb_error *err)
{
        _cleanup_(swb_rollout_done) struct swb_rollout model = {0};
        const struct swb_rollout_setup *s = &row->setup;
        struct listing *listing = userdata;
        char size[SWB_STAGE_TEXT], stage[SWB_STAGE_TEXT + 64], admitted[24], ok[24], bad[24];
        int r = rebuild(listing->db, s, &model, err);

        if (r < 0)
                return r;
        (void)snprintf(stage, sizeof(stage), "%zu/%zu: %s", s->stage + 1, s->plan.n_stages,
                       swb_stage_size(&s->plan.stages[s->stage], size));
        table_row(&listing->table, s->name, s->channel, s->version,
                  swb_rollout_status_to_string(s->status), stage,
                  number(model.total.admitted, admitted), number(model.total.ok, ok),
                  number(swb_tally_bad(&model.total), bad), *s->reason ? s->reason : "-", NULL);
        return 0;
}

static int run_list(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SERVER_JSON_MAX_BYTES);
        struct listing listing = {.db = db, .json = SWB_JSON(&buf, true)};
        struct swb_app app;
        int r;

        (void)args;
        r = swb_app_find(db, appid, &app, err);
        if (r < 0)
                return r;
        listing.appid = app.appid;
        if (as_json) {
                swb_json_open_array(&listing.json, NULL);
                r = swb_rollout_list(db, app.id, add_json, &listing, err);
                swb_json_close_array(&listing.json);
                return server_finish_json(&listing.json, r, err);
        }
        table_init(&listing.table, "ROLLOUT", "CHANNEL", "RELEASE", "STATUS", "STAGE", "ADMITTED",
                   "OK", "BAD", "REASON", NULL);
        r = swb_rollout_list(db, app.id, add_row, &listing, err);
        return table_finish(&listing.table, r, err);
}

static void print_stages(struct table *table, const struct swb_rollout *model)
{
        const struct swb_rollout_setup *s = &model->setup;

        for (size_t i = 0; i < s->plan.n_stages; i++) {
                const struct swb_tally *t = &model->stages[i];
                char size[SWB_STAGE_TEXT], n[6][24];

                table_row(table, swb_stage_size(&s->plan.stages[i], size),
                          i < s->stage    ? "passed"
                          : i == s->stage ? "open"
                                          : "to come",
                          number(t->admitted, n[0]), number(t->admitted - swb_tally_ended(t), n[1]),
                          number(t->ok, n[2]), number(t->failed, n[3]), number(t->fell_back, n[4]),
                          number(t->silent, n[5]), NULL);
        }
}

static int print_rollout(const struct swb_rollout *model, struct swb_error *err)
{
        const struct swb_rollout_setup *s = &model->setup;
        char reasons[SWB_ROLLOUT_REASON_MAX];
        struct table table;

        swb_reasons_describe(&model->reasons, reasons, sizeof(reasons));
        (void)printf("rollout %s: %s to channel %s, %s%s%s\n", s->name, s->version, s->channel,
                     swb_rollout_status_to_string(s->status), *s->reason ? ": " : "", s->reason);
        if (*reasons)
                (void)printf("went badly for these reasons: %s\n", reasons);
        for (size_t i = 1; i < model->classes.n; i++)
                if (model->classes.list[i].blocked)
                        (void)printf("blocked for hardware class %s\n",
                                     model->classes.list[i].name);
        table_init(&table, "STAGE", "", "ADMITTED", "UNDER WAY", "OK", "FAILED", "FELL BACK",
                   "SILENT", NULL);
        print_stages(&table, model);
        return table_finish(&table, 0, err);
}

static int find(struct swb_db *db, const char *name, struct swb_app *app,
                struct swb_rollout_row *row, struct swb_error *err)
{
        int r = swb_app_find(db, appid, app, err);

        return r < 0 ? r : swb_rollout_find(db, app->id, name, row, err);
}

static int run_show(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SERVER_JSON_MAX_BYTES);
        _cleanup_(swb_rollout_done) struct swb_rollout model = {0};
        struct swb_json json = SWB_JSON(&buf, true);
        struct swb_rollout_row row;
        struct swb_app app;
        int r;

        r = find(db, args[0], &app, &row, err);
        if (r >= 0)
                r = rebuild(db, &row.setup, &model, err);
        if (r < 0)
                return r;
        if (!as_json)
                return print_rollout(&model, err);
        swb_json_rollout(&json, app.appid, &row, &model);
        return server_finish_json(&json, 0, err);
}

static int run_create(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        struct swb_rollout_row row = {0};
        struct swb_release release;
        struct swb_app app;
        int r;

        if (!options.version)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "say what the rollout brings with --release");
        r = rollout_plan_read(&options, &row, err);
        if (r >= 0)
                r = swb_app_find(db, appid, &app, err);
        if (r >= 0)
                r = swb_transaction_begin(&t, db, err);
        if (r >= 0)
                r = swb_release_find(db, app.id, options.version, &release, err);
        if (r < 0)
                return r;
        row.setup.app = app.id;
        row.setup.release = release.id;
        swb_copy_bounded(row.setup.name, args[0], SWB_NAME_MAX);
        swb_copy_bounded(row.setup.version, release.version, SWB_VERSION_MAX);
        r = strlen(args[0]) > SWB_NAME_MAX ? swb_name_check("rollout", args[0], err)
                                           : swb_rollout_create(db, &row, (int64_t)time(NULL), err);
        if (r >= 0)
                r = swb_transaction_commit_catalog(&t, err);
        return r < 0 ? r : run_show(db, args, err);
}

/* Checks what the rollout's status allows, and does it. */
static int change(struct swb_db *db, const char *action, const struct swb_rollout_setup *s,
                  struct swb_error *err)
{
        int64_t now = (int64_t)time(NULL);
        bool is_open = s->status == SWB_ROLLOUT_ACTIVE || s->status == SWB_ROLLOUT_PAUSED;

        if (strcmp(action, "recall") == 0 && s->status != SWB_ROLLOUT_FINISHED)
                return swb_rollout_set_status(db, s, SWB_ROLLOUT_RECALLED, reason, now, err);
        if (strcmp(action, "pause") == 0 && is_open)
                return swb_rollout_set_status(db, s, SWB_ROLLOUT_PAUSED, reason, now, err);
        if (strcmp(action, "resume") == 0 && s->status == SWB_ROLLOUT_PAUSED)
                return swb_rollout_resume(db, s, now, err);
        if (strcmp(action, "advance") == 0 && s->status == SWB_ROLLOUT_ACTIVE)
                return swb_rollout_advance(db, s, now, err);
        if (strcmp(action, "finish") == 0 && is_open)
                return swb_rollout_finish(db, s, now, err);
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "can't %s rollout '%s': it is %s", action,
                        s->name, swb_rollout_status_to_string(s->status));
}

static int run_change(struct swb_db *db, char **args, const char *action, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        struct swb_rollout_row row;
        struct swb_app app;
        int r;

        r = swb_transaction_begin(&t, db, err);
        if (r >= 0)
                r = find(db, args[0], &app, &row, err);
        if (r >= 0)
                r = change(db, action, &row.setup, err);
        if (r >= 0)
                r = swb_transaction_commit_catalog(&t, err);
        return r < 0 ? r : run_show(db, args, err);
}

static int run_pause(struct swb_db *db, char **args, struct swb_error *err)
{
        return run_change(db, args, "pause", err);
}

static int run_resume(struct swb_db *db, char **args, struct swb_error *err)
{
        return run_change(db, args, "resume", err);
}

static int run_recall(struct swb_db *db, char **args, struct swb_error *err)
{
        return run_change(db, args, "recall", err);
}

static int run_advance(struct swb_db *db, char **args, struct swb_error *err)
{
        return run_change(db, args, "advance", err);
}

static int run_finish(struct swb_db *db, char **args, struct swb_error *err)
{
        return run_change(db, args, "finish", err);
}

static int run_remove(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        struct swb_rollout_row row;
        struct swb_app app;
        int r;

        r = swb_transaction_begin(&t, db, err);
        if (r >= 0)
                r = find(db, args[0], &app, &row, err);
        if (r >= 0)
                r = swb_rollout_remove(db, &row.setup, err);
        if (r >= 0)
                r = swb_transaction_commit_catalog(&t, err);
        if (r < 0)
                return r;
        (void)printf("removed rollout %s\n", args[0]);
        return SWB_EXIT_OK;
}

int cmd_rollout(int n_args, char **args, struct swb_error *err)
{
        static const struct server_action actions[] = {
                {"create", 1, run_create},   {"list", 0, run_list},
                {"show", 1, run_show},       {"pause", 1, run_pause},
                {"resume", 1, run_resume},   {"recall", 1, run_recall},
                {"advance", 1, run_advance}, {"finish", 1, run_finish},
                {"remove", 1, run_remove},   {0},
        };

        return server_run_action(actions, n_args, args, SWB_DB_EXISTING, err);
}
