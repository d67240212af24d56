/* SPDX-License-Identifier: Apache-2.0 */
#include "omaha/response.h"

#include "base/text.h"
#include "omaha/xml.h"

static const struct swb_xml_field response_fields[] = {
        SWB_XML_FIELD("protocol", SWB_XML_TEXT, struct swb_omaha_response, protocol),
        SWB_XML_FIELD("server", SWB_XML_TEXT, struct swb_omaha_response, server),
};

static const struct swb_xml_field daystart_fields[] = {
        SWB_XML_FIELD("elapsed_seconds", SWB_XML_U64, struct swb_omaha_response, elapsed_seconds),
        SWB_XML_FIELD("elapsed_days", SWB_XML_U64, struct swb_omaha_response, elapsed_days),
};

static const struct swb_xml_field app_fields[] = {
        SWB_XML_FIELD("appid", SWB_XML_TEXT, struct swb_omaha_app_answer, appid),
        SWB_XML_FIELD("status", SWB_XML_TEXT, struct swb_omaha_app_answer, status),
        SWB_XML_FIELD("cohort", SWB_XML_OPTIONAL, struct swb_omaha_app_answer, cohort),
        SWB_XML_FIELD("cohorthint", SWB_XML_OPTIONAL, struct swb_omaha_app_answer, cohorthint),
        SWB_XML_FIELD("cohortname", SWB_XML_OPTIONAL, struct swb_omaha_app_answer, cohortname),
};

static const struct swb_xml_field data_fields[] = {
        SWB_XML_FIELD("name", SWB_XML_TEXT, struct swb_omaha_data_answer, name),
        SWB_XML_FIELD("index", SWB_XML_TEXT, struct swb_omaha_data_answer, index),
        SWB_XML_FIELD("status", SWB_XML_TEXT, struct swb_omaha_data_answer, status),
};

static const struct swb_xml_field offer_fields[] = {
        SWB_XML_FIELD("status", SWB_XML_TEXT, struct swb_omaha_offer, status),
        SWB_XML_FIELD("info", SWB_XML_TEXT, struct swb_omaha_offer, info),
        SWB_XML_FIELD("PollInterval", SWB_XML_U64, struct swb_omaha_offer, poll_interval),
        SWB_XML_FIELD("_rollback", SWB_XML_TRUE_ONLY, struct swb_omaha_offer, rollback),
        SWB_XML_FIELD("_invalidate_last_update", SWB_XML_TRUE_ONLY, struct swb_omaha_offer,
                      invalidate),
};

static const struct swb_xml_field package_fields[] = {
        SWB_XML_FIELD("name", SWB_XML_TEXT, struct swb_omaha_package, name),
        SWB_XML_FIELD("size", SWB_XML_U64, struct swb_omaha_package, size),
        SWB_XML_FIELD("hash", SWB_XML_TEXT, struct swb_omaha_package, hash),
        SWB_XML_FIELD("hash_sha256", SWB_XML_TEXT, struct swb_omaha_package, hash_sha256),
        SWB_XML_FIELD("fp", SWB_XML_TEXT, struct swb_omaha_package, fp),
};

static const struct swb_xml_field postinstall_fields[] = {
        SWB_XML_FIELD("sha256", SWB_XML_TEXT, struct swb_omaha_postinstall, sha256),
        SWB_XML_FIELD("IsDeltaPayload", SWB_XML_TRUE, struct swb_omaha_postinstall, is_delta),
        SWB_XML_FIELD("MetadataSize", SWB_XML_U64, struct swb_omaha_postinstall, metadata_size),
        SWB_XML_FIELD("MetadataSignatureRsa", SWB_XML_TEXT, struct swb_omaha_postinstall,
                      metadata_signature),
        SWB_XML_FIELD("deadline", SWB_XML_TEXT, struct swb_omaha_postinstall, deadline),
        SWB_XML_FIELD("_priority", SWB_XML_TEXT, struct swb_omaha_postinstall, priority),
        SWB_XML_FIELD("_attempt", SWB_XML_U64, struct swb_omaha_postinstall, attempt),
        SWB_XML_FIELD("DisablePayloadBackoff", SWB_XML_TRUE, struct swb_omaha_postinstall,
                      disable_backoff),
        SWB_XML_FIELD("MaxFailureCountPerUrl", SWB_XML_U64, struct swb_omaha_postinstall,
                      max_failures),
};

