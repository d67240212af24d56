/* SPDX-License-Identifier: Apache-2.0 */
/* A payload that somebody points at: what <payload>.json says, in the words of a server's offer. */
#include "base/kv.h"
#include "base/text.h"
#include "bin/swb-fetch/confine.h"
#include "bin/swb-fetch/fetch.h"
#include "bin/swb-fetch/report.h"
#include "device/fetch/description.h"
#include "device/fetch/local.h"
#include "os/file.h"
#include "os/hash.h"

#define URL_MAX_BYTES 8192u

static const char *app_id, *current_version;

const struct swb_opt cmd_look_options[] = {
        {0, "app-id", SWB_OPT_STRING, &app_id, "ID", true,
         "application whose updates this device takes"},
        {0, "current-version", SWB_OPT_STRING, &current_version, "V", true,
         "version that runs now; a delta must start from it"},
        {0},
};

static int read_text(const char *url, struct swb_buf *text, struct swb_http_status *ret_status,
                     struct swb_error *err)
{
        const struct swb_http_config config = fetch_http_config();
        _cleanup_(swb_http_freep) struct swb_http *http = NULL;
        _cleanup_(swb_buf_done) struct swb_buf path = SWB_BUF_INIT(URL_MAX_BYTES);
        int r;

        if (swb_starts_with(url, SWB_LOCAL_SCHEME)) {
                r = swb_local_path(url, &path, err);
                return r < 0 ? r : swb_read_file((const char *)path.data, text, err);
        }
        r = swb_http_new(&config, &http, err);
        return r < 0 ? r : swb_http_get_text(http, url, text, ret_status, err);
}

static int check(const struct swb_description *d, struct swb_error *err)
{
        if (d->app_id[0] != '\0' && strcmp(d->app_id, app_id) != 0)
                return swb_fail(err, -EPERM, SWB_FAULT_DENIED,
                                "the payload is for application '%s', this device takes '%s'",
                                d->app_id, app_id);
        if (d->is_delta && d->source_version[0] != '\0' &&
            strcmp(d->source_version, current_version) != 0)
                return swb_fail(err, -EPERM, SWB_FAULT_SOURCE,
                                "the payload is a delta from version %s, but %s runs: take one "
                                "from that, or a full payload",
                                d->source_version, current_version);
        return 0;
}

/* The first failure sticks. */
static int put_offer(const char *url, const struct swb_description *d, struct swb_buf *buf)
{
        char hash[SWB_SHA256_HEX];
        int r;

        swb_hex_encode(d->payload_hash, SWB_SHA256_BYTES, hash);
        r = swb_kv_put(buf, "STATUS", "ok");
        if (r >= 0)
                r = swb_kv_put(buf, "VERSION", d->version);
        if (r >= 0)
                r = swb_kv_put_u64(buf, "URL_COUNT", 1);
        if (r >= 0)
                r = swb_kv_put(buf, "URL_0", url);
        if (r >= 0)
                r = swb_kv_put_u64(buf, "SIZE", d->payload_bytes);
        if (r >= 0)
                r = swb_kv_put(buf, "SHA256", hash);
        return r < 0 ? r : swb_kv_put(buf, "DELTA", d->is_delta ? "true" : "false");
}

static int look(const char *url, struct swb_buf *offer, struct swb_http_status *ret_status,
                struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(SWB_DESCRIPTION_MAX_BYTES);
        struct swb_description description;
        char json[URL_MAX_BYTES];
        int r;

        if (snprintf(json, sizeof(json), "%s.json", url) >= (int)sizeof(json))
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE, "a URL of %zu bytes", strlen(url));
        r = read_text(json, &text, ret_status, err);
        if (r >= 0)
                r = swb_description_parse(text.data, text.n_bytes, &description, err);
        if (r < 0)
                return swb_wrap(err, r, "'%s'", json);
        r = check(&description, err);
        if (r < 0)
                return r;
        r = put_offer(url, &description, offer);
        return r < 0 ? swb_fail_errno(err, r, "hand on what '%s' says", json) : 0;
}

int cmd_look(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf offer =
                SWB_BUF_INIT(SWB_CONTROL_MESSAGE_MAX_BYTES / 2);
        struct swb_http_status status = {0};
        struct report report;
        int r;

        (void)n_args;
        r = report_init(&report, fetch_options.control, err);
        if (r < 0)
                return r;
        r = confine(fetch_options.user, err);
        if (r >= 0)
                r = look(args[0], &offer, &status, err);
        report_outcome(&report, r < 0 ? err : NULL, &status, &offer);
        return r < 0 ? r : SWB_EXIT_OK;
}
