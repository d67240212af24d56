/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/text.h"
#include "bin/swb-server/client.h"
#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"

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

static void add_row(const json_t *job, void *userdata)
{
        char id[24], percent[16], size[SWB_SIZE_TEXT];

        (void)snprintf(id, sizeof(id), "%" PRIu64, client_number(job, "id"));
        (void)snprintf(percent, sizeof(percent), "%u%%", (unsigned)client_number(job, "percent"));
        table_row(userdata, id, client_text(job, "app"), client_text(job, "version"),
                  client_text(job, "status"), client_text_or(job, "step", "-"), percent,
                  swb_format_size(client_number(job, "bytes"), size),
                  client_text_or(job, "error", "-"), NULL);
}

static int run_list(char **args, struct swb_error *err)
{
        struct client_request request = {.method = "GET", .path = "jobs"};
        struct table table;
        int r;

        (void)args;
        if (as_json)
                return client_print_pages(&request, "before", limit, err);
        table_init(&table, "JOB", "APP", "VERSION", "STATUS", "STEP", "DONE", "MADE", "ERROR",
                   NULL);
        r = client_each(&request, "before", limit, add_row, &table, err);
        return table_finish(&table, r, err);
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

static void add_measure(const json_t *m, void *userdata)
{
        char delta[SWB_SIZE_TEXT], full[SWB_SIZE_TEXT], share[16], cpu[32];
        uint64_t n_full = client_number(m, "full_bytes");

        (void)snprintf(share, sizeof(share), "%.1f%%",
                       n_full ? 100.0 * (double)client_number(m, "delta_bytes") / (double)n_full
                              : 0.0);
        (void)snprintf(cpu, sizeof(cpu), "%.1f s", (double)client_number(m, "cpu_msec") / 1000);
        table_row(userdata, client_text(m, "source_version"), client_text(m, "target_version"),
                  swb_format_size(client_number(m, "delta_bytes"), delta),
                  swb_format_size(n_full, full), share, cpu, client_text(m, "at"), NULL);
}

/* What deltas took and saved: by this the next ones are chosen. */
static int run_measures(char **args, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        const struct client_request request = {
                .method = "GET", .path = "delta-measures", .query = "limit=1000", .app = appid};
        struct table table;
        json_t *measure;
        size_t i;
        int r;

        (void)args;
        r = client_call(&request, &answer, err);
        if (r < 0)
                return r;
        if (as_json)
                return client_print_json(answer.json, err);
        table_init(&table, "FROM", "TO", "DELTA", "FULL", "SHARE", "CPU TIME", "MEASURED", NULL);
        json_array_foreach(answer.json, i, measure) add_measure(measure, &table);
        return table_finish(&table, 0, err);
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
