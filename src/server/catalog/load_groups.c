/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/load.h"

#include "server/store/tags.h"

static int add_machine(const char *machineid, void *userdata, struct swb_error *err)
{
        struct swb_load *load = userdata;
        const char **place = swb_load_append(load, sizeof(*place));

        if (place)
                *place = swb_pool_text(load->pool, machineid);
        return place && *place ? 0 : swb_oom(err);
}

int swb_load_tagged(const struct swb_load *outer, int64_t app, const char *tag,
                    struct swb_catalog_list *ret, struct swb_error *err)
{
        _cleanup_(swb_load_done) struct swb_load load = {.db = outer->db, .pool = outer->pool};
        int r = swb_tagged_list(load.db, app, tag, add_machine, &load, err);

        return r < 0 ? r : swb_load_settle(&load, sizeof(const char *), &ret->texts, &ret->n, err);
}

static int load_tagged(const struct swb_load *outer, struct swb_catalog_group *group,
                       struct swb_error *err)
{
        struct swb_catalog_list list;
        int r;

        if (!*group->tag)
                return 0;
        r = swb_load_tagged(outer, outer->app, group->tag, &list, err);
        if (r < 0)
                return r;
        group->tagged = list.texts;
        group->n_tagged = list.n;
        return 0;
}

static int add_group(const struct swb_group *row, void *userdata, struct swb_error *err)
{
        struct swb_load *load = userdata;
        _cleanup_(swb_load_done) struct swb_load machines = {.db = load->db, .pool = load->pool};
        struct swb_catalog_group *group = swb_load_append(load, sizeof(*group));
        struct swb_load_text texts[] = {{&group->name, row->name},
                                        {&group->channel, row->channel},
                                        {&group->hardware_class, row->hardware_class},
                                        {&group->board, row->board},
                                        {&group->track, row->track},
                                        {&group->pin, row->pin},
                                        {&group->versions, row->versions},
                                        {&group->tag, row->tag}};
        int r;

        if (!group)
                return swb_oom(err);
        group->position = row->position;
        group->has_machines = row->has_machines;
        group->zone = swb_load_zone(load->catalog, row->time_zone);
        r = swb_load_keep(load, texts, SWB_ELEMENTS(texts), err);
        if (r >= 0)
                r = swb_group_machine_list(load->db, row->id, add_machine, &machines, err);
        if (r >= 0)
                r = swb_load_settle(&machines, sizeof(const char *), &group->machines,
                                    &group->n_machines, err);
        return r < 0 ? r : load_tagged(load, group, err);
}

int swb_load_groups(const struct swb_load *outer, struct swb_catalog_app *app,
                    struct swb_error *err)
{
        _cleanup_(swb_load_done) struct swb_load load = {
                .db = outer->db, .pool = outer->pool, .catalog = outer->catalog, .app = app->id};
        int r;

        r = swb_group_list(load.db, app->id, add_group, &load, err);
        if (r < 0)
                return r;
        return swb_load_settle(&load, sizeof(struct swb_catalog_group), &app->groups,
                               &app->n_groups, err);
}
