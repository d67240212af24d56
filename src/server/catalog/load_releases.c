/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/load.h"

#include "base/text.h"
#include "server/store/blocks.h"

static int add_payload(const struct swb_payload *payload, void *userdata, struct swb_error *err)
{
        struct swb_load *load = userdata;
        struct swb_catalog_payload *p = swb_load_append(load, sizeof(*p));
        char base64[SWB_BASE64_SIZE(32)];
        uint8_t digest[32];
        struct swb_load_text texts[] = {
                {&p->source_version, payload->source_version},
                {&p->sha256, payload->sha256},
                {&p->sha256_base64, base64},
                {&p->sha1_base64, payload->sha1},
                {&p->metadata_signature, payload->metadata_signature},
                {&p->name, payload->name},
                {&p->demands.encoders, payload->encoders},
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
        p->demands.minor = (uint32_t)SWB_MAX(payload->minor, (int64_t)0);
        p->demands.memory_bytes = payload->open_memory;
        p->demands.scratch_bytes = payload->open_scratch;
        return swb_load_keep(load, texts, SWB_ELEMENTS(texts), err);
}

static int load_payloads(const struct swb_load *outer, struct swb_catalog_release *release,
                         struct swb_error *err)
{
        _cleanup_(swb_load_done) struct swb_load load = {.db = outer->db, .pool = outer->pool};
        int r;

        r = swb_payload_list(load.db, release->id, add_payload, &load, err);
        if (r < 0)
                return r;
        return swb_load_settle(&load, sizeof(struct swb_catalog_payload), &release->payloads,
                               &release->n_payloads, err);
}

static int add_block(const struct swb_block *block, void *userdata, struct swb_error *err)
{
        struct swb_load *load = userdata;
        const char **place = swb_load_append(load, sizeof(*place));

        if (place)
                *place = swb_pool_text(load->pool, block->hardware_class);
        return place && *place ? 0 : swb_oom(err);
}

static int load_blocks(const struct swb_load *outer, struct swb_catalog_release *release,
                       struct swb_error *err)
{
        _cleanup_(swb_load_done) struct swb_load load = {.db = outer->db, .pool = outer->pool};
        int r;

        r = swb_block_list(load.db, release->id, false, add_block, &load, err);
        if (r < 0)
                return r;
        return swb_load_settle(&load, sizeof(const char *), &release->blocked, &release->n_blocked,
                               err);
}

static int add_release(const struct swb_release *row, void *userdata, struct swb_error *err)
{
        struct swb_load *load = userdata;
        struct swb_catalog_release *release = swb_load_append(load, sizeof(*release));
        struct swb_load_text texts[] = {{&release->version, row->version},
                                        {&release->deadline, row->deadline}};

        if (!release)
                return swb_oom(err);
        release->id = row->id;
        release->disable_backoff = row->disable_backoff;
        release->max_failures = row->max_failures;
        release->stepping_stone = row->stepping_stone;
        return swb_load_keep(load, texts, SWB_ELEMENTS(texts), err);
}

int swb_load_releases(const struct swb_load *outer, struct swb_catalog_app *app,
                      struct swb_error *err)
{
        _cleanup_(swb_load_done) struct swb_load load = {.db = outer->db, .pool = outer->pool};
        int r;

        r = swb_release_list(load.db, app->id, add_release, &load, err);
        if (r >= 0)
                r = swb_load_settle(&load, sizeof(struct swb_catalog_release), &app->releases,
                                    &app->n_releases, err);
        for (size_t i = 0; r >= 0 && i < app->n_releases; i++) {
                r = load_payloads(outer, &app->releases[i], err);
                if (r >= 0)
                        r = load_blocks(outer, &app->releases[i], err);
        }
        return r;
}

const struct swb_catalog_release *swb_load_release_by_id(const struct swb_catalog_app *app,
                                                         int64_t id)
{
        for (size_t i = 0; i < app->n_releases; i++)
                if (app->releases[i].id == id)
                        return &app->releases[i];
        return NULL;
}

static int compare_rising(const void *a, const void *b)
{
        const struct swb_catalog_release *const *left = a, *const *right = b;

        return swb_version_compare((*left)->version, (*right)->version);
}

int swb_load_stones(const struct swb_load *outer, struct swb_catalog_app *app,
                    struct swb_error *err)
{
        _cleanup_(swb_load_done) struct swb_load load = {.db = outer->db, .pool = outer->pool};
        int r;

        for (size_t i = 0; i < app->n_releases; i++) {
                const struct swb_catalog_release **place;

                if (!app->releases[i].stepping_stone)
                        continue;
                place = swb_load_append(&load, RELEASE_POINTER_BYTES);
                if (!place)
                        return swb_oom(err);
                *place = &app->releases[i];
        }
        r = swb_load_settle(&load, RELEASE_POINTER_BYTES, &app->stones, &app->n_stones, err);
        if (r >= 0 && app->n_stones > 1)
                qsort(app->stones, app->n_stones, RELEASE_POINTER_BYTES, compare_rising);
        return r;
}
