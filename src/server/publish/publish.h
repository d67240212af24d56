/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/publish/publish.h - from a payload and its manifest to something that devices can get
 *
 * Nothing is visible before all of it is on the medium: first the file, then, in one transaction,
 * app, keys, release, payload and channel. A failure or a power cut leaves at most a file that
 * nobody names, which the next publish of the same payload takes over.
 */
#include "server/auth/identity.h"
#include "server/store/releases.h"

struct swb_publish_options {
        const char *payload;  /* path */
        const char *name;     /* of the payload, for people; NULL: its file's */
        const char *manifest; /* path; NULL: the payload's with ".json" behind */
        const char *const
                *public_keys; /* paths of PEM files: trusted, and remembered for the app */
        size_t n_public_keys;
        uint64_t
                required_signatures; /* of different keys; remembered; 0: as many as the app says */
        const struct swb_identity *identity; /* for the audit log; NULL: the server itself */
        const char *channel;                 /* NULL: none; else set to the release */
        const char *deadline;                /* NULL: none */
        bool disable_backoff;
        uint64_t max_failures;
};

struct swb_publish_result {
        char appid[SWB_APPID_MAX + 1];
        struct swb_release release;
        struct swb_payload payload;
        char key_id[SWB_KEY_ID_SIZE]; /* that signed; "" when signatures were not checked */
        bool was_there;               /* the same payload had been published before */
};

/*
 * Errors: NOT_FOUND, IO; FORMAT, UNSUPPORTED, LIMIT a bad payload or manifest; HASH size or SHA-256
 * do not fit; SIGNATURE; USAGE something else is published under this version.
 */
int swb_publish(struct swb_db *db, const char *data_folder,
                const struct swb_publish_options *options, struct swb_publish_result *ret,
                struct swb_error *err) _warn_unused_;
