/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/schema.h - the tables, and how an older database becomes a current one
 *
 * The database knows how many steps it has taken. A step is never changed once it was
 * released; a new need is a new step at the end. All steps of one start are one transaction.
 */
#include "server/store/db.h"

/* Steps that this program knows. */
int swb_schema_version(void);

/* Takes all missing steps. CONFIG: another program's database; UNSUPPORTED: from the future. */
int swb_schema_upgrade(struct swb_db *db, struct swb_error *err) _warn_unused_;
/* The same up to a given step, for tests of the later ones. */
int swb_schema_upgrade_to(struct swb_db *db, int version, struct swb_error *err) _warn_unused_;
