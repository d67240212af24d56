/* SPDX-License-Identifier: Apache-2.0 */
/* A request of the API from its path to its answer. */
#include "base/text.h"
#include "server/api/change.h"
#include "server/auth/secret.h"

const struct swb_api_route *const swb_api_tables[] = {
        swb_api_fleet_routes,   swb_api_rollout_routes,
        swb_api_release_routes, swb_api_app_routes,
        swb_api_group_routes,   swb_api_tag_routes,
        swb_api_egress_routes,  swb_api_access_routes,
        swb_api_session_routes, swb_api_audit_routes,
        swb_api_job_routes,     swb_api_webhook_routes,
        swb_api_upload_routes,  swb_api_storage_routes,
        swb_api_mirror_routes,  NULL,
};

void swb_api_shared_init(struct swb_api_shared *shared, const struct swb_api_config *config)
{
        shared->config = *config;
        swb_throttle_init(&shared->throttle);
}

void swb_api_shared_done(struct swb_api_shared *shared)
{
        swb_throttle_done(&shared->throttle);
}

void swb_api_answer_done(struct swb_api_answer *answer)
{
        swb_buf_done(&answer->body);
}

const char *swb_api_name(const struct swb_api_call *call)
{
        return *call->args[0] ? call->args[0] : call->made;
}

/* --- routes --- */

/* Does the path fit? Writes what stands in the place of names in braces. */
static bool fits(const char *pattern, const char *path, char args[2][SWB_MACHINEID_MAX + 1])
{
        size_t n_args = 0;

        for (;;) {
                size_t n = strcspn(path, "/"), n_pattern = strcspn(pattern, "/");

                if (*pattern == '{') {
                        if (n == 0 || n > SWB_MACHINEID_MAX || n_args == 2)
                                return false;
                        memcpy(args[n_args], path, n);
                        args[n_args++][n] = '\0';
                } else if (n != n_pattern || memcmp(path, pattern, n) != 0) {
                        return false;
                }
                path += n;
                pattern += n_pattern;
                if (*path != *pattern)
                        return false;
                if (!*path)
                        return true;
                path++;
                pattern++;
        }
}

static bool is_method(const char *wanted, const char *method)
{
        return strcmp(wanted, method) == 0 ||
               (strcmp(wanted, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void add_allowed(struct swb_api_answer *answer, const char *method)
{
        size_t n = strlen(answer->allow);

        (void)snprintf(answer->allow + n, sizeof(answer->allow) - n, "%s%s%s", n ? ", " : "",
                       method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

static int find_route(struct swb_api_call *call, struct swb_error *err)
{
        for (size_t i = 0; swb_api_tables[i]; i++)
                for (const struct swb_api_route *route = swb_api_tables[i]; route->method;
                     route++) {
                        memset(call->args, 0, sizeof(call->args));
                        if (!fits(route->path, call->request->path, call->args))
                                continue;
                        if (is_method(route->method, call->request->method)) {
                                call->route = route;
                                return 0;
                        }
                        add_allowed(call->answer, route->method);
                }
        if (!*call->answer->allow)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "nothing is at '%.120s'",
                                call->request->path);
        call->status = 405;
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "%.20s is not for this path",
                        call->request->method);
}

/* --- who may --- */

static bool is_change(const struct swb_api_call *call)
{
        return strcmp(call->route->method, "GET") != 0;
}

static int check_scope(struct swb_api_call *call, struct swb_error *err)
{
        bool is_named = call->identity.via != SWB_VIA_NOTHING;

        if (!is_named && !call->shared->config.is_private)
                call->identity.scope = SWB_SCOPE_READ;
        if (call->identity.scope >= call->route->scope &&
            (is_named || !(call->route->flags & SWB_API_NAMED)))
                return 0;
        call->status = is_named ? 403 : 401;
        if (!is_named)
                return swb_fail(err, -EPERM, SWB_FAULT_DENIED, "log in, or send a token");
        return swb_fail(err, -EPERM, SWB_FAULT_DENIED, "this needs the scope '%s', '%s' has '%s'",
                        swb_scope_to_string(call->route->scope), call->identity.who,
                        swb_scope_to_string(call->identity.scope));
}

/* "https://updates.example" of a request to updates.example. */
static bool is_own_origin(const struct swb_api_request *request)
{
        const char *host = strstr(request->origin, "://");

        return host && request->host && strcmp(host + 3, request->host) == 0;
}

/* What a browser sends by itself must come from our own page. */
static int check_origin(struct swb_api_call *call, struct swb_error *err)
{
        const struct swb_api_request *request = call->request;
        enum swb_via via = call->identity.via;

        if (!is_change(call) || via == SWB_VIA_TOKEN || via == SWB_VIA_LOCAL)
                return 0;
        call->status = 403;
        if (request->origin && !is_own_origin(request))
                return swb_fail(err, -EPERM, SWB_FAULT_DENIED, "the request is another page's");
        /* A header of ours: no foreign page can set it without our leave. */
        if ((via == SWB_VIA_PROXY && !request->csrf) ||
            (via == SWB_VIA_SESSION &&
             (!request->csrf || !swb_secret_equal(request->csrf, call->identity.csrf))))
                return swb_fail(err, -EPERM, SWB_FAULT_DENIED,
                                "X-CSRF-Token: not the one of this session");
        call->status = 0;
        return 0;
}

/* --- body and answer --- */

static bool is_json(const char *content_type)
{
        static const char name[] = "application/json";
        size_t n = sizeof(name) - 1;

        return content_type && strncasecmp(content_type, name, n) == 0 &&
               (content_type[n] == '\0' || content_type[n] == ';' || content_type[n] == ' ');
}

static int read_body(struct swb_api_call *call, struct swb_error *err)
{
        const struct swb_api_request *request = call->request;
        json_error_t error;

        if (!is_change(call) || request->n_body == 0 || call->route->flags & SWB_API_BYTES)
                return 0;
        if (call->route->flags & SWB_API_NO_BODY)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "this takes no body");
        if (!is_json(request->content_type)) {
                call->status = 415;
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "a body is of Content-Type application/json");
        }
        call->body = json_loadb(request->body, request->n_body, JSON_REJECT_DUPLICATES, &error);
        if (!call->body)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "not JSON, line %d: %s", error.line,
                                error.text);
        if (!json_is_object(call->body))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "the body is not a JSON object");
        return 0;
}

