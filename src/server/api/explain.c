/* SPDX-License-Identifier: Apache-2.0 */
/* What a device would be told now, and why. */
#include "server/select/nearest.h"

#include "server/api/internal.h"
#include "server/report/explanation.h"
#include "server/store/fleet.h"

/* Everything that an answer needs, as the server would have it. */
struct question {
        const char *machineid;
        struct swb_catalog *catalog;
        struct swb_rollouts *rollouts, *own; /* own: made here */
        struct swb_egress egress;
        struct swb_explanation explanation;
};

static struct question *question_free(struct question *question)
{
        if (question) {
                (void)swb_catalog_unref(question->catalog);
                (void)swb_rollouts_free(question->own);
        }
        free(question);
        return NULL;
}
SWB_DEFINE_CLEANUP(struct question *, question_free)

static int read_device(const struct swb_api_call *call, struct question *question,
                       struct swb_error *err)
{
        int r;

        if (!swb_is_plain_id(question->machineid, SWB_MACHINEID_MAX))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%.128s' can't be a device's id",
                                question->machineid);
        r = swb_device_find(call->db, call->app.id, question->machineid,
                            &question->explanation.device, err);
        if (r == 0 && !swb_api_query(call, "running"))
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "the server has not heard of device '%s': say what it runs with "
                                "'running'",
                                question->machineid);
        if (r == 0) /* the words need a name */
                swb_copy_bounded(question->explanation.device.machineid, question->machineid,
                                 SWB_MACHINEID_MAX);
        return r;
}

/* The live counts if this is the server, else those of the rows. */
static int find_rollouts(struct swb_api_call *call, struct question *question,
                         struct swb_error *err)
{
        int r;

        question->rollouts = call->shared->rollouts;
        if (question->rollouts)
                return 0;
        r = swb_rollouts_new(&question->own, err);
        if (r >= 0)
                r = swb_rollouts_refresh(question->own, call->db, call->now, err);
        question->rollouts = question->own;
        return r;
}

static void override(const struct swb_api_call *call, const char *name, const char **word)
{
        const char *text = swb_api_query(call, name);

        if (text)
                *word = text;
}

static void put_url(struct swb_json *json, const char *url, const char *rule)
{
        swb_json_open_object(json, NULL);
        swb_json_str(json, "url", url);
        swb_json_str(json, "rule", rule);
        swb_json_close_object(json);
}

static void put_near(struct swb_api_call *call, const char *address)
{
        const struct swb_mirrors *mirrors = call->shared->config.mirrors;
        const char *urls[SWB_OMAHA_URLS_MAX];
        size_t n = mirrors ? swb_mirrors_of(mirrors, address, urls, SWB_ELEMENTS(urls)) : 0;

        for (size_t i = 0; i < n; i++)
                put_url(&call->json, urls[i], "serve --mirror: its network");
}

static void put_mirrors(struct swb_api_call *call, const struct swb_explanation *e,
                        const char *address)
{
        const struct swb_nearest_query q = {.app = e->decision.app,
                                            .group = e->decision.group,
                                            .words = &e->words,
                                            .machineid = e->device.machineid,
                                            .address = address};
        const struct swb_catalog_mirror *mirrors[SWB_OMAHA_URLS_MAX];
        size_t n = q.app ? swb_select_nearest(&q, mirrors, SWB_ELEMENTS(mirrors)) : 0;
        char rule[SWB_NAME_MAX + 256];

        for (size_t i = 0; i < n; i++) {
                (void)snprintf(rule, sizeof(rule), "mirror %s: %s %s", mirrors[i]->name,
                               swb_mirror_kind_to_string(mirrors[i]->kind), mirrors[i]->value);
                put_url(&call->json, mirrors[i]->url, rule);
        }
}

/* Where it would be told to load from, and by which rule. Only a running server knows what it was
 * started with; networks are known to whoever gives the device's address. */
static void put_urls(struct swb_api_call *call, const struct swb_explanation *e)
{
        const struct swb_api_config *config = &call->shared->config;
        const char *address = swb_api_query(call, "address");
        char own[300];

        swb_json_open_array(&call->json, "urls");
        put_near(call, address ? address : "");
        put_mirrors(call, e, address ? address : "");
        for (size_t i = 0; i < config->n_base_urls; i++)
                put_url(&call->json, config->base_urls[i], "serve --base-url: every device");
        if (config->n_base_urls == 0 && call->request->host) {
                (void)snprintf(own, sizeof(own), "http://%.255s/payloads/", call->request->host);
                put_url(&call->json, own, "this server: every device");
        }
        swb_json_close_array(&call->json);
}

static void decide(struct swb_api_call *call, struct question *question)
{
        struct swb_explanation *e = &question->explanation;

        swb_explanation_ask(e, call->app.appid);
        override(call, "running", &e->words.version);
        override(call, "track", &e->words.track);
        override(call, "board", &e->words.board);
        override(call, "hardware_class", &e->words.hardware_class);
        swb_explanation_decide(e, question->catalog, question->rollouts, &question->egress,
                               call->now);
        swb_json_open_object(&call->json, NULL);
        swb_json_explanation(&call->json, e);
        put_urls(call, e);
        swb_json_close_object(&call->json);
}

int swb_api_explain(struct swb_api_call *call, struct swb_error *err)
{
        _cleanup_(question_freep) struct question *question = calloc(1, sizeof(*question));
        const char *asked = swb_api_query(call, "device");
        int r;

        if (!question)
                return swb_oom(err);
        question->machineid = *call->args[0] ? call->args[0] : asked ? asked : "";
        r = read_device(call, question, err);
        if (r >= 0)
                r = swb_catalog_load(call->db, &question->catalog, err);
        if (r >= 0)
                r = find_rollouts(call, question, err);
        if (r >= 0)
                r = swb_egress_read(call->db, &question->egress, err);
        if (r >= 0)
                decide(call, question);
        return SWB_MIN(r, 0);
}
