/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/server.h"
#include "omaha/common.h"
#include "server/report/explanation.h"
#include "server/report/report.h"

static const char *appid, *running, *track, *board, *hardware_class;
static bool as_json;

const struct swb_opt cmd_explain_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "the app, if there are several"},
        {0, "running", SWB_OPT_STRING, &running, "VERSION", false,
         "as if it ran this (default: what it said last)"},
        {0, "track", SWB_OPT_STRING, &track, "NAME", false,
         "as if it asked for this track (default: the channel it got last)"},
        {0, "board", SWB_OPT_STRING, &board, "TEXT", false, "as if it had this board"},
        {0, "hardware-class", SWB_OPT_STRING, &hardware_class, "TEXT", false,
         "as if it had this hardware class"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

/* Everything that an answer needs, as the server would have it. */
struct question {
        struct swb_app app;
        struct swb_catalog *catalog;
        struct swb_rollouts *rollouts;
        struct swb_explanation explanation;
};

static void question_done(struct question *question)
{
        (void)swb_catalog_unref(question->catalog);
        (void)swb_rollouts_free(question->rollouts);
}

static int read_device(struct swb_db *db, const char *machineid, struct question *question,
                       struct swb_error *err)
{
        struct swb_fleet_limits limits = SWB_FLEET_LIMITS_DEFAULT;
        _cleanup_(swb_fleet_freep) struct swb_fleet *fleet = NULL;
        int r;

        r = swb_app_find(db, appid, &question->app, err);
        if (r >= 0)
                r = swb_fleet_new(db, &limits, &fleet, err);
        if (r >= 0)
                r = swb_fleet_read(fleet, question->app.id, machineid,
                                   &question->explanation.device, err);
        if (r == 0 && !running)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "the server has not heard of device '%s': say what it runs with "
                                "--running",
                                machineid);
        return r;
}

static void override(const char **word, const char *option)
{
        if (option)
                *word = option;
}

static int decide(struct swb_db *db, struct question *question, struct swb_error *err)
{
        struct swb_explanation *e = &question->explanation;
        int64_t now = (int64_t)time(NULL);
        int r;

        r = swb_catalog_load(db, &question->catalog, err);
        if (r >= 0)
                r = swb_rollouts_new(&question->rollouts, err);
        if (r >= 0)
                r = swb_rollouts_refresh(question->rollouts, db, now, err);
        if (r < 0)
                return r;
        swb_explanation_ask(e, question->app.appid);
        override(&e->words.version, running);
        override(&e->words.track, track);
        override(&e->words.board, board);
        override(&e->words.hardware_class, hardware_class);
        swb_explanation_decide(e, question->catalog, question->rollouts, now);
        return 0;
}

static int print_json(const struct question *question, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SERVER_JSON_MAX_BYTES);
        struct swb_json json = SWB_JSON(&buf, true);

        swb_json_explanation(&json, &question->explanation);
        return server_finish_json(&json, 0, err);
}

static int print(const struct question *question, const char *machineid)
{
        const struct swb_explanation *e = &question->explanation;
        const struct swb_decision *d = &e->decision;
        const struct swb_device *device = &e->device;
        char state[SWB_DEVICE_STATE_TEXT], seen[SWB_TIME_TEXT];

        if (device->id)
                (void)printf("device %s runs %s; last heard of at %s: %s\n", machineid,
                             device->version, swb_format_time(device->last_seen, seen),
                             swb_device_describe(device, e->query.now,
                                                 SWB_SILENT_AFTER_SECONDS_DEFAULT, state));
        else
                (void)printf("device %s was never heard of\n", machineid);
        (void)printf("would be told: %s\n", swb_explanation_answer(e));
        (void)printf("because of: %s\n", e->text);
        (void)printf("group: %s\n", d->group ? d->group->name : "none matches");
        if (d->channel)
                (void)printf("channel: %s, which gives %s\n", d->channel->name,
                             d->channel->release ? d->channel->release->version : "nothing");
        if (d->rollout)
                (void)printf("rollout: %s of %s, %s\n", d->rollout->name,
                             d->rollout->release->version,
                             swb_rollout_status_to_string(d->rollout->status));
        if (d->recall)
                (void)printf("and it is told to drop what it has installed\n");
        return SWB_EXIT_OK;
}

int cmd_explain(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(question_done) struct question question = {0};
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        int r;

        (void)n_args;
        if (!swb_is_plain_id(args[0], SWB_MACHINEID_MAX))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%.160s' can't be a device's id",
                                args[0]);
        r = server_open_db(SWB_DB_EXISTING, &db, err);
        if (r >= 0)
                r = read_device(db, args[0], &question, err);
        if (r >= 0)
                r = decide(db, &question, err);
        if (r < 0)
                return r;
        return as_json ? print_json(&question, err) : print(&question, args[0]);
}
