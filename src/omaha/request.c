/* SPDX-License-Identifier: Apache-2.0 */
#include "omaha/request.h"

#include "omaha/xml.h"

#define PROTOCOL "3.0"

static const struct swb_xml_field request_fields[] = {
        SWB_XML_FIELD("protocol", SWB_XML_TEXT, struct swb_omaha_request, protocol),
        SWB_XML_FIELD("updater", SWB_XML_TEXT, struct swb_omaha_request, updater),
        SWB_XML_FIELD("updaterversion", SWB_XML_TEXT, struct swb_omaha_request, updaterversion),
        SWB_XML_FIELD("installsource", SWB_XML_TEXT, struct swb_omaha_request, installsource),
        SWB_XML_FIELD("ismachine", SWB_XML_ONE, struct swb_omaha_request, ismachine),
        SWB_XML_FIELD("requestid", SWB_XML_TEXT, struct swb_omaha_request, requestid),
        SWB_XML_FIELD("sessionid", SWB_XML_TEXT, struct swb_omaha_request, sessionid),
        SWB_XML_FIELD("userid", SWB_XML_TEXT, struct swb_omaha_request, userid),
        SWB_XML_FIELD("testsource", SWB_XML_TEXT, struct swb_omaha_request, testsource),
};

static const struct swb_xml_field os_fields[] = {
        SWB_XML_FIELD("platform", SWB_XML_TEXT, struct swb_omaha_os, platform),
        SWB_XML_FIELD("version", SWB_XML_TEXT, struct swb_omaha_os, version),
        SWB_XML_FIELD("sp", SWB_XML_TEXT, struct swb_omaha_os, sp),
        SWB_XML_FIELD("arch", SWB_XML_TEXT, struct swb_omaha_os, arch),
};

static const struct swb_xml_field app_fields[] = {
        SWB_XML_FIELD("appid", SWB_XML_TEXT, struct swb_omaha_app, appid),
        SWB_XML_FIELD("version", SWB_XML_TEXT, struct swb_omaha_app, version),
        SWB_XML_FIELD("track", SWB_XML_TEXT, struct swb_omaha_app, track),
        SWB_XML_FIELD("from_track", SWB_XML_TEXT, struct swb_omaha_app, from_track),
        SWB_XML_FIELD("from_version", SWB_XML_TEXT, struct swb_omaha_app, from_version),
        SWB_XML_FIELD("board", SWB_XML_TEXT, struct swb_omaha_app, board),
        SWB_XML_FIELD("hardware_class", SWB_XML_TEXT, struct swb_omaha_app, hardware_class),
        SWB_XML_FIELD("machineid", SWB_XML_TEXT, struct swb_omaha_app, machineid),
        SWB_XML_FIELD("bootid", SWB_XML_TEXT, struct swb_omaha_app, bootid),
        SWB_XML_FIELD("oem", SWB_XML_TEXT, struct swb_omaha_app, oem),
        SWB_XML_FIELD("oemversion", SWB_XML_TEXT, struct swb_omaha_app, oemversion),
        SWB_XML_FIELD("lang", SWB_XML_TEXT, struct swb_omaha_app, lang),
        SWB_XML_FIELD("delta_okay", SWB_XML_TRUE, struct swb_omaha_app, delta_okay),
        SWB_XML_FIELD("_reads", SWB_XML_TEXT, struct swb_omaha_app, reads),
        SWB_XML_FIELD("cohort", SWB_XML_OPTIONAL, struct swb_omaha_app, cohort),
        SWB_XML_FIELD("cohorthint", SWB_XML_OPTIONAL, struct swb_omaha_app, cohorthint),
        SWB_XML_FIELD("cohortname", SWB_XML_OPTIONAL, struct swb_omaha_app, cohortname),
};

static const struct swb_xml_field ping_fields[] = {
        SWB_XML_FIELD("active", SWB_XML_ONE, struct swb_omaha_ping, active),
        SWB_XML_FIELD("a", SWB_XML_DAYS, struct swb_omaha_ping, a),
        SWB_XML_FIELD("r", SWB_XML_DAYS, struct swb_omaha_ping, r),
        SWB_XML_FIELD("ad", SWB_XML_DAYS, struct swb_omaha_ping, ad),
        SWB_XML_FIELD("rd", SWB_XML_DAYS, struct swb_omaha_ping, rd),
};