/* A parsed response: the public part comes first, so that it can be handed out. */
struct parsed {
        struct swb_omaha_response response;
        struct swb_xml_arena arena;
        size_t n_manifests; /* of the current update check; the first one counts */
};

enum kind {
        RESPONSE = 1,
        DAYSTART,
        APP,
        EVENT,
        PING,
        DATA,
        UPDATE_CHECK,
        URLS,
        URL,
        MANIFEST,
        PACKAGES,
        PACKAGE,
        ACTIONS,
        ACTION,
};

static struct swb_omaha_app_answer *current_app(struct parsed *parsed)
{
        return &parsed->response.apps[parsed->response.n_apps - 1];
}

static int read_response(void *context, const char **attributes, struct swb_error *err)
{
        struct parsed *parsed = context;

        (void)err;
        SWB_XML_READ(&parsed->arena, response_fields, &parsed->response, attributes);
        return 0;
}

static int read_daystart(void *context, const char **attributes, struct swb_error *err)
{
        struct parsed *parsed = context;

        (void)err;
        SWB_XML_READ(&parsed->arena, daystart_fields, &parsed->response, attributes);
        parsed->response.has_daystart = true;
        return 0;
}

static int read_app(void *context, const char **attributes, struct swb_error *err)
{
        struct parsed *parsed = context;
        struct swb_omaha_response *response = &parsed->response;
        struct swb_omaha_app_answer app = {0};
        int r;

        r = swb_xml_grow(&response->apps, response->n_apps, SWB_OMAHA_APPS_MAX, sizeof(app), "apps",
                         err);
        if (r < 0)
                return r;
        SWB_XML_READ(&parsed->arena, app_fields, &app, attributes);
        response->apps[response->n_apps++] = app;
        return 0;
}

static int read_event(void *context, const char **attributes, struct swb_error *err)
{
        (void)attributes;
        (void)err;
        current_app(context)->n_events++;
        return 0;
}

static int read_ping(void *context, const char **attributes, struct swb_error *err)
{
        (void)attributes;
        (void)err;
        current_app(context)->has_ping = true;
        return 0;
}

static int read_data(void *context, const char **attributes, struct swb_error *err)
{
        struct swb_omaha_app_answer *app = current_app(context);
        struct swb_omaha_data_answer data = {0};
        int r;

        r = swb_xml_grow(&app->data, app->n_data, SWB_OMAHA_DATA_MAX, sizeof(data),
                         "data elements in one app", err);
        if (r < 0)
                return r;
        SWB_XML_READ(&((struct parsed *)context)->arena, data_fields, &data, attributes);
        app->data[app->n_data++] = data;
        return 0;
}

static int read_update_check(void *context, const char **attributes, struct swb_error *err)
{
        struct parsed *parsed = context;
        struct swb_omaha_app_answer *app = current_app(parsed);

        if (app->has_offer)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "two updatecheck elements in one app");
        SWB_XML_READ(&parsed->arena, offer_fields, &app->offer, attributes);
        app->offer.version = "";
        app->has_offer = true;
        parsed->n_manifests = 0;
        return 0;
}

static int read_url(void *context, const char **attributes, struct swb_error *err)
{
        struct parsed *parsed = context;
        struct swb_omaha_offer *offer = &current_app(parsed)->offer;
        struct url {
                const char *codebase;
        } url = {0};
        static const struct swb_xml_field url_fields[] = {
                SWB_XML_FIELD("codebase", SWB_XML_TEXT, struct url, codebase),
        };

        (void)err;
        SWB_XML_READ(&parsed->arena, url_fields, &url, attributes);
        if (*url.codebase && offer->n_codebases < SWB_OMAHA_URLS_MAX)
                offer->codebases[offer->n_codebases++] = url.codebase;
        return 0;
}

