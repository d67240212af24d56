/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/exchange.h"

#include <sys/random.h>
#include <sys/utsname.h>

#include "base/kv.h"
#include "base/text.h"

#define ID_BYTES 16
#define URL_MAX_BYTES ((size_t)16 << 10)
#define INFO_MAX 500          /* bytes of the server's words */
#define URLS_ROOM_BYTES 6144u /* that URLs must leave for what follows them */

void swb_exchange_done(struct swb_exchange *exchange)
{
        (void)swb_omaha_response_free(exchange->response);
}

static void make_id(char *text)
{
        uint8_t bytes[ID_BYTES] = {0};

        /* Without randomness (never after early boot) the id is all zeros: it only helps a server
         * to drop repeated requests. */
        (void)!getrandom(bytes, sizeof(bytes), GRND_NONBLOCK);
        swb_hex_encode(bytes, sizeof(bytes), text);
}

static struct swb_omaha_app app_of(const struct swb_exchange_config *config)
{
        struct swb_omaha_app app = {
                .appid = config->app_id,
                .version = config->current_version,
                .track = config->channel,
                .board = config->board,
                .hardware_class = config->hardware_class,
                .machineid = config->device_id,
                .delta_okay = !config->no_delta,
                .reads = config->check ? config->reads : NULL,
                .cohort = config->cohort,
                .cohorthint = config->cohort_hint,
                .cohortname = config->cohort_name,
                .has_ping = config->check,
                .ping = SWB_OMAHA_PING_INIT,
                .has_update_check = config->check,
                .events = config->events,
                .n_events = config->n_events,
        };

        app.ping.active = true;
        app.ping.ad = config->ping_active_day;
        app.ping.rd = config->ping_day;
        return app;
}

static int write_request(const struct swb_exchange_config *config, struct swb_buf *body,
                         struct swb_error *err)
{
        struct swb_omaha_app app = app_of(config);
        struct utsname names = {0};
        char id[2 * ID_BYTES + 1], sp[256];
        struct swb_omaha_request request = {
                .updater = "switchback",
                .updaterversion = SWB_VERSION,
                .installsource = config->interactive ? "ondemandupdate" : "scheduler",
                .requestid = id,
                .ismachine = true,
                .has_os = true,
                .apps = &app,
                .n_apps = 1,
        };

        make_id(id);
        (void)uname(&names); /* can't fail */
        (void)snprintf(sp, sizeof(sp), "%s_%s", config->current_version, names.machine);
        request.os = (struct swb_omaha_os){.platform = names.sysname,
                                           .version = names.release,
                                           .sp = sp,
                                           .arch = names.machine};
        return swb_omaha_request_write(&request, body, err);
}

static const char updater_header[] = "X-Goog-Update-Updater: switchback-" SWB_VERSION;

/* Posts a question to which only the server's own answer fits. */
static int post_for_proof(struct swb_http *http, const struct swb_exchange_config *config,
                          const char *const *headers, const struct swb_buf *body,
                          struct swb_buf *answer, struct swb_http_status *ret_status,
                          struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf url = SWB_BUF_INIT(URL_MAX_BYTES);
        struct swb_answer_question question;
        int r;

        r = swb_answer_question_begin(config->answer_keys, config->url, body->data, body->n_bytes,
                                      &question, &url, err);
        if (r >= 0)
                r = swb_http_post(http, (const char *)url.data, headers, body->data, body->n_bytes,
                                  answer, ret_status, err);
        if (r < 0)
                return r;
        return swb_answer_question_check(config->answer_keys, &question,
                                         swb_http_answer_header(http, SWB_CUP_HEADER), answer->data,
                                         answer->n_bytes, err);
}

static int post(const struct swb_exchange_config *config, const struct swb_buf *body,
                struct swb_buf *answer, struct swb_http_status *ret_status, struct swb_error *err)
{
        _cleanup_(swb_http_freep) struct swb_http *http = NULL;
        _cleanup_free_ char *app_header = NULL;
        const char *headers[] = {
                "Content-Type: text/xml",
                config->interactive ? "X-Goog-Update-Interactivity: fg"
                                    : "X-Goog-Update-Interactivity: bg",
                updater_header,
                NULL, /* app_header */
                NULL,
        };
        int r;

        if (asprintf(&app_header, "X-Goog-Update-AppId: %s", config->app_id) < 0) {
                app_header = NULL;
                return swb_oom(err);
        }
        headers[3] = app_header;
        r = swb_http_new(&config->http, &http, err);
        if (r < 0)
                return r;
        if (config->answer_keys)
                return post_for_proof(http, config, headers, body, answer, ret_status, err);
        return swb_http_post(http, config->url, headers, body->data, body->n_bytes, answer,
                             ret_status, err);
}

/* A header is a line: what would make two of it must not get that far. */
static int check_config(const struct swb_exchange_config *config, struct swb_error *err)
{
        for (const char *p = config->app_id; *p; p++)
                if (*p < 0x20 || *p > 0x7e)
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "the application id is not plain ASCII");
        return 0;
}

/* Malformed, too large or unknown: for whoever asked it is all the same. */
static int bad_answer(int r, struct swb_error *err)
{
        if (err && r != -ENOMEM)
                err->fault = SWB_FAULT_PROTOCOL;
        return swb_wrap(err, r, "the server's answer");
}