static const struct swb_xml_field update_check_fields[] = {
        SWB_XML_FIELD("targetversionprefix", SWB_XML_TEXT, struct swb_omaha_update_check,
                      targetversionprefix),
        SWB_XML_FIELD("rollback_allowed", SWB_XML_TRUE_ONLY, struct swb_omaha_update_check,
                      rollback_allowed),
        SWB_XML_FIELD("sameversionupdate", SWB_XML_TRUE_ONLY, struct swb_omaha_update_check,
                      sameversionupdate),
        SWB_XML_FIELD("updatedisabled", SWB_XML_TRUE_ONLY, struct swb_omaha_update_check,
                      updatedisabled),
};

static const struct swb_xml_field event_fields[] = {
        SWB_XML_FIELD("eventtype", SWB_XML_I32, struct swb_omaha_event, type),
        SWB_XML_FIELD("eventresult", SWB_XML_I32, struct swb_omaha_event, result),
        SWB_XML_FIELD("errorcode", SWB_XML_I32, struct swb_omaha_event, errorcode),
        SWB_XML_FIELD("previousversion", SWB_XML_TEXT, struct swb_omaha_event, previousversion),
        SWB_XML_FIELD("nextversion", SWB_XML_TEXT, struct swb_omaha_event, nextversion),
        SWB_XML_FIELD("_fault", SWB_XML_TEXT, struct swb_omaha_event, fault),
        SWB_XML_FIELD("_text", SWB_XML_TEXT, struct swb_omaha_event, text),
        SWB_XML_FIELD("_slot", SWB_XML_TEXT, struct swb_omaha_event, slot),
};

static const struct swb_xml_field data_fields[] = {
        SWB_XML_FIELD("name", SWB_XML_TEXT, struct swb_omaha_data, name),
        SWB_XML_FIELD("index", SWB_XML_TEXT, struct swb_omaha_data, index),
};

/* A parsed request: the public part comes first, so that it can be handed out. */
struct parsed {
        struct swb_omaha_request request;
        struct swb_xml_arena arena;
};

enum kind { REQUEST = 1, OS, APP, PING, UPDATE_CHECK, EVENT, DATA };

static struct swb_omaha_app *current_app(struct parsed *parsed)
{
        return &parsed->request.apps[parsed->request.n_apps - 1];
}

static int read_request(void *context, const char **attributes, struct swb_error *err)
{
        struct parsed *parsed = context;

        SWB_XML_READ(&parsed->arena, request_fields, &parsed->request, attributes);
        if (strcmp(parsed->request.protocol, PROTOCOL) != 0)
                return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                                "protocol '%.32s', expected '%s'", parsed->request.protocol,
                                PROTOCOL);
        return 0;
}

static int read_os(void *context, const char **attributes, struct swb_error *err)
{
        struct parsed *parsed = context;

        (void)err;
        if (parsed->request.has_os)
                return 0;
        SWB_XML_READ(&parsed->arena, os_fields, &parsed->request.os, attributes);
        parsed->request.has_os = true;
        return 0;
}

static int read_app(void *context, const char **attributes, struct swb_error *err)
{
        struct parsed *parsed = context;
        struct swb_omaha_request *request = &parsed->request;
        struct swb_omaha_app app = {0};
        int r;

        SWB_XML_READ(&parsed->arena, app_fields, &app, attributes);
        if (!*app.appid)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "app number %zu has no appid",
                                request->n_apps + 1);
        r = swb_xml_grow(&request->apps, request->n_apps, SWB_OMAHA_APPS_MAX, sizeof(app), "apps",
                         err);
        if (r < 0)
                return r;
        request->apps[request->n_apps++] = app;
        return 0;
}

static int read_ping(void *context, const char **attributes, struct swb_error *err)
{
        struct swb_omaha_app *app = current_app(context);

        (void)err;
        if (app->has_ping)
                return 0;
        app->ping = SWB_OMAHA_PING_INIT;
        SWB_XML_READ(&((struct parsed *)context)->arena, ping_fields, &app->ping, attributes);
        app->has_ping = true;
        return 0;
}

static int read_update_check(void *context, const char **attributes, struct swb_error *err)
{
        struct swb_omaha_app *app = current_app(context);

        (void)err;
        if (app->has_update_check)
                return 0;
        SWB_XML_READ(&((struct parsed *)context)->arena, update_check_fields, &app->update_check,
                     attributes);
        app->has_update_check = true;
        return 0;
}

static int read_event(void *context, const char **attributes, struct swb_error *err)
{
        struct swb_omaha_app *app = current_app(context);
        struct swb_omaha_event event = {0};
        int r;

        r = swb_xml_grow(&app->events, app->n_events, SWB_OMAHA_EVENTS_MAX, sizeof(event),
                         "events in one app", err);
        if (r < 0)
                return r;
        SWB_XML_READ(&((struct parsed *)context)->arena, event_fields, &event, attributes);
        app->events[app->n_events++] = event;
        return 0;
}

