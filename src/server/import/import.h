/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/import/import.h - our apps, releases, channels and groups from what a Nebraska server
 * knows
 *
 * Model:  first the packages' bytes are found and compared with size and hashes; then all rows are
 *         changed in one transaction, which is committed only with `apply`. So the plan that is
 *         printed without it is what would be done, and a second import changes nothing.
 * Clients stay as they are: same app id, same tracks, hash_sha256 left out as Nebraska leaves it.
 */
#include "server/auth/identity.h"
#include "server/import/nebraska.h"
#include "server/store/db.h"

struct swb_import_options {
        const char *data_folder;
        const char *payloads; /* folder with the packages' files, or NULL */
        const char *arch;     /* "amd64", "aarch64", "x86"; NULL: there is only one */
        const char *ca_file;  /* for downloads */
        bool download;        /* what is not in `payloads`, from the packages' own URLs */
        bool by_uuid;         /* apps under their UUID, also if they have a product id */
        bool apply;
        const struct swb_identity *identity; /* for the audit log */
        /* A line about each thing, without a line feed. */
        void (*say)(void *userdata, const char *line);
        void *userdata;
};

struct swb_import_result {
        uint64_t n_changes, n_same, n_left_out;
};

/* USAGE: packages of several architectures and no `arch`, or it is none; HASH, IO, NOT_FOUND …:
 * a package's file is not what Nebraska says. */
int swb_import_nebraska(struct swb_db *db, const struct swb_nebraska *nebraska,
                        const struct swb_import_options *options, struct swb_import_result *ret,
                        struct swb_error *err) _warn_unused_;
