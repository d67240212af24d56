/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/remote.h"

#include "bin/swb-server/server.h"
#include "os/file.h"
#include "os/http.h"

#define TOKEN_FILE_MAX_BYTES 4096

void client_reply_done(struct client_reply *reply)
{
        swb_buf_done(&reply->body);
}

int remote_token_header(char **ret, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf file = SWB_BUF_INIT(TOKEN_FILE_MAX_BYTES);
        int r;

        *ret = NULL;
        if (!server_options.token_file)
                return 0;
        r = swb_read_file(server_options.token_file, &file, err);
        if (r >= 0 && swb_buf_append(&file, "", 1) < 0)
                r = swb_oom(err);
        if (r < 0)
                return r;
        file.data[strcspn((char *)file.data, " \t\r\n")] = '\0';
        if (!*file.data)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "'%s' holds no token",
                                server_options.token_file);
        if (asprintf(ret, "Authorization: Bearer %s", (char *)file.data) < 0) {
                *ret = NULL;
                return swb_oom(err);
        }
        return 0;
}

static int make_url(const struct client_request *request, char **ret, struct swb_error *err)
{
        _cleanup_free_ char *query = NULL;
        const char *base = server_options.server;
        size_t n = strlen(base);
        int r = 0;

        if (request->query && !(query = strdup(request->query)))
                return swb_oom(err);
        if (request->app)
                r = client_add_query(&query, "app", request->app, err);
        if (r < 0)
                return r;
        while (n > 0 && base[n - 1] == '/')
                n--;
        if (asprintf(ret, "%.*s/api/v1/%s%s%s", (int)n, base, request->path, query ? "?" : "",
                     query ? query : "") < 0) {
                *ret = NULL;
                return swb_oom(err);
        }
        return 0;
}

static void copy_header(struct swb_http *http, const char *name, char *to, size_t n)
{
        const char *value = swb_http_answer_header(http, name);

        (void)snprintf(to, n, "%s", value ? value : "");
}

int remote_call(const struct client_request *request, const char *body, struct client_reply *ret,
                struct swb_error *err)
{
        const struct swb_http_config config = {.ca_file = server_options.ca_file};
        _cleanup_(swb_http_freep) struct swb_http *http = NULL;
        _cleanup_free_ char *token = NULL, *url = NULL, *if_match = NULL;
        const char *headers[4] = {"Content-Type: application/json"};
        struct swb_http_status status;
        size_t n = 1;
        int r;

        r = remote_token_header(&token, err);
        if (r >= 0)
                r = make_url(request, &url, err);
        if (r >= 0)
                r = swb_http_new(&config, &http, err);
        if (r < 0)
                return r;
        if (token)
                headers[n++] = token;
        if (request->if_match && asprintf(&if_match, "If-Match: %s", request->if_match) < 0)
                if_match = NULL;
        if (if_match)
                headers[n++] = if_match;
        if (request->bytes)
                headers[0] = "Content-Type: application/octet-stream";
        r = swb_http_request(http, request->method, url, headers,
                             request->bytes ? request->bytes : body,
                             request->bytes ? request->n_bytes
                             : body         ? strlen(body)
                                            : 0,
                             &ret->body, &status, err);
        if (r < 0)
                return r;
        ret->status = status.status;
        copy_header(http, "X-Next-Cursor", ret->next, sizeof(ret->next));
        copy_header(http, "ETag", ret->etag, sizeof(ret->etag));
        return 0;
}