static const struct swb_xml_field manifest_fields[] = {
        SWB_XML_FIELD("version", SWB_XML_TEXT, struct swb_omaha_offer, version),
};

static int read_manifest(void *context, const char **attributes, struct swb_error *err)
{
        struct parsed *parsed = context;

        (void)err;
        if (++parsed->n_manifests == 1)
                SWB_XML_READ(&parsed->arena, manifest_fields, &current_app(parsed)->offer,
                             attributes);
        return 0;
}

static int read_package(void *context, const char **attributes, struct swb_error *err)
{
        struct parsed *parsed = context;
        struct swb_omaha_offer *offer = &current_app(parsed)->offer;

        (void)err;
        if (parsed->n_manifests > 1 || offer->has_package)
                return 0;
        SWB_XML_READ(&parsed->arena, package_fields, &offer->package, attributes);
        offer->has_package = true;
        return 0;
}

static int read_action(void *context, const char **attributes, struct swb_error *err)
{
        struct parsed *parsed = context;
        struct swb_omaha_offer *offer = &current_app(parsed)->offer;
        const char *event = swb_xml_attribute(attributes, "event");

        (void)err;
        if (parsed->n_manifests > 1 || offer->has_postinstall || !event ||
            strcmp(event, "postinstall") != 0)
                return 0;
        SWB_XML_READ(&parsed->arena, postinstall_fields, &offer->postinstall, attributes);
        offer->has_postinstall = true;
        return 0;
}

static const struct swb_xml_rule rules[] = {
        {0, "response", RESPONSE, read_response},
        {RESPONSE, "daystart", DAYSTART, read_daystart},
        {RESPONSE, "app", APP, read_app},
        {APP, "event", EVENT, read_event},
        {APP, "ping", PING, read_ping},
        {APP, "data", DATA, read_data},
        {APP, "updatecheck", UPDATE_CHECK, read_update_check},
        {UPDATE_CHECK, "urls", URLS, NULL},
        {URLS, "url", URL, read_url},
        {UPDATE_CHECK, "manifest", MANIFEST, read_manifest},
        {MANIFEST, "packages", PACKAGES, NULL},
        {PACKAGES, "package", PACKAGE, read_package},
        {MANIFEST, "actions", ACTIONS, NULL},
        {ACTIONS, "action", ACTION, read_action},
};

int swb_omaha_response_parse(const void *body, size_t n_bytes, struct swb_omaha_response **ret,
                             struct swb_error *err)
{
        static const struct swb_xml_document document = {.what = "response",
                                                         .max_bytes = SWB_OMAHA_RESPONSE_MAX_BYTES,
                                                         .rules = rules,
                                                         .n_rules = SWB_ELEMENTS(rules)};
        _cleanup_(swb_omaha_response_freep) struct swb_omaha_response *response = NULL;
        struct parsed *parsed = calloc(1, sizeof(*parsed));
        int r;

        if (!parsed)
                return swb_oom(err);
        response = &parsed->response;
        response->memory = parsed;
        r = swb_xml_parse_kept(&document, body, n_bytes, &parsed->arena, parsed, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(response);
        return 0;
}

struct swb_omaha_response *swb_omaha_response_free(struct swb_omaha_response *response)
{
        struct parsed *parsed;

