/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/catalog/catalog.h - everything that a decision needs, in memory, never changed
 *
 * Place:  server/select reads it; server/http holds the current one
 * Model:  built whole from the database, then read by any number of threads without locks. A change
 *         of the database makes a new catalog; the old one goes with its last reference.
 */
#include "server/store/channels.h"
#include "server/store/groups.h"

struct swb_catalog_payload {
        const char *source_version; /* "": full */
        const char *sha256;         /* hex; also the file's name */
        const char *sha256_base64;
        const char *sha1_base64;
        uint64_t size, metadata_size;   /* bytes */
        const char *metadata_signature; /* base64 */
        const char *name;
};

struct swb_catalog_release {
        int64_t id;
        const char *version;
        const char *deadline;
        bool disable_backoff;
        uint64_t max_failures;
        struct swb_catalog_payload *payloads; /* in the order of source versions (strcmp) */
        size_t n_payloads;
};

struct swb_catalog_channel {
        const char *name;
        const struct swb_catalog_release *release;  /* NULL: none */
        const struct swb_catalog_release **carried; /* ever, highest version first */
        size_t n_carried;
};

struct swb_catalog_group {
        const char *name;
        const char *channel;                        /* "": no updates */
        const char *hardware_class, *board, *track; /* "": any */
        bool has_machines;
        const char **machines; /* in the order of strcmp */
        size_t n_machines;
};

struct swb_catalog_app {
        int64_t id;
        const char *appid; /* lower case, without braces */
        const char *default_channel;
        enum swb_hash_form hash_form;
        struct swb_catalog_release *releases;
        size_t n_releases;
        struct swb_catalog_channel *channels; /* in the order of names (strcmp) */
        size_t n_channels;
        struct swb_catalog_group *groups; /* in the order in which they are asked */
        size_t n_groups;
};

struct swb_catalog {
        unsigned n_refs;              /* atomic */
        int64_t generation;           /* of the database's catalog */
        struct swb_catalog_app *apps; /* in the order of appids (strcmp) */
        size_t n_apps;
        struct swb_pool *pool; /* private: owns all of it */
};

/* Reads the whole catalog; the caller holds the one reference. */
int swb_catalog_load(struct swb_db *db, struct swb_catalog **ret,
                     struct swb_error *err) _warn_unused_;
struct swb_catalog *swb_catalog_ref(struct swb_catalog *catalog);
struct swb_catalog *swb_catalog_unref(struct swb_catalog *catalog);
SWB_DEFINE_CLEANUP(struct swb_catalog *, swb_catalog_unref)

/* All take any form of the name and return NULL when there is none. */
const struct swb_catalog_app *swb_catalog_app(const struct swb_catalog *catalog, const char *appid);
const struct swb_catalog_channel *swb_catalog_channel(const struct swb_catalog_app *app,
                                                      const char *name);
/* The payload from exactly this source version; "" for the full one. */
const struct swb_catalog_payload *swb_catalog_payload(const struct swb_catalog_release *release,
                                                      const char *source_version);
bool swb_catalog_group_has_machine(const struct swb_catalog_group *group, const char *machineid);
/* A payload by the name under which it was published (the newest release that has one), or by its
 * SHA-256. */
const struct swb_catalog_payload *swb_catalog_payload_named(const struct swb_catalog *catalog,
                                                            const char *name);
