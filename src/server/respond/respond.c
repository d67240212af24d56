/* SPDX-License-Identifier: Apache-2.0 */
#include "server/respond/respond.h"

#include "server/report/report.h"
#include "server/rollout/bucket.h"
#include "server/select/explain.h"
#include "server/select/nearest.h"

/* "1." and the hex SHA-256 */
#define FP_TEXT (2 + 64 + 1)

/* Of a device that an egress cap holds back: the earliest time, to which up to a half is added. */
#define RETRY_MIN_SECONDS 60
#define RETRY_MAX_SECONDS 2400

/* What the answer to one app borrows from. */
struct scratch {
        struct swb_omaha_data_answer data[SWB_OMAHA_DATA_MAX];
        char fp[FP_TEXT];
        char deadline[SWB_TIME_TEXT];
        char info[SWB_EXPLAIN_TEXT];
};

static const char *hash_in_form(const struct swb_catalog_payload *payload, enum swb_hash_form form)
{
        switch (form) {
        case SWB_HASH_BASE64:
                return payload->sha256_base64;
        case SWB_HASH_OMIT:
                return "";
        case SWB_HASH_HEX:
        case _SWB_HASH_FORM_MAX:
        case _SWB_HASH_FORM_INVALID:
        default:
                return payload->sha256;
        }
}

/* The rollout that gives the release; NULL: the channel does, maybe while a rollout of another one
 * holds that back. */
static const struct swb_catalog_rollout *giver(const struct swb_decision *decision)
{
        return decision->hold == SWB_HOLD_NONE ? decision->rollout : NULL;
}

/* By when the device should have it: the rollout's word, counted from when it was first offered,
 * else the release's. */
static const char *deadline_of(const struct swb_decision *decision, struct scratch *scratch)
{
        const struct swb_catalog_rollout *rollout = giver(decision);

        if (!rollout || rollout->deadline_seconds == 0)
                return decision->release->deadline;
        return swb_format_time(decision->admitted_at + (int64_t)rollout->deadline_seconds,
                               scratch->deadline);
}

static const char *priority_of(const struct swb_decision *decision)
{
        const struct swb_catalog_rollout *rollout = giver(decision);

        if (!rollout || rollout->priority == SWB_PRIORITY_NORMAL)
                return "";
        return swb_priority_to_string(rollout->priority);
}

static void add_urls(struct swb_omaha_offer *offer, const char *const *urls, size_t n, size_t room)
{
        for (size_t i = 0; i < n && offer->n_codebases + room < SWB_OMAHA_URLS_MAX; i++)
                offer->codebases[offer->n_codebases++] = urls[i];
}

/* However many are near, there is room for one that every device gets. */
static void fill_urls(const struct swb_select_query *query, const struct swb_decision *decision,
                      const struct swb_respond_options *options, struct swb_omaha_offer *offer)
{
        const struct swb_nearest_query near = {.app = decision->app,
                                               .group = decision->group,
                                               .words = query->app,
                                               .machineid = query->machineid,
                                               .address = options->address};
        const struct swb_catalog_mirror *mirrors[SWB_OMAHA_URLS_MAX];
        size_t n = swb_select_nearest(&near, mirrors, SWB_ELEMENTS(mirrors));

        add_urls(offer, options->near, options->n_near, 1);
        for (size_t i = 0; i < n; i++)
                add_urls(offer, &mirrors[i]->url, 1, 1);
        add_urls(offer, options->codebases, options->n_codebases, 0);
}

static void fill_update(const struct swb_select_query *query, const struct swb_decision *decision,
                        const struct swb_respond_options *options, struct scratch *scratch,
                        struct swb_omaha_offer *offer)
{
        const struct swb_catalog_payload *payload = decision->payload;
        const struct swb_catalog_release *release = decision->release;
        const struct swb_catalog_rollout *rollout = giver(decision);

        (void)snprintf(scratch->fp, sizeof(scratch->fp), "1.%s", payload->sha256);
        offer->status = SWB_OMAHA_STATUS_OK;
        offer->rollback = decision->rollback;
        offer->version = release->version;
        fill_urls(query, decision, options, offer);
        offer->has_package = true;
        offer->package = (struct swb_omaha_package){
                /* The file's content is its name: any plain file host can serve the folder. */
                .name = payload->sha256,
                .size = payload->size,
                .hash = payload->sha1_base64,
                .hash_sha256 = hash_in_form(payload, decision->app->hash_form),
                .fp = scratch->fp,
        };
        offer->has_postinstall = true;
        offer->postinstall = (struct swb_omaha_postinstall){
                .sha256 = payload->sha256_base64,
                .is_delta = *payload->source_version != '\0',
                .metadata_size = payload->metadata_size,
                .metadata_signature = payload->metadata_signature,
                .deadline = deadline_of(decision, scratch),
                .priority = priority_of(decision),
                .attempt = rollout ? (uint64_t)rollout->id : 0,
                .disable_backoff = release->disable_backoff,
                .max_failures = release->max_failures,
        };
}

