/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/log.h"
#include "base/options.h"
#include "bin/swb-fleet/report.h"
#include "os/http.h"

#define METRICS_MAX_BYTES ((size_t)8 << 20)

static const char *server = "http://127.0.0.1:8080";

static const struct swb_opt option_table[] = {
        {0, "server", SWB_OPT_STRING, &server, "URL", false,
         "the server, which must show /metrics (default http://127.0.0.1:8080)"},
        {0},
};

static int read_metrics(struct swb_buf *text, struct swb_error *err)
{
        static const struct swb_http_config config = {.connect_timeout_usec = 0};
        _cleanup_(swb_http_freep) struct swb_http *http = NULL;
        _cleanup_free_ char *url = NULL;
        struct swb_http_status status;
        int r;

        if (asprintf(&url, "%s/metrics", server) < 0) {
                url = NULL;
                return swb_oom(err);
        }
        r = swb_http_new(&config, &http, err);
        if (r >= 0)
                r = swb_http_get_text(http, url, text, &status, err);
        if (r >= 0 && swb_buf_append(text, "", 1) < 0)
                r = swb_oom(err);
        return r < 0 ? swb_wrap(err, r, "read the server's metrics (it needs --metrics)") : 0;
}

static int run(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf before = SWB_BUF_INIT(METRICS_MAX_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf after = SWB_BUF_INIT(METRICS_MAX_BYTES);
        _cleanup_free_ char *url = NULL;
        struct swb_crowd_scenario scenario;
        struct swb_crowd_truth truth;
        int r;

        (void)n_args;
        if (asprintf(&url, "%s/v1/update/", server) < 0) {
                url = NULL;
                return swb_oom(err);
        }
        r = swb_crowd_scenario_read(args[0], &scenario, err);
        if (r >= 0)
                r = read_metrics(&before, err);
        if (r >= 0)
                r = swb_crowd_live(&scenario, url, &truth, err);
        if (r >= 0)
                r = read_metrics(&after, err);
        if (r < 0)
                return r;
        return report_print(&truth, (const char *)before.data, (const char *)after.data) > 0
                       ? SWB_EXIT_FAILURE
                       : SWB_EXIT_OK;
}

static void ready(void)
{
        swb_log_init("swb-fleet", SWB_LOG_WARNING);
}

int main(int argc, char **argv)
{
        static const struct swb_verb verbs[] = {
                {"", "SCENARIO", 1, 1, "", option_table, run},
                {0},
        };
        static const struct swb_program program = {
                .name = "swb-fleet",
                .summary = "Simulated devices that speak real Omaha; counts with the server.",
                .verbs = verbs,
                .ready = ready,
        };

        return swb_program_main(&program, argc, argv);
}
