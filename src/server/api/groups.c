/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of devices. */
#include "server/store/groups.h"
#include "server/api/internal.h"
#include "server/report/report.h"
#include "server/rollout/zone.h"
#include "server/select/select.h"
#include "server/store/fleet.h"
#include "server/store/tags.h"

struct page {
        struct swb_api_call *call;
        uint64_t n;
        int64_t last;
};

static int add_group(const struct swb_group *group, void *userdata, struct swb_error *err)
{
        struct page *page = userdata;

        page->n++;
        page->last = group->id;
        return swb_json_group(&page->call->json, page->call->db, group, err);
}

static int list_groups(struct swb_api_call *call, struct swb_error *err)
{
        struct page page = {.call = call};
        struct swb_group place;
        uint64_t limit, after;
        int r;

        r = swb_api_limit(call, &limit, err);
        if (r >= 0)
                r = swb_api_query_u64(call, "after", 0, &after, err);
        if (r >= 0 && after != 0) {
                r = swb_group_find_id(call->db, call->app.id, (int64_t)after, &place, err);
                if (r == 0)
                        r = swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                     "the group that this page comes after is gone: begin again "
                                     "without 'after'");
        }
        if (r < 0)
                return r;
        swb_json_open_array(&call->json, NULL);
        r = swb_group_page(call->db, call->app.id, after ? &place : NULL, limit, add_group, &page,
                           err);
        swb_json_close_array(&call->json);
        swb_api_set_next(call, page.n == limit ? page.last : 0);
        return r;
}

static int find(struct swb_api_call *call, struct swb_group *group, struct swb_error *err)
{
        return swb_group_find(call->db, call->app.id, call->args[0], group, err);
}

static int show(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_group group;
        int r = find(call, &group, err);

        return r < 0 ? r : swb_json_group(&call->json, call->db, &group, err);
}

static int describe(struct swb_api_call *call, struct swb_json *json, struct swb_error *err)
{
        struct swb_group group;
        int r = find(call, &group, err);

        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = swb_json_group(json, call->db, &group, err);
        return r < 0 ? r : 1;
}

#define GROUP_MEMBERS                                                                              \
        "channel hardware_class board track pin time_zone position only_machines machines "        \
        "add_machines remove_machines versions tag"

static int read_zone(const struct swb_api_call *call, struct swb_group *group,
                     struct swb_error *err)
{
        _cleanup_(swb_zone_freep) struct swb_zone *zone = NULL;
        int r;

        r = swb_api_copy(call, "time_zone", group->time_zone, sizeof(group->time_zone), err);
        if (r >= 0)
                r = swb_zone_load(group->time_zone, &zone, err);
        return r < 0 ? swb_wrap(err, r, "'time_zone'") : 0;
}

/* A channel that is null: no updates. */
static int read_channel(const struct swb_api_call *call, struct swb_group *group, bool is_new,
                        struct swb_error *err)
{
        const json_t *channel = json_object_get(call->body, "channel");

        if (!channel && is_new)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "a new group needs a 'channel': a name, or null for no updates");
        if (json_is_null(channel))
                group->channel[0] = '\0';
        return swb_api_copy(call, "channel", group->channel, sizeof(group->channel), err);
}

static int read_rules(const struct swb_api_call *call, struct swb_group *group,
                      struct swb_error *err)
{
        const struct {
                const char *name;
                char *rule;
                size_t size;
        } rules[] = {{"hardware_class", group->hardware_class, sizeof(group->hardware_class)},
                     {"board", group->board, sizeof(group->board)},
                     {"track", group->track, sizeof(group->track)},
                     {"pin", group->pin, sizeof(group->pin)},
                     {"versions", group->versions, sizeof(group->versions)},
                     {"tag", group->tag, sizeof(group->tag)}};
        uint64_t position = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < SWB_ELEMENTS(rules); i++)
                r = swb_api_copy(call, rules[i].name, rules[i].rule, rules[i].size, err);
        if (r >= 0)
                r = swb_api_u64(call, "position", &position, err);
        if (r >= 0)
                r = read_zone(call, group, err);
        group->position = (int64_t)SWB_MIN(position, (uint64_t)INT32_MAX);
        return r;
}

/* --- machines --- */

static int change_machines(struct swb_api_call *call, int64_t group, const char *member,
                           int (*change)(struct swb_db *db, int64_t group, const char *machineid,
                                         struct swb_error *err),
                           struct swb_error *err)
{
        json_t *list;
        int r = swb_api_texts(call, member, &list, err);

        for (size_t i = 0; r >= 0 && i < json_array_size(list); i++)
                r = change(call->db, group, json_string_value(json_array_get(list, i)), err);
        return r < 0 ? swb_wrap(err, r, "'%s'", member) : 0;
}

