/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/mirrors.h"

#include "base/text.h"
#include "server/select/network.h"

#define SELECT "SELECT id, name, position, kind, value, url FROM mirrors"

static const char *const kinds[] = {
        [SWB_MIRROR_NETWORK] = "network",
        [SWB_MIRROR_GROUP] = "group",
        [SWB_MIRROR_TAG] = "tag",
        [SWB_MIRROR_HARDWARE_CLASS] = "hardware_class",
};

const char *swb_mirror_kind_to_string(enum swb_mirror_kind kind)
{
        return kind >= 0 && kind < _SWB_MIRROR_MAX ? kinds[kind] : "unknown";
}

enum swb_mirror_kind swb_mirror_kind_from_string(const char *name)
{
        for (int i = 0; i < _SWB_MIRROR_MAX; i++)
                if (strcmp(name, kinds[i]) == 0)
                        return (enum swb_mirror_kind)i;
        return _SWB_MIRROR_INVALID;
}

static void read_row(const struct swb_query *q, struct swb_mirror_rule *rule)
{
        *rule = (struct swb_mirror_rule){.id = swb_query_i64(q, 0),
                                         .position = swb_query_i64(q, 2),
                                         .kind = swb_mirror_kind_from_string(swb_query_text(q, 3))};
        swb_copy_bounded(rule->name, swb_query_text(q, 1), SWB_NAME_MAX);
        swb_copy_bounded(rule->value, swb_query_text(q, 4), sizeof(rule->value) - 1);
        swb_copy_bounded(rule->url, swb_query_text(q, 5), SWB_MIRROR_URL_MAX);
}

static int check_value(const struct swb_mirror_rule *rule, struct swb_error *err)
{
        struct swb_network network;

        switch (rule->kind) {
        case SWB_MIRROR_NETWORK:
                return swb_network_parse(rule->value, &network, err);
        case SWB_MIRROR_GROUP:
                return swb_name_check("group", rule->value, err);
        case SWB_MIRROR_TAG:
                return swb_name_check("tag", rule->value, err);
        case SWB_MIRROR_HARDWARE_CLASS:
                if (*rule->value)
                        return 0;
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "a hardware class has a name");
        case _SWB_MIRROR_MAX:
        case _SWB_MIRROR_INVALID:
        default:
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "say for which devices: network, group, tag or hardware_class");
        }
}

static int check(struct swb_db *db, const struct swb_mirror_rule *rule, struct swb_error *err)
{
        const char *url = rule->url;
        int64_t n = 0;
        int r;

        r = swb_name_check("mirror", rule->name, err);
        if (r >= 0)
                r = check_value(rule, err);
        if (r >= 0)
                r = swb_db_number(db, "SELECT count(*) FROM mirrors", &n, err);
        if (r < 0)
                return r;
        if (n >= SWB_MIRROR_RULES_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "there are %d mirrors already",
                                SWB_MIRROR_RULES_MAX);
        for (const char *c = url; *c; c++)
                if (*c <= ' ' || *c > '~' || *c == '"' || *c == '<' || *c == '>')
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "'url': '%.80s' has a character that no URL has", url);
        if (swb_starts_with(url, "http://") || swb_starts_with(url, "https://"))
                return 0;
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                        "'url': '%.80s' does not begin with http:// or https://", url);
}

int swb_mirror_put(struct swb_db *db, const struct swb_mirror_rule *rule, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r = check(db, rule, err);

        if (r >= 0)
                r = swb_query_init(&q, db,
                                   "INSERT INTO mirrors (name, position, kind, value, url) VALUES"
                                   " (?1, CASE ?2 WHEN 0 THEN (SELECT 1 + coalesce(max(position),"
                                   " 0) FROM mirrors) ELSE ?2 END, ?3, ?4, ?5) ON CONFLICT (name)"
                                   " DO UPDATE SET position = CASE ?2 WHEN 0 THEN mirrors.position"
                                   " ELSE ?2 END, kind = ?3, value = ?4, url = ?5",
                                   err);
        if (r < 0)
                return r;
        swb_query_bind_text(&q, rule->name);
        swb_query_bind_i64(&q, rule->position);
        swb_query_bind_text(&q, swb_mirror_kind_to_string(rule->kind));
        swb_query_bind_text(&q, rule->value);
        swb_query_bind_text(&q, rule->url);
        return swb_query_run(&q, err);
}

int swb_mirror_find(struct swb_db *db, const char *name, struct swb_mirror_rule *ret,
                    struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r = swb_query_init(&q, db, SELECT " WHERE name = ?", err);

        if (r < 0)
                return r;
        swb_query_bind_text(&q, name);
        r = swb_query_step(&q, err);
        if (r < 0)
                return r;
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "there is no mirror '%.80s'",
                                name);
        read_row(&q, ret);
        return 0;
}

int swb_mirror_remove(struct swb_db *db, const struct swb_mirror_rule *rule, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r = swb_query_init(&q, db, "DELETE FROM mirrors WHERE id = ?", err);

        if (r < 0)
                return r;
        swb_query_bind_i64(&q, rule->id);
        return swb_query_run(&q, err);
}

int swb_mirror_list(struct swb_db *db,
                    int (*each)(const struct swb_mirror_rule *rule, void *userdata,
                                struct swb_error *err),
                    void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_mirror_rule rule;
        int r = swb_query_init(&q, db, SELECT " ORDER BY position, id", err);

        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                read_row(&q, &rule);
                r = each(&rule, userdata, err);
        }
        return r;
}
