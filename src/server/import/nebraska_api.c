/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "os/http.h"
#include "server/import/nebraska.h"

#define PER_PAGE 100
#define PAGES_MAX (SWB_NEBRASKA_OBJECTS_MAX / PER_PAGE)

struct api {
        struct swb_nebraska *n;
        struct swb_http *http;
        const char *base; /* without slashes at its end */
        int n_base;
        const char *token_header;
};

/* One page of a list. ret_more: elements that it had, 0 behind the last one. */
static int get_page(struct api *api, const char *path, const char *list, unsigned page,
                    size_t *ret_more, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf answer = SWB_BUF_INIT(SWB_NEBRASKA_TEXT_MAX_BYTES);
        const char *const headers[] = {"Accept: application/json", api->token_header, NULL};
        _cleanup_free_ char *url = NULL;
        struct swb_http_status status;
        json_t *root;
        int r;

        if (asprintf(&url, "%.*s/api/apps%s?page=%u&perpage=%d", api->n_base, api->base, path, page,
                     PER_PAGE) < 0) {
                url = NULL;
                return swb_oom(err);
        }
        r = swb_http_request(api->http, "GET", url, headers, NULL, 0, &answer, &status, err);
        if (r >= 0 && status.status != 200)
                r = swb_fail(err, -EPROTO,
                             status.status == 401 || status.status == 403 ? SWB_FAULT_DENIED
                                                                          : SWB_FAULT_HTTP,
                             "status %u%s", status.status,
                             status.status == 401 ? ": give a token with --token-file" : "");
        if (r >= 0)
                r = swb_nebraska_add(api->n, (const char *)answer.data, answer.n_bytes, err);
        if (r < 0)
                return swb_wrap(err, r, "%s", url);
        root = json_loadb((const char *)answer.data, answer.n_bytes, 0, NULL);
        *ret_more = json_array_size(json_object_get(root, list));
        json_decref(root);
        return 0;
}

static int get_list(struct api *api, const char *path, const char *list, struct swb_error *err)
{
        size_t n = PER_PAGE;
        int r = 0;

        for (unsigned page = 1; r >= 0 && n >= PER_PAGE; page++) {
                if (page > PAGES_MAX)
                        return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "more than %d pages",
                                        PAGES_MAX);
                r = get_page(api, path, list, page, &n, err);
        }
        return r;
}

int swb_nebraska_fetch(struct swb_nebraska *n, const char *url, const char *token_header,
                       const char *ca_file, struct swb_error *err)
{
        const struct swb_http_config config = {.ca_file = ca_file};
        _cleanup_(swb_http_freep) struct swb_http *http = NULL;
        struct api api = {
                .n = n, .base = url, .n_base = (int)strlen(url), .token_header = token_header};
        const char *id;
        json_t *app;
        int r;

        while (api.n_base > 0 && url[api.n_base - 1] == '/')
                api.n_base--;
        r = swb_http_new(&config, &http, err);
        if (r < 0)
                return r;
        api.http = http;
        r = get_list(&api, "", "applications", err);
        json_object_foreach(n->apps, id, app)
        {
                char path[128];

                if (r < 0)
                        return r;
                if (strspn(id, "0123456789abcdefABCDEF-") != strlen(id) || strlen(id) > 64)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "an application's id is no UUID: '%.80s'", id);
                (void)snprintf(path, sizeof(path), "/%s/packages", id);
                r = get_list(&api, path, "packages", err);
        }
        return r;
}