/* "machines" is the whole list; the others change it. */
static int set_machines(struct swb_api_call *call, int64_t group, struct swb_error *err)
{
        int r = 0;

        if (json_object_get(call->body, "machines"))
                r = swb_group_clear_machines(call->db, group, err);
        if (r >= 0)
                r = change_machines(call, group, "machines", swb_group_add_machine, err);
        if (r >= 0)
                r = change_machines(call, group, "add_machines", swb_group_add_machine, err);
        if (r >= 0)
                r = change_machines(call, group, "remove_machines", swb_group_remove_machine, err);
        return r;
}

/* --- change --- */

/* What is not named stays as it is in a group that exists. */
static int put(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_error absent = SWB_ERROR_INIT;
        struct swb_group group = {0};
        bool is_new = find(call, &group, &absent) < 0;
        int r;

        r = swb_api_only(call, GROUP_MEMBERS, err);
        if (r >= 0)
                r = swb_name_check("group", call->args[0], err);
        if (r >= 0)
                r = read_channel(call, &group, is_new, err);
        if (r >= 0)
                r = read_rules(call, &group, err);
        if (r < 0)
                return r;
        swb_copy_bounded(group.name, call->args[0], SWB_NAME_MAX);
        if (json_object_get(call->body, "machines") || json_object_get(call->body, "add_machines"))
                group.has_machines = true;
        r = swb_api_bool(call, "only_machines", &group.has_machines, err);
        if (r >= 0)
                r = swb_group_put(call->db, call->app.id, &group, err);
        if (r >= 0)
                r = set_machines(call, group.id, err);
        if (is_new)
                call->status = 201;
        return r < 0 ? r : show(call, err);
}

static int removal(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_group group;
        int r = find(call, &group, err);

        return r < 0 ? r : swb_group_remove(call->db, &group, err);
}

/* --- what it would be --- */

#define EXAMPLES_MAX 5

/* A group that is not there yet, and the devices that fit it. */
struct preview {
        struct swb_group rules;
        struct swb_catalog_group group;
        struct swb_catalog *catalog;
        const struct swb_catalog_app *app; /* NULL: the catalog does not have it yet */
        const char **tagged;               /* owned, with its texts */
        size_t n_tagged;
        uint64_t n_devices, n_matching, n_taken;
        char examples[EXAMPLES_MAX][SWB_MACHINEID_MAX + 1];
};

static struct preview *preview_free(struct preview *preview)
{
        if (preview) {
                for (size_t i = 0; i < preview->n_tagged; i++)
                        free((char *)(uintptr_t)preview->tagged[i]);
                free(preview->tagged);
                free(preview->group.machines);
                (void)swb_catalog_unref(preview->catalog);
        }
        free(preview);
        return NULL;
}
SWB_DEFINE_CLEANUP(struct preview *, preview_free)

static int compare_texts(const void *a, const void *b)
{
        const char *const *left = a, *const *right = b;

        return strcmp(*left, *right);
}

/* Borrows them from the body. */
static int read_machines(const struct swb_api_call *call, struct preview *preview,
                         struct swb_error *err)
{
        struct swb_catalog_group *group = &preview->group;
        json_t *list;
        int r = swb_api_texts(call, "machines", &list, err);

        group->has_machines = list != NULL;
        if (r >= 0)
                r = swb_api_bool(call, "only_machines", &group->has_machines, err);
        if (r < 0 || json_array_size(list) == 0)
                return r;
        group->machines = calloc(json_array_size(list), sizeof(*group->machines));
        if (!group->machines)
                return swb_oom(err);
        for (; group->n_machines < json_array_size(list); group->n_machines++)
                group->machines[group->n_machines] =
                        json_string_value(json_array_get(list, group->n_machines));
        qsort(group->machines, group->n_machines, sizeof(*group->machines), compare_texts);
        return 0;
}

static int add_tagged(const char *machineid, void *userdata, struct swb_error *err)
{
        struct preview *preview = userdata;
        void *grown =
                reallocarray(preview->tagged, preview->n_tagged + 1, sizeof(*preview->tagged));

        if (!grown)
                return swb_oom(err);
        preview->tagged = grown;
        preview->tagged[preview->n_tagged] = strdup(machineid);
        return preview->tagged[preview->n_tagged] ? (preview->n_tagged++, 0) : swb_oom(err);
}