/* When it may fit, but neither at once nor after long: others give up, or the cap is lifted. Each
 * device has a moment of its own behind that, so that not all come back in the same second. */
static uint64_t retry_seconds(const struct swb_select_query *query,
                              const struct swb_decision *decision)
{
        const struct swb_siphash_key key = swb_bucket_key("egress");
        int64_t until = decision->held_until - query->now;
        uint64_t wait = (uint64_t)SWB_MIN(SWB_MAX(until, RETRY_MIN_SECONDS), RETRY_MAX_SECONDS);

        return wait + wait * swb_bucket(&key, query->machineid) / (2 * SWB_BUCKETS);
}

static void fill_offer(const struct swb_select_query *query, const struct swb_decision *decision,
                       const struct swb_respond_options *options, struct scratch *scratch,
                       struct swb_omaha_offer *offer)
{
        offer->poll_interval = options->poll_interval_seconds;
        if (decision->outcome == SWB_SELECT_UPDATE) {
                fill_update(query, decision, options, scratch, offer);
                return;
        }
        /* Refusals of ours are "noupdate": clients take any other status for a broken answer. */
        offer->status = decision->outcome == SWB_SELECT_UNKNOWN_APP ? SWB_OMAHA_STATUS_INTERNAL
                                                                    : SWB_OMAHA_STATUS_NOUPDATE;
        offer->invalidate = decision->recall;
        if (decision->outcome == SWB_SELECT_EGRESS)
                offer->poll_interval = retry_seconds(query, decision);
        offer->info = swb_decision_explain(query, decision, scratch->info);
}

static const char *data_status(const struct swb_omaha_data *data)
{
        if (strcmp(data->name, "install") == 0)
                return SWB_OMAHA_STATUS_NO_DATA; /* we keep none */
        if (strcmp(data->name, "untrusted") == 0)
                return SWB_OMAHA_STATUS_OK;
        return SWB_OMAHA_STATUS_INVALID_ARGS;
}

static void fill_app(const struct swb_select_query *query, const struct swb_decision *decision,
                     const struct swb_respond_options *options, struct scratch *scratch,
                     struct swb_omaha_app_answer *answer)
{
        const struct swb_omaha_app *app = query->app;

        answer->appid = app->appid;
        answer->status = decision->app ? SWB_OMAHA_STATUS_OK : SWB_OMAHA_STATUS_UNKNOWN_APP;
        answer->has_offer = app->has_update_check;
        if (answer->has_offer)
                fill_offer(query, decision, options, scratch, &answer->offer);
        if (!decision->app)
                return;
        answer->n_events = app->n_events;
        answer->has_ping = app->has_ping;
        answer->data = scratch->data;
        answer->n_data = app->n_data;
        for (size_t i = 0; i < app->n_data; i++)
                scratch->data[i] =
                        (struct swb_omaha_data_answer){.name = app->data[i].name,
                                                       .index = app->data[i].index,
                                                       .status = data_status(&app->data[i])};
}

int swb_respond(const struct swb_checkin *checkin, const struct swb_respond_options *options,
                struct swb_buf *body, struct swb_error *err)
{
        const struct swb_omaha_request *request = checkin->request;
        _cleanup_free_ struct swb_omaha_app_answer *answers = NULL;
        _cleanup_free_ struct scratch *scratch = NULL;
        struct swb_omaha_response response = {.server = "switchback", .has_daystart = true};

        answers = calloc(request->n_apps + 1, sizeof(*answers));
        scratch = calloc(request->n_apps + 1, sizeof(*scratch));
        if (!answers || !scratch)
                return swb_oom(err);
        swb_omaha_daystart(checkin->now, &response.elapsed_seconds, &response.elapsed_days);
        for (size_t i = 0; i < request->n_apps; i++) {
                const struct swb_select_query query = {
                        .app = &request->apps[i],
                        .machineid = swb_checkin_machineid(request, &request->apps[i]),
                        .now = checkin->now};

                fill_app(&query, &checkin->decisions[i], options, &scratch[i], &answers[i]);
        }
        response.apps = answers;
        response.n_apps = request->n_apps;
        return swb_omaha_response_write(&response, body, err);
}
