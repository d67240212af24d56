/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/server.h"
#include "omaha/common.h"
#include "server/report/report.h"
#include "server/select/explain.h"

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
        struct swb_device device; /* id 0: never heard of */
        struct swb_catalog *catalog;
        struct swb_rollouts *rollouts;
        struct swb_omaha_app words;
        struct swb_select_query query;
        struct swb_decision decision;
        char text[SWB_EXPLAIN_TEXT];
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
                r = swb_fleet_read(fleet, question->app.id, machineid, &question->device, err);
        if (r == 0 && !running)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "the server has not heard of device '%s': say what it runs with "
                                "--running",
                                machineid);
        return r;
}

static const char *either(const char *option, const char *known)
{
        return option ? option : known;
}

static int decide(struct swb_db *db, const char *machineid, struct question *question,
                  struct swb_error *err)
{
        const struct swb_device *device = &question->device;
        int64_t now = (int64_t)time(NULL);
        int r;

        r = swb_catalog_load(db, &question->catalog, err);
        if (r >= 0)
                r = swb_rollouts_new(&question->rollouts, err);
        if (r >= 0)
                r = swb_rollouts_refresh(question->rollouts, db, now, err);
        if (r < 0)
                return r;
        question->words = (struct swb_omaha_app){
                .appid = question->app.appid,
                .version = either(running, device->version),
                .track = either(track, device->channel),
                .board = either(board, device->board),
                .hardware_class = either(hardware_class, device->hardware_class),
                .delta_okay = true,
                .update_check = {.targetversionprefix = ""},
        };
        question->query = (struct swb_select_query){.catalog = question->catalog,
                                                    .rollouts = question->rollouts,
                                                    .app = &question->words,
                                                    .machineid = machineid,
                                                    .now = now,
                                                    .only_look = true};
        swb_select(&question->query, &question->decision);
        (void)swb_decision_explain(&question->query, &question->decision, question->text);
        return 0;
}

static const char *answer_of(const struct swb_decision *d)
{
        return d->outcome == SWB_SELECT_UPDATE ? "update" : "noupdate";
}

static int print_json(const struct question *question, const char *machineid, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SERVER_JSON_MAX_BYTES);
        const struct swb_decision *d = &question->decision;
        bool is_update = d->outcome == SWB_SELECT_UPDATE;
        struct swb_json json = SWB_JSON(&buf, true);

        swb_json_open_object(&json, NULL);
        swb_json_str(&json, "device", machineid);
        swb_json_str(&json, "app", question->app.appid);
        swb_json_bool(&json, "known", question->device.id != 0);
        swb_json_str(&json, "version", question->words.version);
        swb_json_str(&json, "answer", answer_of(d));
        swb_json_str(&json, "release", is_update ? d->release->version : NULL);
        swb_json_bool(&json, "delta", is_update && *d->payload->source_version);
        swb_json_str(&json, "rule", swb_decision_word(d));
        swb_json_str(&json, "info", question->text);
        swb_json_str(&json, "group", d->group ? d->group->name : NULL);
        swb_json_str(&json, "channel", d->channel ? d->channel->name : NULL);
        swb_json_str(&json, "rollout", d->rollout ? d->rollout->name : NULL);
        swb_json_bool(&json, "recall", d->recall);
        swb_json_close_object(&json);
        return server_finish_json(&json, 0, err);
}

static int print(const struct question *question, const char *machineid)
{
        const struct swb_decision *d = &question->decision;
        const struct swb_device *device = &question->device;
        char state[SWB_DEVICE_STATE_TEXT], seen[SWB_TIME_TEXT];

        if (device->id)
                (void)printf("device %s runs %s; last heard of at %s: %s\n", machineid,
                             device->version, swb_format_time(device->last_seen, seen),
                             swb_device_describe(device, question->query.now,
                                                 SWB_SILENT_AFTER_SECONDS_DEFAULT, state));
        else
                (void)printf("device %s was never heard of\n", machineid);
        (void)printf("would be told: %s\n", answer_of(d));
        (void)printf("because of: %s\n", question->text);
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
                r = decide(db, args[0], &question, err);
        if (r < 0)
                return r;
        return as_json ? print_json(&question, args[0], err) : print(&question, args[0]);
}
