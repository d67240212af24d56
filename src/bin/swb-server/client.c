/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/client.h"

#include <ctype.h>
#include <stdarg.h>

#include "bin/swb-server/remote.h"
#include "bin/swb-server/server.h"
#include "os/file.h"
#include "server/api/api.h"
#include "server/report/report.h"

void client_answer_done(struct client_answer *answer)
{
        json_decref(answer->json);
        *answer = (struct client_answer){0};
}

/* --- paths and queries --- */

static int append_encoded(struct swb_buf *buf, const char *text)
{
        int r = 0;

        for (; r >= 0 && *text; text++) {
                unsigned char c = (unsigned char)*text;

                if (isascii(c) && (isalnum(c) || strchr("-._~", c)))
                        r = swb_buf_append(buf, text, 1);
                else
                        r = swb_buf_printf(buf, "%%%02X", c);
        }
        return r;
}

char *client_path(const char *part, ...)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(4096);
        va_list parts;
        int r = 0;

        va_start(parts, part);
        for (size_t i = 0; r >= 0 && part; i++, part = va_arg(parts, const char *)) {
                if (i > 0)
                        r = swb_buf_append_str(&buf, "/");
                if (r >= 0)
                        r = append_encoded(&buf, part);
        }
        va_end(parts);
        return r < 0 ? NULL : swb_buf_take_str(&buf);
}

int client_add_query(char **query, const char *name, const char *value, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(8192);
        char *longer;
        int r;

        if (!value)
                return 0;
        r = swb_buf_printf(&buf, "%s%s%s=", *query ? *query : "", *query ? "&" : "", name);
        if (r >= 0)
                r = append_encoded(&buf, value);
        longer = r < 0 ? NULL : swb_buf_take_str(&buf);
        if (!longer)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE, "'%s' is too long", name);
        free(*query);
        *query = longer;
        return 0;
}

/* --- on the spot --- */

static void decode(char *text)
{
        char *to = text;

        for (const char *p = text; *p; p++) {
                unsigned value;

                if (*p == '%' && sscanf(p + 1, "%2x", &value) == 1) {
                        *to++ = (char)value;
                        p += 2;
                } else {
                        *to++ = *p;
                }
        }
        *to = '\0';
}

/* Cuts the query into the request's fields. */
static void read_query(char *query, struct swb_api_request *request)
{
        char *part;

        while (query && (part = strsep(&query, "&")) && request->n_query < SWB_API_QUERY_MAX) {
                char *value = strchr(part, '=');

                if (!value)
                        continue;
                *value++ = '\0';
                decode(value);
                request->query[request->n_query++] =
                        (struct swb_api_field){.name = part, .value = value};
        }
}

struct local {
        char *path, *query, *body;
        struct swb_api_shared shared;
        struct swb_api_answer answer;
        struct swb_db *db;
};

static void local_done(struct local *local)
{
        free(local->path);
        free(local->query);
        free(local->body);
        swb_api_answer_done(&local->answer);
        swb_api_shared_done(&local->shared);
        (void)swb_db_free(local->db);
}

static int copy_texts(const struct client_request *request, struct local *local,
                      struct swb_error *err)
{
        int r = 0;

        local->path = strdup(request->path);
        if (request->query)
                local->query = strdup(request->query);
        if (!local->path || (request->query && !local->query))
                return swb_oom(err);
        decode(local->path);
        if (request->app)
                r = client_add_query(&local->query, "app", request->app, err);
        return r;
}

static int call_local(const struct client_request *request, const char *body,
                      struct client_reply *ret, struct swb_error *err)
{
        const struct swb_api_config config = {.data = server_options.data};
        _cleanup_(local_done) struct local local = {0};
        struct swb_api_request api = {.method = request->method, .is_local = true};
        int r;

