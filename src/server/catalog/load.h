/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/catalog/load.h - how the catalog comes from the database, list by list
 *
 * Place:  inside catalog only. All in one read transaction, in the order of load.c.
 */
#include "server/catalog/catalog.h"
#include "server/catalog/pool.h"

/* Of an element of a list of releases, which hold pointers. */
#define RELEASE_POINTER_BYTES sizeof(void *)

/* What one list's callbacks share. `array` grows on the heap and then moves into the pool. */
struct swb_load {
        struct swb_catalog *catalog; /* for its zones */
        struct swb_db *db;
        int64_t app; /* of groups */
        struct swb_pool *pool;
        void *array;
        size_t n;
};

/* A list of what refers to releases of one app. */
struct swb_load_of_app {
        struct swb_load load;
        const struct swb_catalog_app *app;
};

/* Copies texts into the pool: pairs of target and source. */
struct swb_load_text {
        const char **to;
        const char *from;
};

/* One more element, all zero. NULL: out of memory. */
void *swb_load_append(struct swb_load *load, size_t element_bytes);
/* Moves the list into the pool. */
int swb_load_settle(struct swb_load *load, size_t element_bytes, void *ret_array, size_t *ret_n,
                    struct swb_error *err);
void swb_load_done(struct swb_load *load);
int swb_load_keep(struct swb_load *load, const struct swb_load_text *texts, size_t n,
                  struct swb_error *err);

/* Lists of an app. */
int swb_load_releases(const struct swb_load *outer, struct swb_catalog_app *app,
                      struct swb_error *err);
int swb_load_stones(const struct swb_load *outer, struct swb_catalog_app *app,
                    struct swb_error *err);
int swb_load_rollouts(const struct swb_load *outer, struct swb_catalog_app *app,
                      struct swb_error *err);
int swb_load_channels(const struct swb_load *outer, struct swb_catalog_app *app,
                      struct swb_error *err);
int swb_load_groups(const struct swb_load *outer, struct swb_catalog_app *app,
                    struct swb_error *err);
/* NULL: it has none with this id. */
const struct swb_catalog_release *swb_load_release_by_id(const struct swb_catalog_app *app,
                                                         int64_t id);
/* The zone of this name, loaded once. One that is gone since it was checked is UTC. */
const struct swb_zone *swb_load_zone(struct swb_catalog *catalog, const char *name);
/* The devices that have a tag. */
int swb_load_tagged(const struct swb_load *outer, int64_t app, const char *tag,
                    struct swb_catalog_list *ret, struct swb_error *err);

/* Mirrors are of all apps, and each app has its own devices with their tags. */
int swb_load_mirrors(struct swb_db *db, struct swb_catalog *catalog, struct swb_error *err);
int swb_load_share_mirrors(const struct swb_load *outer, struct swb_catalog_app *app,
                           struct swb_error *err);
