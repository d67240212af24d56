/* SPDX-License-Identifier: Apache-2.0 */
#include "server/import/nebraska.h"

#include "base/text.h"

int swb_nebraska_init(struct swb_nebraska *n, struct swb_error *err)
{
        *n = (struct swb_nebraska){json_object(), json_object(), json_object(), json_object()};
        if (n->apps && n->channels && n->groups && n->packages)
                return 0;
        swb_nebraska_done(n);
        return swb_oom(err);
}

void swb_nebraska_done(struct swb_nebraska *n)
{
        json_decref(n->apps);
        json_decref(n->channels);
        json_decref(n->groups);
        json_decref(n->packages);
        *n = (struct swb_nebraska){0};
}

const char *swb_nebraska_text(const json_t *object, const char *name)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text ? text : "";
}

uint64_t swb_nebraska_number(const json_t *object, const char *name)
{
        const json_t *value = json_object_get(object, name);
        uint64_t number = 0;

        if (json_is_integer(value))
                return json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
        return swb_parse_u64(swb_nebraska_text(object, name), &number) < 0 ? 0 : number;
}

bool swb_nebraska_truth(const json_t *object, const char *name)
{
        return json_is_true(json_object_get(object, name)) ||
               strcmp(swb_nebraska_text(object, name), "t") == 0;
}

static int fill_in(json_t *there, json_t *object, struct swb_error *err)
{
        const char *name;
        json_t *value;
        int r = 0;

        json_object_foreach(object, name, value) if (!json_is_null(value) &&
                                                     json_object_set(there, name, value) < 0) r =
                swb_oom(err);
        json_decref(object);
        return r;
}

int swb_nebraska_put(json_t *map, json_t *object, struct swb_error *err)
{
        const char *id = swb_nebraska_text(object, "id");
        json_t *there = json_object_get(map, id);

        if (!*id) {
                json_decref(object);
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "an object has no 'id'");
        }
        if (there)
                return there == object ? (json_decref(object), 0) : fill_in(there, object, err);
        if (json_object_size(map) >= SWB_NEBRASKA_OBJECTS_MAX) {
                json_decref(object);
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "more than %d of a kind",
                                SWB_NEBRASKA_OBJECTS_MAX);
        }
        return json_object_set_new(map, id, object) < 0 ? swb_oom(err) : 0;
}

static int add_channel(struct swb_nebraska *n, json_t *channel, struct swb_error *err)
{
        json_t *package = json_object_get(channel, "package");
        int r = 0;

        if (json_is_object(package))
                r = swb_nebraska_put(n->packages, json_incref(package), err);
        return r < 0 ? r : swb_nebraska_put(n->channels, json_incref(channel), err);
}

static int add_group(struct swb_nebraska *n, json_t *group, struct swb_error *err)
{
        json_t *channel = json_object_get(group, "channel");
        int r = 0;

        if (json_is_object(channel))
                r = add_channel(n, channel, err);
        return r < 0 ? r : swb_nebraska_put(n->groups, json_incref(group), err);
}

static int add_package(struct swb_nebraska *n, json_t *package, struct swb_error *err)
{
        return swb_nebraska_put(n->packages, json_incref(package), err);
}

/* The members of object's array `name`, if it has one. */
static int add_each(struct swb_nebraska *n, const json_t *object, const char *name,
                    int (*add)(struct swb_nebraska *n, json_t *element, struct swb_error *err),
                    struct swb_error *err)
{
        const json_t *list = json_object_get(object, name);
        json_t *element;
        size_t i;
        int r = 0;

        json_array_foreach(list, i, element)
        {
                r = add(n, element, err);
                if (r < 0)
                        return swb_wrap(err, r, "'%s', number %zu", name, i + 1);
        }
        return 0;
}

static int add_parts(struct swb_nebraska *n, const json_t *object, struct swb_error *err)
{
        int r = add_each(n, object, "channels", add_channel, err);

        if (r >= 0)
                r = add_each(n, object, "groups", add_group, err);
        return r < 0 ? r : add_each(n, object, "packages", add_package, err);
}

static int add_app(struct swb_nebraska *n, json_t *app, struct swb_error *err)
{
        int r = add_parts(n, app, err);

        return r < 0 ? r : swb_nebraska_put(n->apps, json_incref(app), err);
}

static bool has_list(const json_t *object, const char *name)
{
        return json_is_array(json_object_get(object, name));
}

/* A page of something, an application, or, in the arrays of older versions, a package. */
static int add_object(struct swb_nebraska *n, json_t *object, struct swb_error *err)
{
        bool has_id = json_object_get(object, "id");

        if (has_list(object, "applications"))
                return add_each(n, object, "applications", add_app, err);
        if (has_id && (has_list(object, "channels") || has_list(object, "groups")))
                return add_app(n, object, err);
        if (has_id && json_object_get(object, "version"))
                return add_package(n, object, err);
        if (has_list(object, "channels") || has_list(object, "groups") ||
            has_list(object, "packages"))
                return add_parts(n, object, err);
        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                        "this JSON is no answer of Nebraska's API: it has neither applications nor "
                        "channels, groups or packages");
}

static int add_json(struct swb_nebraska *n, const char *text, size_t n_bytes, struct swb_error *err)
{
        json_error_t problem;
        json_t *root = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, &problem), *element;
        size_t i;
        int r = 0;

        if (!root)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "line %d: %s", problem.line,
                                problem.text);
        if (json_is_array(root)) {
                json_array_foreach(root, i, element) if (r >= 0) r = add_object(n, element, err);
        } else {
                r = add_object(n, root, err);
        }
        json_decref(root);
        return r;
}

int swb_nebraska_add(struct swb_nebraska *n, const char *text, size_t n_bytes,
                     struct swb_error *err)
{
        size_t i = 0;

        while (i < n_bytes &&
               (text[i] == ' ' || text[i] == '\n' || text[i] == '\r' || text[i] == '\t'))
                i++;
        if (i < n_bytes && (text[i] == '{' || text[i] == '['))
                return add_json(n, text, n_bytes, err);
        return swb_nebraska_add_dump(n, text, n_bytes, err);
}
