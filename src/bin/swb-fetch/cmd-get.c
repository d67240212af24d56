/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "bin/swb-fetch/confine.h"
#include "bin/swb-fetch/fetch.h"
#include "bin/swb-fetch/report.h"

#define SECOND UINT64_C(1000000)

static struct {
        struct swb_opt_list urls;
        bool pieces;
        uint64_t offset, total, max_rate, stall_usec, retries, retry_wait_usec, failures_per_url;
} options = {.stall_usec = 30 * SECOND,
             .retries = 20,
             .retry_wait_usec = 20 * SECOND,
             .failures_per_url = 3};

const struct swb_opt cmd_get_options[] = {
        {0, "url", SWB_OPT_LIST, &options.urls, "URL", true,
         "of the payload; several times for further places that hold the same"},
        {0, "size", SWB_OPT_U64, &options.total, "TOTAL", true, "of the whole payload, in bytes"},
        {0, "offset", SWB_OPT_U64, &options.offset, "N", false,
         "first byte that is wanted (default 0)"},
        {0, "pieces", SWB_OPT_FLAG, &options.pieces, NULL, false,
         "standard output is a socket, over which swb-install --pieces asks for ranges"},
        {0, "max-rate", SWB_OPT_SIZE, &options.max_rate, "BYTES", false,
         "a second at most (default 0: no limit)"},
        {0, "stall", SWB_OPT_DURATION, &options.stall_usec, "TIME", false,
         "without a byte for so long, the connection is given up (default 30s)"},
        {0, "retries", SWB_OPT_U64, &options.retries, "N", false,
         "failures that are put up with until 1 MiB more has come (default 20)"},
        {0, "retry-wait", SWB_OPT_DURATION, &options.retry_wait_usec, "TIME", false,
         "between two tries (default 20s)"},
        {0, "failures-per-url", SWB_OPT_U64, &options.failures_per_url, "N", false,
         "failures in a row before the next URL is tried (default 3)"},
        {0},
};

static void on_progress(void *context, const struct swb_download_progress *progress)
{
        report_progress(context, progress);
}

static int check_options(struct swb_error *err)
{
        struct stat st;

        if (options.pieces && (fstat(STDOUT_FILENO, &st) < 0 || !S_ISSOCK(st.st_mode)))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --pieces: standard output is not a socket");
        if (options.failures_per_url == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --failures-per-url: at least 1");
        if (isatty(STDOUT_FILENO))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "the payload goes to standard output, which is a terminal");
        return 0;
}

int cmd_get(int n_args, char **args, struct swb_error *err)
{
        struct report report;
        struct swb_download_config config = {
                .http = fetch_http_config(),
                .urls = options.urls.items,
                .n_urls = options.urls.n,
                .offset = options.offset,
                .total = options.total,
                .output = STDOUT_FILENO,
                .pieces = options.pieces,
                .retries = options.retries,
                .retry_wait_usec = options.retry_wait_usec,
                .failures_per_url = options.failures_per_url,
                .progress = on_progress,
                .context = &report,
        };
        struct swb_http_status status = {0};
        int r;

        (void)n_args;
        (void)args;
        r = report_init(&report, fetch_options.control, err);
        if (r >= 0)
                r = check_options(err);
        if (r < 0)
                return r;
        config.http.stall_usec = options.stall_usec;
        config.http.max_rate_bytes = options.max_rate;
        r = confine(fetch_options.user, err);
        if (r >= 0)
                r = swb_download(&config, &status, err);
        report_outcome(&report, r < 0 ? err : NULL, &status, NULL);
        return r < 0 ? r : SWB_EXIT_OK;
}
