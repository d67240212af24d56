/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/publish/unpublish.h - a release goes, and with it those of its payloads' files that no
 * other release uses
 *
 * Rows first, in a transaction, then the files: a cut in between leaves files that nobody names,
 * which the next publish of the same payload takes over.
 */
#include "server/store/releases.h"

struct swb_unpublish {
        int folder_fd, lock_fd;
        char (*names)[65];
        size_t n_names;
};

/* Keeps other changes of the files out until _done(). Before the transaction. */
int swb_unpublish_begin(struct swb_unpublish *u, const char *data_folder,
                        struct swb_error *err) _warn_unused_;
/* The rows; inside the caller's transaction. BUSY while a channel or a rollout carries it. */
int swb_unpublish_rows(struct swb_unpublish *u, struct swb_db *db,
                       const struct swb_release *release, struct swb_error *err) _warn_unused_;
/* The files; after the commit. */
int swb_unpublish_files(struct swb_unpublish *u, struct swb_db *db,
                        struct swb_error *err) _warn_unused_;
void swb_unpublish_done(struct swb_unpublish *u);