        swb_api_shared_init(&local.shared, &config);
        r = copy_texts(request, &local, err);
        if (r >= 0)
                r = server_open_db(request->may_create ? SWB_DB_CREATE : SWB_DB_EXISTING, &local.db,
                                   err);
        if (r < 0)
                return r;
        read_query(local.query, &api);
        api.path = local.path;
        api.body = body;
        api.n_body = body ? strlen(body) : 0;
        api.content_type = "application/json";
        api.if_match = request->if_match;
        swb_api_run(&local.shared, local.db, &api, &local.answer);
        ret->status = local.answer.status;
        memcpy(ret->next, local.answer.next, sizeof(ret->next));
        memcpy(ret->etag, local.answer.etag, sizeof(ret->etag));
        if (swb_buf_append(&ret->body, local.answer.body.data, local.answer.body.n_bytes) < 0)
                return swb_oom(err);
        return 0;
}

/* --- both --- */

static enum swb_fault fault_of(const char *type)
{
        static const char prefix[] = "urn:switchback:";
        enum swb_fault fault = _SWB_FAULT_INVALID;

        if (strncmp(type, prefix, sizeof(prefix) - 1) == 0)
                fault = swb_fault_from_string(type + sizeof(prefix) - 1);
        return fault == _SWB_FAULT_INVALID ? SWB_FAULT_HTTP : fault;
}

static int fail(const struct client_answer *answer, struct swb_error *err)
{
        const char *detail = client_text(answer->json, "detail");
        enum swb_fault fault = fault_of(client_text(answer->json, "type"));

        if (!*detail)
                return swb_fail(err, -EIO, SWB_FAULT_HTTP, "the server answers HTTP status %u",
                                answer->status);
        return swb_fail(err, fault == SWB_FAULT_NOT_FOUND ? -ENOENT : -EINVAL, fault, "%s", detail);
}

int client_call(const struct client_request *request, struct client_answer *ret,
                struct swb_error *err)
{
        _cleanup_(client_reply_done) struct client_reply reply = CLIENT_REPLY_INIT;
        _cleanup_free_ char *body = NULL;
        json_error_t error;
        int r;

        *ret = (struct client_answer){0};
        if (!request->path)
                return swb_oom(err);
        if (request->body && !(body = json_dumps(request->body, JSON_COMPACT)))
                return swb_oom(err);
        r = server_options.server ? remote_call(request, body, &reply, err)
                                  : call_local(request, body, &reply, err);
        if (r < 0)
                return r;
        ret->status = reply.status;
        memcpy(ret->next, reply.next, sizeof(ret->next));
        memcpy(ret->etag, reply.etag, sizeof(ret->etag));
        if (reply.body.n_bytes > 0) {
                ret->json =
                        json_loadb((const char *)reply.body.data, reply.body.n_bytes, 0, &error);
                if (!ret->json && reply.status < 300)
                        return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                        "the server's answer is not JSON");
        }
        if (ret->status < 300)
                return 0;
        r = fail(ret, err);
        client_answer_done(ret);
        return r;
}

int client_do(const struct client_request *request, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};

        return client_call(request, &answer, err);
}

int client_show(const struct client_request *request, bool as_json,
                int (*print)(const json_t *answer, struct swb_error *err), struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        int r = client_call(request, &answer, err);

        if (r < 0)
                return r;
        return as_json || !print ? client_print_json(answer.json, err) : print(answer.json, err);
}

int client_remove(const char *collection, const char *app, const char *name, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path(collection, name, NULL);
        const struct client_request request = {.method = "DELETE", .path = path, .app = app};
        int r = client_do(&request, err);

        if (r < 0)
                return r;
        /* Of the many one: without the "s". */
        (void)printf("removed %.*s %s\n", (int)strlen(collection) - 1, collection, name);
        return SWB_EXIT_OK;
}

/* --- long lists --- */

#define PAGE "5000"

