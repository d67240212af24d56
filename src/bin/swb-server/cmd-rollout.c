/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "bin/swb-server/list.h"
#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"

/* What is not given is not sent: the server has the defaults, or the rollout its values. */
static struct {
        const char *version, *channel, *hours, *time_zone, *priority, *salt, *rate, *failure_rate;
        struct swb_opt_list stages;
        uint64_t bake_usec, concurrency, need, deadline_usec, silent_usec, overdue_usec;
        uint64_t max_failures, min_sample, class_failures;
} options = {.bake_usec = CLIENT_UNSET,
             .concurrency = CLIENT_UNSET,
             .need = CLIENT_UNSET,
             .deadline_usec = CLIENT_UNSET,
             .silent_usec = CLIENT_UNSET,
             .overdue_usec = CLIENT_UNSET,
             .max_failures = CLIENT_UNSET,
             .min_sample = CLIENT_UNSET,
             .class_failures = CLIENT_UNSET};
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

static const char *number(const json_t *object, const char *name, char *text)
{
        (void)snprintf(text, 24, "%" PRIu64, client_number(object, name));
        return text;
}

static const char *stage_of(const json_t *rollout, char *text)
{
        const json_t *stages = json_object_get(rollout, "stages");
        size_t stage = (size_t)client_number(rollout, "stage");

        (void)snprintf(text, LIST_CELL_MAX, "%zu/%zu: %s", stage, json_array_size(stages),
                       client_text(json_array_get(stages, stage - 1), "size"));
        return text;
}

static const char *bad_of(const json_t *rollout, char *text)
{
        (void)snprintf(text, LIST_CELL_MAX, "%" PRIu64,
                       client_number(rollout, "failed") + client_number(rollout, "fell_back") +
                               client_number(rollout, "silent"));
        return text;
}

static int run_list(char **args, struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"ROLLOUT", "name"},         {"CHANNEL", "channel"},
                {"RELEASE", "release"},      {"STATUS", "status"},
                {"STAGE", .cell = stage_of}, {"ADMITTED", "admitted", "0"},
                {"OK", "ok", "0"},           {"BAD", .cell = bad_of},
                {"REASON", "reason", "-"},   {0},
        };
        const struct list list = {
                .request = {.method = "GET", .path = "rollouts", .app = appid, .query = "all=true"},
                .cursor = "before",
                .limit = UINT64_MAX,
                .columns = columns,
                .as_json = as_json};

        (void)args;
        return list_print(&list, err);
}

static void add_stages(struct table *table, const json_t *rollout)
{
        size_t i, open = (size_t)client_number(rollout, "stage") - 1;
        const json_t *stage;

        json_array_foreach(json_object_get(rollout, "stages"), i, stage)
        {
                char n[6][24];

                table_row(table, client_text(stage, "size"),
                          i < open    ? "passed"
                          : i == open ? "open"
                                      : "to come",
                          number(stage, "admitted", n[0]), number(stage, "under_way", n[1]),
                          number(stage, "ok", n[2]), number(stage, "failed", n[3]),
                          number(stage, "fell_back", n[4]), number(stage, "silent", n[5]), NULL);
        }
}

/* "health check 'modem' (3), …" */
static void print_reasons(const json_t *rollout)
{
        const json_t *reasons = json_object_get(rollout, "reasons"), *blocked, *one;
        size_t i;

        json_array_foreach(reasons, i, one)(void)
                printf("%s%s (%" PRIu64 ")%s", i == 0 ? "went badly for these reasons: " : ", ",
                       client_text(one, "reason"), client_number(one, "devices"),
                       i + 1 == json_array_size(reasons) ? "\n" : "");
        blocked = json_object_get(rollout, "blocked_hardware");
        json_array_foreach(blocked, i, one)(void)
                printf("blocked for hardware class %s\n", json_string_value(one));
}

static int print(const json_t *rollout, struct swb_error *err)
{
        const char *why = client_text(rollout, "reason");
        struct table table;

        (void)printf("rollout %s: %s to channel %s, %s%s%s\n", client_text(rollout, "name"),
                     client_text(rollout, "release"), client_text(rollout, "channel"),
                     client_text(rollout, "status"), *why ? ": " : "", why);
        print_reasons(rollout);
        table_init(&table, "STAGE", "", "ADMITTED", "UNDER WAY", "OK", "FAILED", "FELL BACK",
                   "SILENT", NULL);
        add_stages(&table, rollout);
        return table_finish(&table, 0, err);
}