int swb_api_find_app(struct swb_api_call *call, struct swb_error *err)
{
        const char *appid = swb_api_query(call, "app");

        if (call->route->flags & SWB_API_NO_APP || (!appid && call->route->flags & SWB_API_ANY_APP))
                return 0;
        return swb_app_find(call->db, appid, &call->app, err);
}

int swb_api_end_answer(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_api_answer *answer = call->answer;
        int r;

        if (answer->status) /* ended, or kept from before */
                return 0;
        r = answer->body.n_bytes > 0 || call->json.error < 0 ? swb_json_end(&call->json) : 0;

        if (r == -E2BIG)
                return swb_fail(err, r, SWB_FAULT_LIMIT, "too much: ask for a lower limit");
        if (r < 0)
                return swb_fail_errno(err, r, "write an answer");
        answer->status = call->status               ? call->status
                         : *call->made              ? 201
                         : answer->body.n_bytes > 0 ? 200
                                                    : 204;
        return 0;
}

static int look(struct swb_api_call *call, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        int r;

        r = swb_transaction_begin_read(&t, call->db, err);
        if (r >= 0)
                r = swb_api_find_app(call, err);
        if (r >= 0)
                r = call->route->run(call, err);
        if (r >= 0 && call->route->describe)
                r = swb_api_tag(call, err);
        return r < 0 ? r : swb_api_end_answer(call, err);
}

static int run_self(struct swb_api_call *call, struct swb_error *err)
{
        int r = swb_api_find_app(call, err);

        if (r >= 0)
                r = call->route->run(call, err);
        return r < 0 ? r : swb_api_end_answer(call, err);
}

static int run(struct swb_api_call *call, struct swb_error *err)
{
        int r;

        r = find_route(call, err);
        if (r >= 0)
                r = swb_api_identify(call, err);
        if (r == -EPERM)
                call->status = 401;
        if (r >= 0)
                r = check_scope(call, err);
        if (r >= 0)
                r = check_origin(call, err);
        if (r >= 0)
                r = read_body(call, err);
        if (r < 0)
                return r;
        if (call->route->flags & SWB_API_SELF)
                return run_self(call, err);
        return is_change(call) ? swb_api_change(call, err) : look(call, err);
}

static unsigned failed_status(const struct swb_api_call *call, const struct swb_error *err)
{
        if (call->status >= 400)
                return call->status;
        return err->code == -ESTALE ? 412 : swb_api_status_of(err);
}

void swb_api_run(struct swb_api_shared *shared, struct swb_db *db,
                 const struct swb_api_request *request, struct swb_api_answer *ret)
{
        struct swb_api_call call = {.shared = shared,
                                    .db = db,
                                    .request = request,
                                    .answer = ret,
                                    .now = (int64_t)time(NULL)};
        struct swb_error err = SWB_ERROR_INIT;

        *ret = (struct swb_api_answer){.body = SWB_BUF_INIT(SWB_API_ANSWER_MAX_BYTES),
                                       .content_type = "application/json"};
        call.json = SWB_JSON(&ret->body, true);
        if (run(&call, &err) < 0)
                swb_api_problem(ret, failed_status(&call, &err), &err);
        json_decref(call.body);
}