static int read_preview(struct swb_api_call *call, struct preview *preview, struct swb_error *err)
{
        const struct swb_group *rules = &preview->rules;
        int r;

        r = swb_api_only(call, "name " GROUP_MEMBERS, err);
        if (r >= 0)
                r = read_rules(call, &preview->rules, err);
        if (r >= 0)
                r = swb_versions_check(rules->versions, err);
        if (r >= 0)
                r = read_machines(call, preview, err);
        if (r >= 0)
                r = swb_catalog_load(call->db, &preview->catalog, err);
        if (r < 0)
                return r;
        preview->app = swb_catalog_app(preview->catalog, call->app.appid);
        preview->group.hardware_class = rules->hardware_class;
        preview->group.board = rules->board;
        preview->group.track = rules->track;
        preview->group.versions = rules->versions;
        preview->group.tag = rules->tag;
        return 0;
}

/* Would a group that is asked before this one have the device? */
static bool is_taken(const struct preview *preview, const struct swb_omaha_app *words,
                     const char *machineid)
{
        for (size_t i = 0; preview->app && i < preview->app->n_groups; i++) {
                const struct swb_catalog_group *other = &preview->app->groups[i];

                if ((preview->rules.position == 0 || other->position < preview->rules.position) &&
                    strcmp(other->name, preview->rules.name) != 0 &&
                    swb_group_fits(other, words, machineid))
                        return true;
        }
        return false;
}

static int look_at(const char *appid, const struct swb_device *device, void *userdata,
                   struct swb_error *err)
{
        struct preview *preview = userdata;
        const struct swb_omaha_app words = {.appid = appid,
                                            .version = device->version,
                                            .track = device->channel,
                                            .board = device->board,
                                            .hardware_class = device->hardware_class};

        (void)err;
        preview->n_devices++;
        if (!swb_group_fits(&preview->group, &words, device->machineid))
                return 0;
        if (preview->n_matching < EXAMPLES_MAX)
                memcpy(preview->examples[preview->n_matching], device->machineid,
                       sizeof(device->machineid));
        preview->n_matching++;
        preview->n_taken += is_taken(preview, &words, device->machineid);
        return 0;
}

static void write_preview(struct swb_json *json, const struct preview *preview)
{
        swb_json_open_object(json, NULL);
        swb_json_u64(json, "devices", preview->n_devices);
        swb_json_u64(json, "matching", preview->n_matching);
        swb_json_u64(json, "taken_by_earlier_groups", preview->n_taken);
        swb_json_open_array(json, "examples");
        for (size_t i = 0; i < SWB_MIN(preview->n_matching, (uint64_t)EXAMPLES_MAX); i++)
                swb_json_str(json, NULL, preview->examples[i]);
        swb_json_close_array(json);
        swb_json_close_object(json);
}

/* The position that it has, unless another one is asked for. */
static int find_position(struct swb_api_call *call, struct preview *preview, struct swb_error *err)
{
        struct swb_error absent = SWB_ERROR_INIT;
        struct swb_group there;
        int r = swb_api_copy(call, "name", preview->rules.name, sizeof(preview->rules.name), err);

        if (r < 0 || preview->rules.position != 0)
                return r;
        if (swb_group_find(call->db, call->app.id, preview->rules.name, &there, &absent) >= 0)
                preview->rules.position = there.position;
        return 0;
}

/* Changes nothing, and keeps no writer waiting. */
static int show_preview(struct swb_api_call *call, struct swb_error *err)
{
        _cleanup_(preview_freep) struct preview *preview = calloc(1, sizeof(*preview));
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        int r;

        if (!preview)
                return swb_oom(err);
        r = read_preview(call, preview, err);
        if (r >= 0)
                r = swb_transaction_begin_read(&t, call->db, err);
        if (r >= 0)
                r = find_position(call, preview, err);
        if (r >= 0 && *preview->rules.tag)
                r = swb_tagged_list(call->db, call->app.id, preview->rules.tag, add_tagged, preview,
                                    err);
        preview->group.tagged = preview->tagged;
        preview->group.n_tagged = preview->n_tagged;
        if (r >= 0)
                r = swb_device_list(call->db, call->app.id, UINT64_MAX, look_at, preview, err);
        if (r >= 0)
                write_preview(&call->json, preview);
        return SWB_MIN(r, 0);
}

const struct swb_api_route swb_api_group_routes[] = {
        {"GET", "groups", SWB_SCOPE_READ, list_groups, NULL, NULL, 0},
        {"GET", "groups/{group}", SWB_SCOPE_READ, show, describe, NULL, 0},
        {"POST", "group-preview", SWB_SCOPE_DEPLOY, show_preview, NULL, NULL, SWB_API_SELF},
        {"PUT", "groups/{group}", SWB_SCOPE_DEPLOY, put, describe, "group.set", SWB_API_CATALOG},
        {"DELETE", "groups/{group}", SWB_SCOPE_DEPLOY, removal, describe, "group.remove",
         SWB_API_CATALOG | SWB_API_NO_BODY},
        {0},
};
