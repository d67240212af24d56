/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/text.h"
#include "bin/swb-server/list.h"
#include "bin/swb-server/server.h"

static const char *appid, *channel;
static uint64_t max_deltas = CLIENT_UNSET, cpu_usec = CLIENT_UNSET, delta_bytes = CLIENT_UNSET;
static uint64_t limit = 100;
static bool as_json;

const struct swb_opt cmd_job_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "the app, if there are several"},
        {'c', "channel", SWB_OPT_STRING, &channel, "NAME", false,
         "create: set this channel to the release once its full payload is there"},
        {0, "max-deltas", SWB_OPT_U64, &max_deltas, "N", false,
         "create: deltas to make, those that save most first (default 5)"},
        {0, "cpu-time", SWB_OPT_DURATION, &cpu_usec, "TIME", false,
         "create: CPU time for deltas (default 4h; 0: no limit)"},
        {0, "delta-bytes", SWB_OPT_SIZE, &delta_bytes, "SIZE", false,
         "create: bytes of all deltas (default: no limit)"},
        {'n', "limit", SWB_OPT_U64, &limit, "N", false, "list: at most so many (default 100)"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

static const char *percent_of(const json_t *job, char *text)
{
        (void)snprintf(text, LIST_CELL_MAX, "%u%%", (unsigned)client_number(job, "percent"));
        return text;
}

static int run_list(char **args, struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"JOB", "id"},
                {"APP", "app"},
                {"VERSION", "version"},
                {"STATUS", "status"},
                {"STEP", "step", "-"},
                {"DONE", .cell = percent_of},
                {"MADE", "bytes", .is_size = true},
                {"ERROR", "error", "-"},
                {0},
        };
        const struct list list = {.request = {.method = "GET", .path = "jobs"},
                                  .cursor = "before",
                                  .limit = limit,
                                  .columns = columns,
                                  .as_json = as_json};

        (void)args;
        return list_print(&list, err);
}

/* Of all devices that run the source, against the full payload. */
static void print_saving(const json_t *payload)
{
        char expected[SWB_SIZE_TEXT], saving[SWB_SIZE_TEXT];

        if (!json_is_integer(json_object_get(payload, "expected_saving")))
                return;
        (void)printf("    saves %s, expected: %s\n",
                     swb_format_size(client_number(payload, "saving"), saving),
                     swb_format_size(client_number(payload, "expected_saving"), expected));
}

static const char *share_of(const json_t *measure, char *text)
{
        uint64_t n_full = client_number(measure, "full_bytes");
        double n_delta = (double)client_number(measure, "delta_bytes");

        (void)snprintf(text, LIST_CELL_MAX, "%.1f%%",
                       n_full ? 100.0 * n_delta / (double)n_full : 0.0);
        return text;
}

static const char *cpu_of(const json_t *measure, char *text)
{
        (void)snprintf(text, LIST_CELL_MAX, "%.1f s",
                       (double)client_number(measure, "cpu_msec") / 1000);
        return text;
}

/* What deltas took and saved: by this the next ones are chosen. */
static int run_measures(char **args, struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"FROM", "source_version"},
                {"TO", "target_version"},
                {"DELTA", "delta_bytes", .is_size = true},
                {"FULL", "full_bytes", .is_size = true},
                {"SHARE", .cell = share_of},
                {"CPU TIME", .cell = cpu_of},
                {"MEASURED", "at"},
                {0},
        };
        const struct list list = {
                .request = {.method = "GET",
                            .path = "delta-measures",
                            .query = "limit=1000",
                            .app = appid},
                .columns = columns,
                .as_json = as_json,
        };

        (void)args;
        return list_print(&list, err);
}

static int print(const json_t *job, struct swb_error *err)
{
        const json_t *payloads = json_object_get(job, "payloads"), *payload;
        char size[SWB_SIZE_TEXT];
        size_t i;

        if (as_json)
                return client_print_json(job, err);
        (void)printf("job %" PRIu64 ": payloads of %s, %s%s%s, %u%% of %s\n",
                     client_number(job, "id"), client_text(job, "version"),
                     client_text(job, "status"), *client_text(job, "error") ? ": " : "",
                     client_text(job, "error"), (unsigned)client_number(job, "percent"),
                     client_text_or(job, "step", "nothing yet"));
        json_array_foreach(payloads, i, payload)
        {
                (void)printf("%s%s: %s, %.1f s of CPU time, %" PRIu64 " devices: %s\n",
                             *client_text(payload, "source_version") ? "from " : "",
                             client_text_or(payload, "source_version", "full"),
                             swb_format_size(client_number(payload, "bytes"), size),
                             (double)client_number(payload, "cpu_msec") / 1000,
                             client_number(payload, "devices"), client_text(payload, "outcome"));
                print_saving(payload);
        }
        return SWB_EXIT_OK;
}

static int ask(const char *method, const char *path, json_t *body, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        struct client_request request = {
                .method = method, .path = path, .app = appid, .body = body};
        int r = path ? client_call(&request, &answer, err) : swb_oom(err);

        return r < 0 ? r : print(answer.json, err);
}

static int run_show(char **args, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("jobs", args[0], NULL);

        return ask("GET", path, NULL, err);
}

static int run_cancel(char **args, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("jobs", args[0], "cancel", NULL);

        return ask("POST", path, NULL, err);
}

static int run_create(char **args, struct swb_error *err)
{
        _cleanup_(client_json_done) json_t *body = json_object();
        int r;

        r = client_set_text(body, "version", args[0], err);
        if (r >= 0)
                r = client_set_text(body, "channel", channel, err);
        if (r >= 0)
                r = client_set_number(body, "max_deltas", max_deltas, err);
        if (r >= 0)
                r = client_set_number(body, "cpu_seconds",
                                      cpu_usec == CLIENT_UNSET ? CLIENT_UNSET : cpu_usec / 1000000,
                                      err);
        if (r >= 0)
                r = client_set_number(body, "delta_bytes", delta_bytes, err);
        return r < 0 ? r : ask("POST", "jobs", body, err);
}

int cmd_job(int n_args, char **args, struct swb_error *err)
{
        static const struct client_action actions[] = {
                {"create", 1, run_create}, {"list", 0, run_list},         {"show", 1, run_show},
                {"cancel", 1, run_cancel}, {"measures", 0, run_measures}, {0},
        };

        return client_run_action(actions, n_args, args, err);
}