static int page_query(const struct client_request *request, const char *cursor, const char *next,
                      char **query, struct swb_error *err)
{
        int r = 0;

        if (request->query && !(*query = strdup(request->query)))
                return swb_oom(err);
        r = client_add_query(query, "limit", PAGE, err);
        if (r >= 0 && *next)
                r = client_add_query(query, cursor, next, err);
        return r;
}

int client_each(const struct client_request *request, const char *cursor, uint64_t limit,
                void (*each)(const json_t *element, void *userdata), void *userdata,
                struct swb_error *err)
{
        char next[24] = "";
        uint64_t n = 0;
        int r;

        do {
                _cleanup_(client_answer_done) struct client_answer answer = {0};
                struct client_request page = *request;
                _cleanup_free_ char *query = NULL;
                json_t *element;
                size_t i;

                r = page_query(request, cursor, next, &query, err);
                page.query = query;
                if (r >= 0)
                        r = client_call(&page, &answer, err);
                if (r < 0)
                        return r;
                json_array_foreach(answer.json, i, element) if (n++ < limit)
                        each(element, userdata);
                memcpy(next, answer.next, sizeof(next));
        } while (*next && n < limit);
        return 0;
}

static void print_element(const json_t *element, void *userdata)
{
        _cleanup_free_ char *text = json_dumps(element, JSON_INDENT(2) | JSON_ENCODE_ANY);
        bool *is_first = userdata;

        (void)printf("%s\n%s", *is_first ? "" : ",", text ? text : "null");
        *is_first = false;
}

int client_print_pages(const struct client_request *request, const char *cursor, uint64_t limit,
                       struct swb_error *err)
{
        bool is_first = true;
        int r;

        (void)printf("[");
        r = client_each(request, cursor, limit, print_element, &is_first, err);
        (void)printf("\n]\n");
        if (r >= 0 && fflush(stdout) != 0)
                return swb_fail_errno(err, errno, "write to standard output");
        return r;
}

/* --- bodies --- */

static int set(json_t *body, const char *name, json_t *value, struct swb_error *err)
{
        if (!value)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' is not UTF-8", name);
        return json_object_set_new(body, name, value) < 0 ? swb_oom(err) : 0;
}

int client_set_text(json_t *body, const char *name, const char *value, struct swb_error *err)
{
        return value ? set(body, name, json_string(value), err) : 0;
}

int client_set_number(json_t *body, const char *name, uint64_t value, struct swb_error *err)
{
        if (value == CLIENT_UNSET)
                return 0;
        if (value > INT64_MAX)
                return swb_fail(err, -ERANGE, SWB_FAULT_USAGE, "'%s' is too large", name);
        return set(body, name, json_integer((json_int_t)value), err);
}

int client_set_texts(json_t *body, const char *name, const struct swb_opt_list *list,
                     struct swb_error *err)
{
        json_t *array = json_array();
        int r = 0;

        if (!array)
                return swb_oom(err);
        for (size_t i = 0; r == 0 && i < list->n; i++)
                r = json_array_append_new(array, json_string(list->items[i]));
        if (r < 0) {
                json_decref(array);
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' is not UTF-8", name);
        }
        return list->n > 0 ? set(body, name, array, err) : (json_decref(array), 0);
}

/* --- what came --- */

const char *client_text(const json_t *object, const char *name)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text ? text : "";
}

const char *client_text_or(const json_t *object, const char *name, const char *none)
{
        const char *text = client_text(object, name);

        return *text ? text : none;
}

uint64_t client_number(const json_t *object, const char *name)
{
        return (uint64_t)json_integer_value(json_object_get(object, name));
}

bool client_bool(const json_t *object, const char *name)
{
        return json_is_true(json_object_get(object, name));
}

int client_print_json(const json_t *json, struct swb_error *err)
{
        _cleanup_free_ char *text = json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY);

        if (!text)
                return swb_oom(err);
        if (printf("%s\n", text) < 0 || fflush(stdout) != 0)
                return swb_fail_errno(err, errno, "write to standard output");
        return SWB_EXIT_OK;
}
