/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/backup.h - a copy of the server's data while servers go on with it
 *
 * The database's copy gets its name last, when everything is on the medium: what has that name is
 * whole. A failure or a power cut leaves at most files that nobody names.
 */
#include "server/store/db.h"

struct swb_backup_options {
        const char *data;   /* data folder, for its payloads */
        const char *to;     /* a new file, or a folder that shall have SWB_DB_FILE */
        bool with_payloads; /* `to` is a folder, made if it is not there, that also gets payloads/:
                             * hard links where the file system has them, else copies */
};

struct swb_backup_result {
        uint64_t n_bytes; /* of the database's copy */
        uint64_t n_payloads;
};

/* USAGE: something has this name already; UNSUPPORTED: the store has tools of its own. */
int swb_backup(struct swb_db *db, const struct swb_backup_options *options,
               struct swb_backup_result *ret, struct swb_error *err) _warn_unused_;
