/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in a request's query and body. */
#include <inttypes.h>

#include "base/text.h"
#include "server/api/internal.h"

#define LIMIT_DEFAULT 200
#define LIMIT_MAX 5000

const char *swb_api_query(const struct swb_api_call *call, const char *name)
{
        for (size_t i = 0; i < call->request->n_query; i++)
                if (strcmp(call->request->query[i].name, name) == 0)
                        return call->request->query[i].value;
        return NULL;
}

int swb_api_query_u64(const struct swb_api_call *call, const char *name, uint64_t absent,
                      uint64_t *ret, struct swb_error *err)
{
        const char *text = swb_api_query(call, name);
        uint64_t n = absent;

        if (text && (swb_parse_u64(text, &n) < 0 || n > INT64_MAX))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "query '%s': '%.40s' is not a number", name, text);
        *ret = n;
        return 0;
}

int swb_api_query_bool(const struct swb_api_call *call, const char *name, bool *ret,
                       struct swb_error *err)
{
        const char *text = swb_api_query(call, name);

        if (text && swb_parse_bool(text, ret) < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "query '%s': '%.40s' is not true or false", name, text);
        return 0;
}

int swb_api_limit(const struct swb_api_call *call, uint64_t *ret, struct swb_error *err)
{
        int r = swb_api_query_u64(call, "limit", LIMIT_DEFAULT, ret, err);

        *ret = r < 0 ? 0 : SWB_MAX(SWB_MIN(*ret, (uint64_t)LIMIT_MAX), 1u);
        return r;
}

int swb_api_page(const struct swb_api_call *call, int64_t *ret_before, uint64_t *ret_limit,
                 struct swb_error *err)
{
        uint64_t before;
        int r = swb_api_limit(call, ret_limit, err);

        if (r >= 0)
                r = swb_api_query_u64(call, "before", 0, &before, err);
        if (r >= 0)
                *ret_before = (int64_t)before;
        return r;
}

void swb_api_set_next(struct swb_api_call *call, int64_t next)
{
        if (next > 0)
                (void)snprintf(call->answer->next, sizeof(call->answer->next), "%" PRId64, next);
}

static int wrong(const char *name, const char *wanted, struct swb_error *err)
{
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' is not %s", name, wanted);
}

/* NULL: absent or null. */
static json_t *member(const struct swb_api_call *call, const char *name)
{
        json_t *value = json_object_get(call->body, name);

        return json_is_null(value) ? NULL : value;
}

int swb_api_text(const struct swb_api_call *call, const char *name, const char **ret,
                 struct swb_error *err)
{
        const json_t *value = member(call, name);

        if (!value)
                return 0;
        if (!json_is_string(value))
                return wrong(name, "a text", err);
        *ret = json_string_value(value);
        return 0;
}

int swb_api_need(const struct swb_api_call *call, const char *name, const char **ret,
                 struct swb_error *err)
{
        const char *text = NULL;
        int r = swb_api_text(call, name, &text, err);

        if (r < 0)
                return r;
        if (!text)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' is missing", name);
        *ret = text;
        return 0;
}

int swb_api_copy(const struct swb_api_call *call, const char *name, char *to, size_t n,
                 struct swb_error *err)
{
        const char *text = NULL;
        int r = swb_api_text(call, name, &text, err);

        if (r < 0 || !text)
                return r;
        if (strlen(text) >= n)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' is longer than %zu bytes",
                                name, n - 1);
        swb_copy_bounded(to, text, n - 1);
        return 0;
}

int swb_api_u64(const struct swb_api_call *call, const char *name, uint64_t *ret,
                struct swb_error *err)
{
        const json_t *value = member(call, name);

        if (!value)
                return 0;
        if (!json_is_integer(value) || json_integer_value(value) < 0)
                return wrong(name, "a whole number, 0 or more", err);
        *ret = (uint64_t)json_integer_value(value);
        return 0;
}

int swb_api_bool(const struct swb_api_call *call, const char *name, bool *ret,
                 struct swb_error *err)
{
        const json_t *value = member(call, name);

        if (!value)
                return 0;
        if (!json_is_boolean(value))
                return wrong(name, "true or false", err);
        *ret = json_is_true(value);
        return 0;
}

int swb_api_texts(const struct swb_api_call *call, const char *name, json_t **ret,
                  struct swb_error *err)
{
        json_t *value = member(call, name), *item;
        size_t i;

        *ret = NULL;
        if (!value)
                return 0;
        if (!json_is_array(value))
                return wrong(name, "a list of texts", err);
        json_array_foreach(value, i, item) if (!json_is_string(item)) return wrong(
                name, "a list of texts", err);
        *ret = value;
        return 0;
}

static bool is_in(const char *name, const char *names)
{
        size_t n = strlen(name);

        for (const char *p = names; (p = strstr(p, name)); p += n)
                if ((p == names || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
                        return n > 0;
        return false;
}

int swb_api_only(const struct swb_api_call *call, const char *names, struct swb_error *err)
{
        const char *name;
        json_t *value;

        json_object_foreach(call->body, name, value) if (!is_in(name, names)) return swb_fail(
                err, -EINVAL, SWB_FAULT_USAGE, "'%.80s' is not known here: there is %s", name,
                names);
        return 0;
}
