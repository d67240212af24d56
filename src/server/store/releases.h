/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/releases.h - releases of an app, each with a full payload and deltas
 */
#include "omaha/abilities.h"
#include "server/store/apps.h"

struct swb_release {
        int64_t id;
        char version[SWB_VERSION_MAX + 1];
        int64_t created;   /* seconds since 1970 */
        char deadline[65]; /* "": none */
        bool disable_backoff;
        uint64_t max_failures; /* per URL; 0: the client's own number */
        bool stepping_stone;   /* devices below it must take it first */
};

#define SWB_METADATA_SIGNATURE_MAX 4000 /* base64; a request or answer attribute holds 4096 */

#define SWB_PAYLOAD_MINOR_UNKNOWN (-1)

struct swb_payload {
        int64_t id;
        char source_version[SWB_VERSION_MAX + 1]; /* "": full */
        char sha256[65];                          /* hex */
        char sha1[32];                            /* base64 */
        uint64_t size, metadata_size;             /* bytes */
        char metadata_signature[SWB_METADATA_SIGNATURE_MAX + 1];
        char name[129]; /* file name it was published under */
        /* What it asks of a device, and what it makes: of rows from before this was noted, and of
         * imported ones, nothing is known. */
        int64_t minor;
        char encoders[SWB_ABILITIES_TEXT_MAX]; /* names with blanks between */
        uint64_t open_memory, open_scratch;    /* bytes */
        char target[65]; /* hex: SHA-256 over the new partitions; "": not known */
};

/* NOT_FOUND. */
int swb_release_find(struct swb_db *db, int64_t app, const char *version, struct swb_release *ret,
                     struct swb_error *err) _warn_unused_;
/* Finds or makes the release and sets deadline, disable_backoff and max_failures from `release`;
 * fills in its id. Inside the caller's transaction. */
int swb_release_put(struct swb_db *db, int64_t app, int64_t now, struct swb_release *release,
                    struct swb_error *err) _warn_unused_;
/* Inside the caller's transaction. */
int swb_release_set_stepping_stone(struct swb_db *db, const struct swb_release *release,
                                   bool stepping_stone, struct swb_error *err) _warn_unused_;
/* Adds a payload. The very same again is fine (returns 1: it was there). Another one for the same
 * source version must make the same, and ask something else of devices; else it is DENIED. Inside
 * the caller's transaction. */
int swb_payload_put(struct swb_db *db, int64_t release, int64_t now,
                    const struct swb_payload *payload, struct swb_error *err) _warn_unused_;

/* Releases of an app, newest version last published first; each's payloads, full ones
 * first, and of those for the same devices the one first that they are to have if they can. */
int swb_release_list(struct swb_db *db, int64_t app,
                     int (*each)(const struct swb_release *release, void *userdata,
                                 struct swb_error *err),
                     void *userdata, struct swb_error *err) _warn_unused_;
/* The same, at most `limit` and only those behind `before`; NULL: from the first one. */
int swb_release_page(struct swb_db *db, int64_t app, const struct swb_release *before,
                     uint64_t limit,
                     int (*each)(const struct swb_release *release, void *userdata,
                                 struct swb_error *err),
                     void *userdata, struct swb_error *err) _warn_unused_;
/* 1: found, of this app; 0: there is none. */
int swb_release_find_id(struct swb_db *db, int64_t id, struct swb_release *ret, int64_t *ret_app,
                        struct swb_error *err) _warn_unused_;
int swb_payload_list(struct swb_db *db, int64_t release,
                     int (*each)(const struct swb_payload *payload, void *userdata,
                                 struct swb_error *err),
                     void *userdata, struct swb_error *err) _warn_unused_;

/* Removes a release and its payloads' rows. BUSY while a channel or a rollout carries it. Inside
 * the caller's transaction. */
int swb_release_remove(struct swb_db *db, const struct swb_release *release,
                       struct swb_error *err) _warn_unused_;
/* Does any payload still use this file? */
int swb_payload_file_used(struct swb_db *db, const char *sha256, bool *ret,
                          struct swb_error *err) _warn_unused_;
