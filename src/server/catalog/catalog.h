/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/catalog/catalog.h - everything that a decision needs, in memory, never changed
 *
 * Place:  server/select reads it; server/http holds the current one
 * Model:  built whole from the database, then read by any number of threads without locks. A change
 *         of the database makes a new catalog; the old one goes with its last reference.
 */
#include "omaha/abilities.h"
#include "server/rollout/zone.h"
#include "server/select/network.h"
#include "server/store/channels.h"
#include "server/store/groups.h"
#include "server/store/mirrors.h"
#include "server/store/rollouts.h"

/* Different time zones of groups and rollouts; further ones are as UTC. */
#define SWB_CATALOG_ZONES_MAX 64

struct swb_catalog_payload {
        const char *source_version; /* "": full */
        const char *sha256;         /* hex; also the file's name */
        const char *sha256_base64;
        const char *sha1_base64;
        uint64_t size, metadata_size;   /* bytes */
        const char *metadata_signature; /* base64 */
        const char *name;
        struct swb_demands demands;
};

struct swb_catalog_release {
        int64_t id;
        const char *version;
        const char *deadline;
        bool disable_backoff;
        uint64_t max_failures;
        struct swb_catalog_payload *payloads; /* in the order of source versions (strcmp); those for
                                                the same one best first */
        size_t n_payloads;
        bool stepping_stone;
        const char **blocked; /* hardware classes that do not get it, in the order of strcmp */
        size_t n_blocked;
};

/* Of a rollout only what does not change by itself; server/rollout/live.h counts. */
struct swb_catalog_rollout {
        int64_t id;
        const char *name;
        enum swb_rollout_status status;
        const char *reason;
        const struct swb_catalog_release *release;
        const struct swb_zone *zone; /* NULL: UTC */
        struct swb_hours hours;
        uint64_t deadline_seconds; /* 0: none */
        enum swb_priority priority;
        size_t stage, n_stages;
        const char *stage_size; /* "10%" */
        struct swb_siphash_key bucket_key;
        const char *channel;
};

struct swb_catalog_channel {
        const char *name;
        const struct swb_catalog_release *release;  /* NULL: none */
        const struct swb_catalog_release **carried; /* ever, highest version first */
        size_t n_carried;
        const struct swb_catalog_rollout *rollout; /* active or paused; NULL: none */
        const struct swb_catalog_rollout **recalled;
        size_t n_recalled;
};

struct swb_catalog_group {
        const char *name;
        int64_t position;
        const char *channel;                        /* "": no updates */
        const char *hardware_class, *board, *track; /* "": any */
        const char *versions;                       /* as swb_versions_fit(); "": any */
        const char *tag;                            /* "": any */
        const char **tagged;                        /* devices that have it, as `machines` */
        size_t n_tagged;
        bool has_machines;
        const char **machines; /* in the order of strcmp */
        size_t n_machines;
        const char *pin;             /* prefix of versions; "": any */
        const struct swb_zone *zone; /* NULL: the rollout's */
};

struct swb_catalog_mirror {
        const char *name;
        enum swb_mirror_kind kind;
        const char *value, *url;
        struct swb_network network; /* of this kind */
};

/* Texts in the order of strcmp. */
struct swb_catalog_list {
        const char **texts;
        size_t n;
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
        const struct swb_catalog_release **stones; /* that can't be skipped, lowest first */
        size_t n_stones;
        struct swb_catalog_rollout *rollouts; /* but for finished ones, newest first */
        size_t n_rollouts;
        const struct swb_catalog_mirror *mirrors; /* of all apps, in the order of positions */
        size_t n_mirrors;
        struct swb_catalog_list *mirror_tagged; /* one a mirror: this app's devices with its tag */
};

struct swb_catalog {
        unsigned n_refs;      /* atomic */
        int64_t generation;   /* of the database's catalog */
        bool has_egress_cap;  /* bytes of offers are counted */
        bool needs_addresses; /* a mirror is for a network */
        const struct swb_catalog_mirror *mirrors;
        size_t n_mirrors;
        struct swb_catalog_app *apps; /* in the order of appids (strcmp) */
        size_t n_apps;
        struct swb_pool *pool; /* private: owns all of it but the zones */
        struct swb_zone *zones[SWB_CATALOG_ZONES_MAX];
        const char *zone_names[SWB_CATALOG_ZONES_MAX];
        size_t n_zones;
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
/* The payloads from exactly this source version, "" for full ones, best first; NULL: none. */
const struct swb_catalog_payload *swb_catalog_payloads(const struct swb_catalog_release *release,
                                                       const char *source_version, size_t *ret_n);
bool swb_catalog_group_has_machine(const struct swb_catalog_group *group, const char *machineid);
/* Has the device the group's tag? */
bool swb_catalog_group_has_tagged(const struct swb_catalog_group *group, const char *machineid);
bool swb_catalog_list_has(const struct swb_catalog_list *list, const char *text);
bool swb_catalog_is_blocked(const struct swb_catalog_release *release, const char *hardware_class);
/* A payload by the name under which it was published (the newest release that has one), or by its
 * SHA-256. */
const struct swb_catalog_payload *swb_catalog_payload_named(const struct swb_catalog *catalog,
                                                            const char *name);
