/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-fetch/confine.h"
#include "bin/swb-fetch/fetch.h"

#define PAGE_MAX_BYTES (64u << 10)
#define HTTP_SERVER_FAULTS 500u /* and above: there, but not working */

static const char *url;

const struct swb_opt cmd_reach_options[] = {
        {0, "url", SWB_OPT_STRING, &url, "URL", true, "of the update server"},
        {0},
};

/* What the server says to a GET does not matter: that it is the one whose certificate we trust, and
 * that it answers. */
int cmd_reach(int n_args, char **args, struct swb_error *err)
{
        const struct swb_http_config config = fetch_http_config();
        _cleanup_(swb_http_freep) struct swb_http *http = NULL;
        _cleanup_(swb_buf_done) struct swb_buf page = SWB_BUF_INIT(PAGE_MAX_BYTES);
        struct swb_http_status status = {0};
        int r;

        (void)n_args;
        (void)args;
        r = confine(fetch_options.user, err);
        if (r >= 0)
                r = swb_http_new(&config, &http, err);
        if (r >= 0)
                r = swb_http_get_text(http, url, &page, &status, err);
        return status.status > 0 && status.status < HTTP_SERVER_FAULTS ? SWB_EXIT_OK : r;
}