static int ask(const char *method, const char *path, json_t *body, struct swb_error *err)
{
        struct client_request request = {
                .method = method, .path = path, .app = appid, .body = body};

        return client_show(&request, as_json, print, err);
}

static int run_show(char **args, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("rollouts", args[0], NULL);

        return ask("GET", path, NULL, err);
}

static uint64_t seconds(uint64_t usec)
{
        return usec == CLIENT_UNSET ? CLIENT_UNSET : usec / 1000000;
}

static int set_plan(json_t *body, struct swb_error *err)
{
        const struct {
                const char *name;
                uint64_t value;
        } numbers[] = {{"bake_seconds", seconds(options.bake_usec)},
                       {"need", options.need},
                       {"concurrency", options.concurrency},
                       {"deadline_seconds", seconds(options.deadline_usec)},
                       {"max_failures", options.max_failures},
                       {"min_sample", options.min_sample},
                       {"class_failures", options.class_failures},
                       {"silent_after_seconds", seconds(options.silent_usec)},
                       {"overdue_after_seconds", seconds(options.overdue_usec)}};
        const struct {
                const char *name, *value;
        } texts[] = {{"rate", options.rate},
                     {"hours", options.hours},
                     {"time_zone", options.time_zone},
                     {"priority", options.priority},
                     {"max_failure_rate", options.failure_rate}};
        int r = client_set_texts(body, "stages", &options.stages, err);

        for (size_t i = 0; r >= 0 && i < SWB_ELEMENTS(numbers); i++)
                r = client_set_number(body, numbers[i].name, numbers[i].value, err);
        for (size_t i = 0; r >= 0 && i < SWB_ELEMENTS(texts); i++)
                r = client_set_text(body, texts[i].name, texts[i].value, err);
        return r;
}

static int run_create(char **args, struct swb_error *err)
{
        _cleanup_(client_json_done) json_t *body = json_object();
        int r;

        if (!options.version)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "say what the rollout brings with --release");
        r = client_set_text(body, "name", args[0], err);
        if (r >= 0)
                r = client_set_text(body, "release", options.version, err);
        if (r >= 0)
                r = client_set_text(body, "channel", options.channel, err);
        if (r >= 0)
                r = client_set_text(body, "salt", options.salt, err);
        if (r >= 0)
                r = set_plan(body, err);
        return r < 0 ? r : ask("POST", "rollouts", body, err);
}

static int run_edit(char **args, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("rollouts", args[0], NULL);
        _cleanup_(client_json_done) json_t *body = json_object();
        int r = set_plan(body, err);

        return r < 0 ? r : ask("PATCH", path, body, err);
}

static int act(const char *name, const char *verb, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("rollouts", name, verb, NULL);
        _cleanup_(client_json_done) json_t *body = json_object();
        int r = client_set_text(body, "reason", reason, err);

        return r < 0 ? r : ask("POST", path, body, err);
}

static int run_pause(char **args, struct swb_error *err)
{
        return act(args[0], "pause", err);
}

static int run_resume(char **args, struct swb_error *err)
{
        return act(args[0], "resume", err);
}

static int run_recall(char **args, struct swb_error *err)
{
        return act(args[0], "recall", err);
}

static int run_advance(char **args, struct swb_error *err)
{
        return act(args[0], "advance", err);
}

static int run_finish(char **args, struct swb_error *err)
{
        return act(args[0], "finish", err);
}

static int run_remove(char **args, struct swb_error *err)
{
        return client_remove("rollouts", appid, args[0], err);
}

int cmd_rollout(int n_args, char **args, struct swb_error *err)
{
        static const struct client_action actions[] = {
                {"create", 1, run_create},
                {"edit", 1, run_edit},
                {"list", 0, run_list},
                {"show", 1, run_show},
                {"pause", 1, run_pause},
                {"resume", 1, run_resume},
                {"recall", 1, run_recall},
                {"advance", 1, run_advance},
                {"finish", 1, run_finish},
                {"remove", 1, run_remove},
                {0},
        };

        return client_run_action(actions, n_args, args, err);
}
