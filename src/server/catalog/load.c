/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog from the database: one read transaction, list by list. */
#include "base/text.h"
#include "server/catalog/catalog.h"
#include "server/catalog/pool.h"
#include "server/store/blocks.h"
#include "server/store/egress.h"
#include "server/store/tags.h"

/* Of an element of a list of releases, which hold pointers. */
#define RELEASE_POINTER_BYTES sizeof(void *)

/* What one list's callbacks share. `array` grows on the heap and then moves into the pool. */
struct load {
        struct swb_catalog *catalog; /* for its zones */
        struct swb_db *db;
        int64_t app; /* of groups */
        struct swb_pool *pool;
        void *array;
        size_t n;
};

static void *append(struct load *load, size_t element_bytes)
{
        /* Capacity is the next power of two. */
        if ((load->n & (load->n - 1)) == 0) {
                void *grown = reallocarray(load->array, load->n ? 2 * load->n : 1, element_bytes);

                if (!grown)
                        return NULL;
                load->array = grown;
        }
        return memset((char *)load->array + load->n++ * element_bytes, 0, element_bytes);
}

static void load_done(struct load *load)
{
        free(load->array);
}

/* Moves the list into the pool. */
static int settle(struct load *load, size_t element_bytes, void *ret_array, size_t *ret_n,
                  struct swb_error *err)
{
        void *array = swb_pool_alloc(load->pool, load->n, element_bytes);

        if (!array)
                return swb_oom(err);
        if (load->n > 0)
                memcpy(array, load->array, load->n * element_bytes);
        *(void **)ret_array = array;
        *ret_n = load->n;
        return 0;
}

/* Copies texts into the pool: pairs of target and source. */
struct text {
        const char **to;
        const char *from;
};

static int keep_texts(struct load *load, const struct text *texts, size_t n, struct swb_error *err)
{
        for (size_t i = 0; i < n; i++) {
                *texts[i].to = swb_pool_text(load->pool, texts[i].from);
                if (!*texts[i].to)
                        return swb_oom(err);
        }
        return 0;
}

static int add_payload(const struct swb_payload *payload, void *userdata, struct swb_error *err)
{
        struct load *load = userdata;
        struct swb_catalog_payload *p = append(load, sizeof(*p));
        char base64[SWB_BASE64_SIZE(32)];
        uint8_t digest[32];
        struct text texts[] = {
                {&p->source_version, payload->source_version},
                {&p->sha256, payload->sha256},
                {&p->sha256_base64, base64},
                {&p->sha1_base64, payload->sha1},
                {&p->metadata_signature, payload->metadata_signature},
                {&p->name, payload->name},
        };

        if (!p)
                return swb_oom(err);
        if (swb_hex_decode(payload->sha256, digest, sizeof(digest)) < 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "payload %lld of the database has no SHA-256",
                                (long long)payload->id);
        swb_base64_encode(digest, sizeof(digest), base64);
        p->size = payload->size;
        p->metadata_size = payload->metadata_size;
        return keep_texts(load, texts, SWB_ELEMENTS(texts), err);
}

static int load_payloads(const struct load *outer, struct swb_catalog_release *release,
                         struct swb_error *err)
{
        _cleanup_(load_done) struct load load = {.db = outer->db, .pool = outer->pool};
        int r;

        r = swb_payload_list(load.db, release->id, add_payload, &load, err);
        if (r < 0)
                return r;
        return settle(&load, sizeof(struct swb_catalog_payload), &release->payloads,
                      &release->n_payloads, err);
}

static int add_block(const struct swb_block *block, void *userdata, struct swb_error *err)
{
        struct load *load = userdata;
        const char **place = append(load, sizeof(*place));

        if (place)
                *place = swb_pool_text(load->pool, block->hardware_class);
        return place && *place ? 0 : swb_oom(err);
}