int swb_exchange_run(const struct swb_exchange_config *config, struct swb_exchange *ret,
                     struct swb_http_status *ret_status, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf body = SWB_BUF_INIT(SWB_OMAHA_REQUEST_MAX_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf answer = SWB_BUF_INIT(SWB_OMAHA_RESPONSE_MAX_BYTES);
        _cleanup_(swb_omaha_response_freep) struct swb_omaha_response *response = NULL;
        int r;

        *ret_status = (struct swb_http_status){0};
        r = check_config(config, err);
        if (r >= 0)
                r = write_request(config, &body, err);
        if (r < 0)
                return r;
        r = post(config, &body, &answer, ret_status, err);
        if (r < 0)
                return r == -E2BIG ? bad_answer(r, err) : r;
        r = swb_omaha_response_parse(answer.data, answer.n_bytes, &response, err);
        if (r >= 0)
                r = swb_omaha_response_app(response, config->app_id, config->check, &ret->app, err);
        if (r < 0)
                return bad_answer(r, err);
        ret->response = SWB_TAKE_PTR(response);
        return 0;
}

/* The first failure sticks. */
static void put(struct swb_buf *buf, const char *key, const char *value, int *r)
{
        if (*r >= 0)
                *r = swb_kv_put(buf, key, value);
}

static void put_if_set(struct swb_buf *buf, const char *key, const char *value, int *r)
{
        if (value && *value)
                put(buf, key, value, r);
}

static void put_u64(struct swb_buf *buf, const char *key, uint64_t value, int *r)
{
        if (*r >= 0)
                *r = swb_kv_put_u64(buf, key, value);
}

static void put_urls(struct swb_buf *buf, const struct swb_omaha_offer *offer, int *r)
{
        size_t n = 0;

        for (size_t i = 0; i < offer->n_codebases && *r >= 0; i++) {
                _cleanup_(swb_buf_done) struct swb_buf url = SWB_BUF_INIT(8192);
                char key[32];

                if (swb_omaha_offer_url(offer, i, &url) < 0 ||
                    buf->n_bytes + 2 * url.n_bytes + URLS_ROOM_BYTES > buf->max_bytes)
                        continue;
                if (swb_buf_append_str(&url, "") < 0)
                        continue;
                (void)snprintf(key, sizeof(key), "URL_%zu", n);
                put(buf, key, (const char *)url.data, r);
                n++;
        }
        put_u64(buf, "URL_COUNT", n, r);
}

static void put_update(struct swb_buf *buf, const struct swb_omaha_offer *offer, int *r)
{
        const struct swb_omaha_postinstall *post_install = &offer->postinstall;
        char sha256[2 * sizeof(offer->sha256) + 1];

        swb_hex_encode(offer->sha256, sizeof(offer->sha256), sha256);
        put(buf, "VERSION", offer->version, r);
        put_urls(buf, offer, r);
        put_u64(buf, "SIZE", offer->package.size, r);
        put(buf, "SHA256", sha256, r);
        put(buf, "DELTA", post_install->is_delta ? "true" : "false", r);
        if (post_install->metadata_size)
                put_u64(buf, "METADATA_SIZE", post_install->metadata_size, r);
        put_if_set(buf, "METADATA_SIGNATURE", post_install->metadata_signature, r);
        put_if_set(buf, "DEADLINE", post_install->deadline, r);
        put_if_set(buf, "PRIORITY", post_install->priority, r);
        if (post_install->attempt)
                put_u64(buf, "ATTEMPT", post_install->attempt, r);
        if (post_install->max_failures)
                put_u64(buf, "MAX_FAILURES", post_install->max_failures, r);
        if (post_install->disable_backoff)
                put(buf, "DISABLE_BACKOFF", "true", r);
}

static void put_cohorts(struct swb_buf *buf, const struct swb_omaha_app_answer *app, int *r)
{
        if (app->cohort) /* empty: the device is to forget its own */
                put(buf, "COHORT", app->cohort, r);
        if (app->cohorthint)
                put(buf, "COHORT_HINT", app->cohorthint, r);
        if (app->cohortname)
                put(buf, "COHORT_NAME", app->cohortname, r);
}

int swb_exchange_put(const struct swb_exchange *exchange, struct swb_buf *buf,
                     struct swb_error *err)
{
        const struct swb_omaha_offer *offer = &exchange->app->offer;
        char info[INFO_MAX + 1];
        int r = 0;

        (void)snprintf(info, sizeof(info), "%s", offer->info);
        put(buf, "STATUS", offer->status, &r);
        put_if_set(buf, "INFO", info, &r);
        if (strcmp(offer->status, SWB_OMAHA_STATUS_OK) == 0)
                put_update(buf, offer, &r);
        else if (offer->invalidate)
                put(buf, "RECALL", "true", &r);
        if (offer->poll_interval)
                put_u64(buf, "POLL_INTERVAL", offer->poll_interval, &r);
        put_cohorts(buf, exchange->app, &r);
        if (exchange->response->has_daystart) {
                put_u64(buf, "DAYSTART_SECONDS", exchange->response->elapsed_seconds, &r);
                if (exchange->response->elapsed_days) /* not all servers send it */
                        put_u64(buf, "DAYSTART_DAYS", exchange->response->elapsed_days, &r);
        }
        if (r == -E2BIG)
                return swb_fail(err, r, SWB_FAULT_LIMIT,
                                "the server's answer is too long to be handed on");
        return r < 0 ? swb_oom(err) : 0;
}
