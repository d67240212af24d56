/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/load.h"

#include "base/text.h"

/* The zone of this name, loaded once. One that is gone since it was checked is UTC. */
const struct swb_zone *swb_load_zone(struct swb_catalog *catalog, const char *name)
{
        struct swb_error err = SWB_ERROR_INIT;
        size_t n = catalog->n_zones;

        if (!*name)
                return NULL;
        for (size_t i = 0; i < n; i++)
                if (strcmp(catalog->zone_names[i], name) == 0)
                        return catalog->zones[i];
        if (n == SWB_CATALOG_ZONES_MAX || swb_zone_load(name, &catalog->zones[n], &err) < 0)
                return NULL;
        catalog->zone_names[n] = swb_pool_text(catalog->pool, name);
        if (!catalog->zone_names[n]) {
                (void)swb_zone_free(catalog->zones[n]);
                return NULL;
        }
        return catalog->zones[catalog->n_zones++];
}

static int add_rollout(const struct swb_rollout_row *row, void *userdata, struct swb_error *err)
{
        struct swb_load_of_app *a = userdata;
        const struct swb_rollout_setup *setup = &row->setup;
        const struct swb_stage *stage = &setup->plan.stages[setup->stage];
        struct swb_catalog_rollout *rollout;
        char size[SWB_STAGE_TEXT];

        if (setup->status == SWB_ROLLOUT_FINISHED)
                return 0;
        rollout = swb_load_append(&a->load, sizeof(*rollout));
        if (!rollout)
                return swb_oom(err);
        *rollout = (struct swb_catalog_rollout){
                .id = setup->id,
                .status = setup->status,
                .release = swb_load_release_by_id(a->app, setup->release),
                .zone = swb_load_zone(a->load.catalog, row->time_zone),
                .hours = setup->plan.hours,
                .deadline_seconds = setup->plan.deadline_seconds,
                .priority = setup->plan.priority,
                .stage = setup->stage,
                .n_stages = setup->plan.n_stages,
                .bucket_key = swb_bucket_key(setup->salt),
        };
        return swb_load_keep(
                &a->load,
                (const struct swb_load_text[]){{&rollout->name, setup->name},
                                               {&rollout->reason, setup->reason},
                                               {&rollout->stage_size, swb_stage_size(stage, size)},
                                               {&rollout->channel, setup->channel}},
                4, err);
}

int swb_load_rollouts(const struct swb_load *outer, struct swb_catalog_app *app,
                      struct swb_error *err)
{
        struct swb_load_of_app a = {
                .load = {.db = outer->db, .pool = outer->pool, .catalog = outer->catalog},
                .app = app};
        int r;

        r = swb_rollout_list(outer->db, app->id, add_rollout, &a, err);
        if (r >= 0)
                r = swb_load_settle(&a.load, sizeof(struct swb_catalog_rollout), &app->rollouts,
                                    &app->n_rollouts, err);
        swb_load_done(&a.load);
        return r;
}

static int find_rollouts(const struct swb_load *outer, const struct swb_catalog_app *app,
                         struct swb_catalog_channel *channel, struct swb_error *err)
{
        _cleanup_(swb_load_done) struct swb_load load = {.db = outer->db, .pool = outer->pool};

        for (size_t i = 0; i < app->n_rollouts; i++) {
                const struct swb_catalog_rollout *rollout = &app->rollouts[i];
                const struct swb_catalog_rollout **place;

                if (!rollout->release || strcmp(rollout->channel, channel->name) != 0)
                        continue;
                if (rollout->status != SWB_ROLLOUT_RECALLED) {
                        channel->rollout = rollout; /* the schema allows one */
                        continue;
                }
                place = swb_load_append(&load, RELEASE_POINTER_BYTES);
                if (!place)
                        return swb_oom(err);
                *place = rollout;
        }
        return swb_load_settle(&load, RELEASE_POINTER_BYTES, &channel->recalled,
                               &channel->n_recalled, err);
}

static int compare_carried(const void *a, const void *b)
{
        const struct swb_catalog_release *const *left = a, *const *right = b;

        return swb_version_compare((*right)->version, (*left)->version);
}

static int load_history(const struct swb_load *outer, const struct swb_catalog_app *app,
                        int64_t channel_id, struct swb_catalog_channel *channel,
                        struct swb_error *err)
{
        _cleanup_(swb_load_done) struct swb_load load = {.db = outer->db, .pool = outer->pool};
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_init(&q, load.db, "SELECT release FROM channel_history WHERE channel = ?",
                           err);
        if (r < 0)
                return r;
        swb_query_bind_i64(&q, channel_id);
        while ((r = swb_query_step(&q, err)) > 0) {
                const struct swb_catalog_release *release =
                        swb_load_release_by_id(app, swb_query_i64(&q, 0));
                const struct swb_catalog_release **place;

                if (!release)
                        continue;
                place = swb_load_append(&load, RELEASE_POINTER_BYTES);
                if (!place)
                        return swb_oom(err);
                *place = release;
        }
        if (r >= 0)
                r = swb_load_settle(&load, RELEASE_POINTER_BYTES, &channel->carried,
                                    &channel->n_carried, err);
        if (r >= 0 && channel->n_carried > 1)
                qsort(channel->carried, channel->n_carried, RELEASE_POINTER_BYTES, compare_carried);
        return r;
}

static int add_channel(const struct swb_channel *row, void *userdata, struct swb_error *err)
{
        struct swb_load_of_app *c = userdata;
        struct swb_catalog_channel *channel = swb_load_append(&c->load, sizeof(*channel));
        struct swb_load_text texts[] = {{&channel->name, row->name}};
        int r;

        if (!channel)
                return swb_oom(err);
        channel->release = swb_load_release_by_id(c->app, row->release);
        r = swb_load_keep(&c->load, texts, SWB_ELEMENTS(texts), err);
        if (r >= 0)
                r = load_history(&c->load, c->app, row->id, channel, err);
        return r < 0 ? r : find_rollouts(&c->load, c->app, channel, err);
}

int swb_load_channels(const struct swb_load *outer, struct swb_catalog_app *app,
                      struct swb_error *err)
{
        struct swb_load_of_app c = {.load = {.db = outer->db, .pool = outer->pool}, .app = app};
        int r;

        r = swb_channel_list(outer->db, app->id, add_channel, &c, err);
        if (r >= 0)
                r = swb_load_settle(&c.load, sizeof(struct swb_catalog_channel), &app->channels,
                                    &app->n_channels, err);
        swb_load_done(&c.load);
        return r;
}