static int load_blocks(const struct load *outer, struct swb_catalog_release *release,
                       struct swb_error *err)
{
        _cleanup_(load_done) struct load load = {.db = outer->db, .pool = outer->pool};
        int r;

        r = swb_block_list(load.db, release->id, false, add_block, &load, err);
        if (r < 0)
                return r;
        return settle(&load, sizeof(const char *), &release->blocked, &release->n_blocked, err);
}

static int add_release(const struct swb_release *row, void *userdata, struct swb_error *err)
{
        struct load *load = userdata;
        struct swb_catalog_release *release = append(load, sizeof(*release));
        struct text texts[] = {{&release->version, row->version},
                               {&release->deadline, row->deadline}};

        if (!release)
                return swb_oom(err);
        release->id = row->id;
        release->disable_backoff = row->disable_backoff;
        release->max_failures = row->max_failures;
        release->stepping_stone = row->stepping_stone;
        return keep_texts(load, texts, SWB_ELEMENTS(texts), err);
}

static int load_releases(const struct load *outer, struct swb_catalog_app *app,
                         struct swb_error *err)
{
        _cleanup_(load_done) struct load load = {.db = outer->db, .pool = outer->pool};
        int r;

        r = swb_release_list(load.db, app->id, add_release, &load, err);
        if (r >= 0)
                r = settle(&load, sizeof(struct swb_catalog_release), &app->releases,
                           &app->n_releases, err);
        for (size_t i = 0; r >= 0 && i < app->n_releases; i++) {
                r = load_payloads(outer, &app->releases[i], err);
                if (r >= 0)
                        r = load_blocks(outer, &app->releases[i], err);
        }
        return r;
}

static const struct swb_catalog_release *release_by_id(const struct swb_catalog_app *app,
                                                       int64_t id)
{
        for (size_t i = 0; i < app->n_releases; i++)
                if (app->releases[i].id == id)
                        return &app->releases[i];
        return NULL;
}

/* A list of what refers to releases of one app. */
struct app_load {
        struct load load;
        const struct swb_catalog_app *app;
};

/* The zone of this name, loaded once. One that is gone since it was checked is UTC. */
static const struct swb_zone *zone_of(struct swb_catalog *catalog, const char *name)
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
        struct app_load *a = userdata;
        const struct swb_rollout_setup *setup = &row->setup;
        const struct swb_stage *stage = &setup->plan.stages[setup->stage];
        struct swb_catalog_rollout *rollout;
        char size[SWB_STAGE_TEXT];

        if (setup->status == SWB_ROLLOUT_FINISHED)
                return 0;
        rollout = append(&a->load, sizeof(*rollout));
        if (!rollout)
                return swb_oom(err);
        *rollout = (struct swb_catalog_rollout){
                .id = setup->id,
                .status = setup->status,
                .release = release_by_id(a->app, setup->release),
                .zone = zone_of(a->load.catalog, row->time_zone),
                .hours = setup->plan.hours,
                .deadline_seconds = setup->plan.deadline_seconds,
                .priority = setup->plan.priority,
                .stage = setup->stage,
                .n_stages = setup->plan.n_stages,
                .bucket_key = swb_bucket_key(setup->salt),
        };
        return keep_texts(&a->load,
                          (const struct text[]){{&rollout->name, setup->name},
                                                {&rollout->reason, setup->reason},
                                                {&rollout->stage_size, swb_stage_size(stage, size)},
                                                {&rollout->channel, setup->channel}},
                          4, err);
}

static int load_rollouts(const struct load *outer, struct swb_catalog_app *app,
                         struct swb_error *err)
{
        struct app_load a = {
                .load = {.db = outer->db, .pool = outer->pool, .catalog = outer->catalog},
                .app = app};
        int r;

        r = swb_rollout_list(outer->db, app->id, add_rollout, &a, err);
        if (r >= 0)
                r = settle(&a.load, sizeof(struct swb_catalog_rollout), &app->rollouts,
                           &app->n_rollouts, err);
        load_done(&a.load);
        return r;
}