static int read_data(void *context, const char **attributes, struct swb_error *err)
{
        struct swb_omaha_app *app = current_app(context);
        struct swb_omaha_data data = {0};
        int r;

        r = swb_xml_grow(&app->data, app->n_data, SWB_OMAHA_DATA_MAX, sizeof(data),
                         "data elements in one app", err);
        if (r < 0)
                return r;
        SWB_XML_READ(&((struct parsed *)context)->arena, data_fields, &data, attributes);
        app->data[app->n_data++] = data;
        return 0;
}

static const struct swb_xml_rule rules[] = {
        {0, "request", REQUEST, read_request},
        {REQUEST, "os", OS, read_os},
        {REQUEST, "app", APP, read_app},
        {APP, "ping", PING, read_ping},
        {APP, "updatecheck", UPDATE_CHECK, read_update_check},
        {APP, "event", EVENT, read_event},
        {APP, "data", DATA, read_data},
};

int swb_omaha_request_parse(const void *body, size_t n_bytes, struct swb_omaha_request **ret,
                            struct swb_error *err)
{
        static const struct swb_xml_document document = {.what = "request",
                                                         .max_bytes = SWB_OMAHA_REQUEST_MAX_BYTES,
                                                         .rules = rules,
                                                         .n_rules = SWB_ELEMENTS(rules)};
        _cleanup_(swb_omaha_request_freep) struct swb_omaha_request *request = NULL;
        struct parsed *parsed = calloc(1, sizeof(*parsed));
        int r;

        if (!parsed)
                return swb_oom(err);
        request = &parsed->request;
        request->memory = parsed;
        r = swb_xml_parse_kept(&document, body, n_bytes, &parsed->arena, parsed, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(request);
        return 0;
}

struct swb_omaha_request *swb_omaha_request_free(struct swb_omaha_request *request)
{
        struct parsed *parsed;

        if (!request)
                return NULL;
        parsed = request->memory;
        for (size_t i = 0; i < request->n_apps; i++) {
                free(request->apps[i].events);
                free(request->apps[i].data);
        }
        free(request->apps);
        swb_xml_arena_done(&parsed->arena);
        free(parsed);
        return NULL;
}

size_t swb_omaha_request_bytes(const struct swb_omaha_request *request)
{
        const struct parsed *parsed = request->memory;
        size_t n = sizeof(*parsed) + parsed->arena.cap;

        for (size_t i = 0; i < request->n_apps; i++)
                n += sizeof(*request->apps) +
                     request->apps[i].n_events * sizeof(struct swb_omaha_event) +
                     request->apps[i].n_data * sizeof(struct swb_omaha_data);
        return n;
}

static void write_element(struct swb_xml_writer *w, const char *name,
                          const struct swb_xml_field *fields, size_t n, const void *object)
{
        swb_xml_open(w, name);
        swb_xml_put_fields(w, fields, n, object);
        swb_xml_close(w, name);
}

static void write_app(struct swb_xml_writer *w, const struct swb_omaha_app *app)
{
        swb_xml_open(w, "app");
        SWB_XML_WRITE(w, app_fields, app);
        for (size_t i = 0; i < app->n_events; i++)
                write_element(w, "event", event_fields, SWB_ELEMENTS(event_fields),
                              &app->events[i]);
        if (app->has_ping)
                write_element(w, "ping", ping_fields, SWB_ELEMENTS(ping_fields), &app->ping);
        for (size_t i = 0; i < app->n_data; i++)
                write_element(w, "data", data_fields, SWB_ELEMENTS(data_fields), &app->data[i]);
        if (app->has_update_check)
                write_element(w, "updatecheck", update_check_fields,
                              SWB_ELEMENTS(update_check_fields), &app->update_check);
        swb_xml_close(w, "app");
}

int swb_omaha_request_write(const struct swb_omaha_request *request, struct swb_buf *buf,
                            struct swb_error *err)
{
        struct swb_omaha_request head = *request;
        struct swb_xml_writer w;

        if (!head.protocol || !*head.protocol)
                head.protocol = PROTOCOL;
        swb_xml_begin(&w, buf);
        swb_xml_open(&w, "request");
        SWB_XML_WRITE(&w, request_fields, &head);
        if (request->has_os)
                write_element(&w, "os", os_fields, SWB_ELEMENTS(os_fields), &request->os);
        for (size_t i = 0; i < request->n_apps; i++)
                write_app(&w, &request->apps[i]);
        swb_xml_close(&w, "request");
        return swb_xml_finish(&w, err);
}