        if (!response)
                return NULL;
        parsed = response->memory;
        for (size_t i = 0; i < response->n_apps; i++)
                free(response->apps[i].data);
        free(response->apps);
        swb_xml_arena_done(&parsed->arena);
        free(parsed);
        return NULL;
}

static int write_codebase(struct swb_xml_writer *w, const char *codebase)
{
        _cleanup_free_ char *with_slash = NULL;

        swb_xml_open(w, "url");
        if (!swb_ends_with(codebase, "/")) {
                if (asprintf(&with_slash, "%s/", codebase) < 0)
                        return -ENOMEM;
                codebase = with_slash;
        }
        swb_xml_put(w, "codebase", codebase);
        swb_xml_close(w, "url");
        return 0;
}

static void write_package(struct swb_xml_writer *w, const struct swb_omaha_package *package)
{
        swb_xml_open(w, "packages");
        swb_xml_open(w, "package");
        SWB_XML_WRITE(w, package_fields, package);
        swb_xml_put(w, "required", "true");
        swb_xml_close(w, "package");
        swb_xml_close(w, "packages");
}

static void write_actions(struct swb_xml_writer *w, const struct swb_omaha_offer *offer)
{
        swb_xml_open(w, "actions");
        if (offer->has_package) {
                swb_xml_open(w, "action");
                swb_xml_put(w, "event", "update");
                swb_xml_put(w, "run", offer->package.name);
                swb_xml_close(w, "action");
        }
        if (offer->has_postinstall) {
                swb_xml_open(w, "action");
                swb_xml_put(w, "event", "postinstall");
                SWB_XML_WRITE(w, postinstall_fields, &offer->postinstall);
                swb_xml_close(w, "action");
        }
        swb_xml_close(w, "actions");
}

static int write_update(struct swb_xml_writer *w, const struct swb_omaha_offer *offer)
{
        int r;

        swb_xml_open(w, "urls");
        for (size_t i = 0; i < offer->n_codebases; i++) {
                r = write_codebase(w, offer->codebases[i]);
                if (r < 0)
                        return r;
        }
        swb_xml_close(w, "urls");
        swb_xml_open(w, "manifest");
        SWB_XML_WRITE(w, manifest_fields, offer);
        if (offer->has_package)
                write_package(w, &offer->package);
        write_actions(w, offer);
        swb_xml_close(w, "manifest");
        return 0;
}

static void write_status(struct swb_xml_writer *w, const char *element)
{
        swb_xml_open(w, element);
        swb_xml_put(w, "status", SWB_OMAHA_STATUS_OK);
        swb_xml_close(w, element);
}

static int write_app(struct swb_xml_writer *w, const struct swb_omaha_app_answer *app)
{
        int r = 0;

        swb_xml_open(w, "app");
        SWB_XML_WRITE(w, app_fields, app);
        for (size_t i = 0; i < app->n_events; i++)
                write_status(w, "event");
        if (app->has_ping)
                write_status(w, "ping");
        for (size_t i = 0; i < app->n_data; i++) {
                swb_xml_open(w, "data");
                SWB_XML_WRITE(w, data_fields, &app->data[i]);
                swb_xml_close(w, "data");
        }
        if (app->has_offer) {
                swb_xml_open(w, "updatecheck");
                SWB_XML_WRITE(w, offer_fields, &app->offer);
                if (strcmp(app->offer.status, SWB_OMAHA_STATUS_OK) == 0)
                        r = write_update(w, &app->offer);
                swb_xml_close(w, "updatecheck");
        }
        swb_xml_close(w, "app");
        return r;
}

int swb_omaha_response_write(const struct swb_omaha_response *response, struct swb_buf *buf,
                             struct swb_error *err)
{
        struct swb_omaha_response head = *response;
        struct swb_xml_writer w;

        if (!head.protocol || !*head.protocol)
                head.protocol = "3.0";
        swb_xml_begin(&w, buf);
        swb_xml_open(&w, "response");
        SWB_XML_WRITE(&w, response_fields, &head);
        if (response->has_daystart) {
                /* Both, also when 0: at midnight a device still needs the attribute. */
                swb_xml_open(&w, "daystart");
                swb_xml_put_u64(&w, "elapsed_seconds", response->elapsed_seconds);
                swb_xml_put_u64(&w, "elapsed_days", response->elapsed_days);
                swb_xml_close(&w, "daystart");
        }
        for (size_t i = 0; i < response->n_apps; i++)
                if (write_app(&w, &response->apps[i]) < 0)
                        return swb_oom(err);
        swb_xml_close(&w, "response");
        return swb_xml_finish(&w, err);
}