static int find_rollouts(const struct load *outer, const struct swb_catalog_app *app,
                         struct swb_catalog_channel *channel, struct swb_error *err)
{
        _cleanup_(load_done) struct load load = {.db = outer->db, .pool = outer->pool};

        for (size_t i = 0; i < app->n_rollouts; i++) {
                const struct swb_catalog_rollout *rollout = &app->rollouts[i];
                const struct swb_catalog_rollout **place;

                if (!rollout->release || strcmp(rollout->channel, channel->name) != 0)
                        continue;
                if (rollout->status != SWB_ROLLOUT_RECALLED) {
                        channel->rollout = rollout; /* the schema allows one */
                        continue;
                }
                place = append(&load, RELEASE_POINTER_BYTES);
                if (!place)
                        return swb_oom(err);
                *place = rollout;
        }
        return settle(&load, RELEASE_POINTER_BYTES, &channel->recalled, &channel->n_recalled, err);
}

static int compare_rising(const void *a, const void *b)
{
        const struct swb_catalog_release *const *left = a, *const *right = b;

        return swb_version_compare((*left)->version, (*right)->version);
}

static int compare_carried(const void *a, const void *b)
{
        const struct swb_catalog_release *const *left = a, *const *right = b;

        return swb_version_compare((*right)->version, (*left)->version);
}

static int load_stones(const struct load *outer, struct swb_catalog_app *app, struct swb_error *err)
{
        _cleanup_(load_done) struct load load = {.db = outer->db, .pool = outer->pool};
        int r;

        for (size_t i = 0; i < app->n_releases; i++) {
                const struct swb_catalog_release **place;

                if (!app->releases[i].stepping_stone)
                        continue;
                place = append(&load, RELEASE_POINTER_BYTES);
                if (!place)
                        return swb_oom(err);
                *place = &app->releases[i];
        }
        r = settle(&load, RELEASE_POINTER_BYTES, &app->stones, &app->n_stones, err);
        if (r >= 0 && app->n_stones > 1)
                qsort(app->stones, app->n_stones, RELEASE_POINTER_BYTES, compare_rising);
        return r;
}

static int load_history(const struct load *outer, const struct swb_catalog_app *app,
                        int64_t channel_id, struct swb_catalog_channel *channel,
                        struct swb_error *err)
{
        _cleanup_(load_done) struct load load = {.db = outer->db, .pool = outer->pool};
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_init(&q, load.db, "SELECT release FROM channel_history WHERE channel = ?",
                           err);
        if (r < 0)
                return r;
        swb_query_bind_i64(&q, channel_id);
        while ((r = swb_query_step(&q, err)) > 0) {
                const struct swb_catalog_release *release =
                        release_by_id(app, swb_query_i64(&q, 0));
                const struct swb_catalog_release **place;

                if (!release)
                        continue;
                place = append(&load, RELEASE_POINTER_BYTES);
                if (!place)
                        return swb_oom(err);
                *place = release;
        }
        if (r >= 0)
                r = settle(&load, RELEASE_POINTER_BYTES, &channel->carried, &channel->n_carried,
                           err);
        if (r >= 0 && channel->n_carried > 1)
                qsort(channel->carried, channel->n_carried, RELEASE_POINTER_BYTES, compare_carried);
        return r;
}

static int add_channel(const struct swb_channel *row, void *userdata, struct swb_error *err)
{
        struct app_load *c = userdata;
        struct swb_catalog_channel *channel = append(&c->load, sizeof(*channel));
        struct text texts[] = {{&channel->name, row->name}};
        int r;

        if (!channel)
                return swb_oom(err);
        channel->release = release_by_id(c->app, row->release);
        r = keep_texts(&c->load, texts, SWB_ELEMENTS(texts), err);
        if (r >= 0)
                r = load_history(&c->load, c->app, row->id, channel, err);
        return r < 0 ? r : find_rollouts(&c->load, c->app, channel, err);
}

