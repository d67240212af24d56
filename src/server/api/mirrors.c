/* SPDX-License-Identifier: Apache-2.0 */
/* Where payloads are nearer to some devices. */
#include "server/store/mirrors.h"
#include "server/api/internal.h"

static void write_mirror(struct swb_json *json, const struct swb_mirror_rule *rule)
{
        swb_json_open_object(json, NULL);
        swb_json_str(json, "name", rule->name);
        swb_json_i64(json, "position", rule->position);
        swb_json_str(json, "kind", swb_mirror_kind_to_string(rule->kind));
        swb_json_str(json, "value", rule->value);
        swb_json_str(json, "url", rule->url);
        swb_json_close_object(json);
}

static int add_mirror(const struct swb_mirror_rule *rule, void *userdata, struct swb_error *err)
{
        (void)err;
        write_mirror(userdata, rule);
        return 0;
}

static int list_mirrors(struct swb_api_call *call, struct swb_error *err)
{
        int r;

        swb_json_open_array(&call->json, NULL);
        r = swb_mirror_list(call->db, add_mirror, &call->json, err);
        swb_json_close_array(&call->json);
        return r;
}

static int describe(struct swb_api_call *call, struct swb_json *json, struct swb_error *err)
{
        struct swb_mirror_rule rule;
        int r = swb_mirror_find(call->db, call->args[0], &rule, err);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        write_mirror(json, &rule);
        return 1;
}

static int show(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_mirror_rule rule;
        int r = swb_mirror_find(call->db, call->args[0], &rule, err);

        if (r >= 0)
                write_mirror(&call->json, &rule);
        return r;
}

static int read_rule(const struct swb_api_call *call, struct swb_mirror_rule *rule,
                     struct swb_error *err)
{
        uint64_t position = 0;
        const char *kind = NULL;
        int r;

        r = swb_api_text(call, "kind", &kind, err);
        if (r >= 0 && kind)
                rule->kind = swb_mirror_kind_from_string(kind);
        if (r >= 0)
                r = swb_api_copy(call, "value", rule->value, sizeof(rule->value), err);
        if (r >= 0)
                r = swb_api_copy(call, "url", rule->url, sizeof(rule->url), err);
        if (r >= 0)
                r = swb_api_u64(call, "position", &position, err);
        rule->position = (int64_t)SWB_MIN(position, (uint64_t)INT32_MAX);
        return r;
}

/* What is not named stays as it is in one that exists. */
static int put(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_mirror_rule rule = {.kind = _SWB_MIRROR_INVALID};
        struct swb_error absent = SWB_ERROR_INIT;
        bool is_new = swb_mirror_find(call->db, call->args[0], &rule, &absent) < 0;
        int r;

        r = swb_api_only(call, "kind value url position", err);
        if (r >= 0)
                r = swb_name_check("mirror", call->args[0], err);
        if (r >= 0)
                r = read_rule(call, &rule, err);
        if (r < 0)
                return r;
        swb_copy_bounded(rule.name, call->args[0], SWB_NAME_MAX);
        r = swb_mirror_put(call->db, &rule, err);
        if (is_new)
                call->status = 201;
        return r < 0 ? r : show(call, err);
}

static int removal(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_mirror_rule rule;
        int r = swb_mirror_find(call->db, call->args[0], &rule, err);

        return r < 0 ? r : swb_mirror_remove(call->db, &rule, err);
}

const struct swb_api_route swb_api_mirror_routes[] = {
        {"GET", "mirrors", SWB_SCOPE_READ, list_mirrors, NULL, NULL, SWB_API_NO_APP},
        {"GET", "mirrors/{mirror}", SWB_SCOPE_READ, show, describe, NULL, SWB_API_NO_APP},
        {"PUT", "mirrors/{mirror}", SWB_SCOPE_ADMIN, put, describe, "mirror.set",
         SWB_API_NO_APP | SWB_API_CATALOG},
        {"DELETE", "mirrors/{mirror}", SWB_SCOPE_ADMIN, removal, describe, "mirror.remove",
         SWB_API_NO_APP | SWB_API_CATALOG | SWB_API_NO_BODY},
        {0},
};