static int load_channels(const struct load *outer, struct swb_catalog_app *app,
                         struct swb_error *err)
{
        struct app_load c = {.load = {.db = outer->db, .pool = outer->pool}, .app = app};
        int r;

        r = swb_channel_list(outer->db, app->id, add_channel, &c, err);
        if (r >= 0)
                r = settle(&c.load, sizeof(struct swb_catalog_channel), &app->channels,
                           &app->n_channels, err);
        load_done(&c.load);
        return r;
}

static int add_machine(const char *machineid, void *userdata, struct swb_error *err)
{
        struct load *load = userdata;
        const char **place = append(load, sizeof(*place));

        if (place)
                *place = swb_pool_text(load->pool, machineid);
        return place && *place ? 0 : swb_oom(err);
}

static int load_tagged(const struct load *outer, struct swb_catalog_group *group,
                       struct swb_error *err)
{
        _cleanup_(load_done) struct load load = {.db = outer->db, .pool = outer->pool};
        int r;

        if (!*group->tag)
                return 0;
        r = swb_tagged_list(load.db, outer->app, group->tag, add_machine, &load, err);
        if (r < 0)
                return r;
        return settle(&load, sizeof(const char *), &group->tagged, &group->n_tagged, err);
}

static int add_group(const struct swb_group *row, void *userdata, struct swb_error *err)
{
        struct load *load = userdata;
        _cleanup_(load_done) struct load machines = {.db = load->db, .pool = load->pool};
        struct swb_catalog_group *group = append(load, sizeof(*group));
        struct text texts[] = {{&group->name, row->name},
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
        group->zone = zone_of(load->catalog, row->time_zone);
        r = keep_texts(load, texts, SWB_ELEMENTS(texts), err);
        if (r >= 0)
                r = swb_group_machine_list(load->db, row->id, add_machine, &machines, err);
        if (r >= 0)
                r = settle(&machines, sizeof(const char *), &group->machines, &group->n_machines,
                           err);
        return r < 0 ? r : load_tagged(load, group, err);
}

static int load_groups(const struct load *outer, struct swb_catalog_app *app, struct swb_error *err)
{
        _cleanup_(load_done) struct load load = {
                .db = outer->db, .pool = outer->pool, .catalog = outer->catalog, .app = app->id};
        int r;

        r = swb_group_list(load.db, app->id, add_group, &load, err);
        if (r < 0)
                return r;
        return settle(&load, sizeof(struct swb_catalog_group), &app->groups, &app->n_groups, err);
}

static int add_app(const struct swb_app *row, void *userdata, struct swb_error *err)
{
        struct load *load = userdata;
        struct swb_catalog_app *app = append(load, sizeof(*app));
        struct text texts[] = {{&app->appid, row->appid},
                               {&app->default_channel, row->default_channel}};

        if (!app)
                return swb_oom(err);
        app->id = row->id;
        app->hash_form = row->hash_form;
        return keep_texts(load, texts, SWB_ELEMENTS(texts), err);
}

/* --- mirrors --- */

static int add_mirror(const struct swb_mirror_rule *rule, void *userdata, struct swb_error *err)
{
        struct load *load = userdata;
        struct swb_catalog_mirror *mirror = append(load, sizeof(*mirror));
        struct text texts[] = {{&mirror->name, rule->name},
                               {&mirror->value, rule->value},
                               {&mirror->url, rule->url}};

        if (!mirror)
                return swb_oom(err);
        mirror->kind = rule->kind;
        if (rule->kind == SWB_MIRROR_NETWORK) {
                load->catalog->needs_addresses = true;
                if (swb_network_parse(rule->value, &mirror->network, NULL) < 0)
                        mirror->kind = _SWB_MIRROR_INVALID; /* for nobody */
        }
        return keep_texts(load, texts, SWB_ELEMENTS(texts), err);
}

static int load_mirrors(struct swb_db *db, struct swb_catalog *catalog, struct swb_error *err)
{
        _cleanup_(load_done) struct load load = {
                .db = db, .pool = catalog->pool, .catalog = catalog};
        int r = swb_mirror_list(db, add_mirror, &load, err);

        return r < 0 ? r
                     : settle(&load, sizeof(struct swb_catalog_mirror), &catalog->mirrors,
                              &catalog->n_mirrors, err);
}

static int load_mirror_tagged(const struct load *outer, const struct swb_catalog_app *app,
                              const char *tag, struct swb_catalog_list *ret, struct swb_error *err)
{
        _cleanup_(load_done) struct load load = {.db = outer->db, .pool = outer->pool};
        int r = swb_tagged_list(load.db, app->id, tag, add_machine, &load, err);

        return r < 0 ? r : settle(&load, sizeof(const char *), &ret->texts, &ret->n, err);
}

static int share_mirrors(const struct load *outer, struct swb_catalog_app *app,
                         struct swb_error *err)
{
        const struct swb_catalog *catalog = outer->catalog;
        int r = 0;

        app->mirrors = catalog->mirrors;
        app->n_mirrors = catalog->n_mirrors;
        app->mirror_tagged =
                swb_pool_alloc(outer->pool, app->n_mirrors, sizeof(*app->mirror_tagged));
        if (!app->mirror_tagged)
                return swb_oom(err);
        for (size_t i = 0; r >= 0 && i < app->n_mirrors; i++)
                if (app->mirrors[i].kind == SWB_MIRROR_TAG)
                        r = load_mirror_tagged(outer, app, app->mirrors[i].value,
                                               &app->mirror_tagged[i], err);
        return r;
}

static int load_apps(struct swb_db *db, struct swb_catalog *catalog, struct swb_error *err)
{
        _cleanup_(load_done) struct load load = {
                .db = db, .pool = catalog->pool, .catalog = catalog};
        struct swb_egress egress;
        int r;

        r = swb_db_number(db, "SELECT generation FROM catalog", &catalog->generation, err);
        if (r >= 0)
                r = swb_egress_read(db, &egress, err);
        catalog->has_egress_cap = r >= 0 && swb_egress_has_cap(&egress);
        if (r >= 0)
                r = load_mirrors(db, catalog, err);
        if (r >= 0)
                r = swb_app_list(db, add_app, &load, err);
        if (r >= 0)
                r = settle(&load, sizeof(struct swb_catalog_app), &catalog->apps, &catalog->n_apps,
                           err);
        for (size_t i = 0; r >= 0 && i < catalog->n_apps; i++) {
                r = load_releases(&load, &catalog->apps[i], err);
                if (r >= 0)
                        r = load_stones(&load, &catalog->apps[i], err);
                if (r >= 0)
                        r = load_rollouts(&load, &catalog->apps[i], err);
                if (r >= 0)
                        r = load_channels(&load, &catalog->apps[i], err);
                if (r >= 0)
                        r = load_groups(&load, &catalog->apps[i], err);
                if (r >= 0)
                        r = share_mirrors(&load, &catalog->apps[i], err);
        }
        return r;
}

int swb_catalog_load(struct swb_db *db, struct swb_catalog **ret, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = calloc(1, sizeof(*catalog));
        int r;

        if (!catalog)
                return swb_oom(err);
        catalog->n_refs = 1;
        catalog->pool = swb_pool_new();
        if (!catalog->pool)
                return swb_oom(err);
        r = swb_transaction_begin_read(&t, db, err);
        if (r >= 0)
                r = load_apps(db, catalog, err);
        if (r < 0)
                return swb_wrap(err, r, "read the catalog");
        *ret = SWB_TAKE_PTR(catalog);
        return 0;
}
