/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/tokens.h - what programs show instead of a password
 *
 * Only a hash is stored. What changes something runs inside the caller's transaction.
 */
#include "server/auth/identity.h"
#include "server/store/db.h"

#define SWB_TOKENS_MAX 10000

struct swb_token {
        int64_t id;
        char name[SWB_NAME_MAX + 1];
        enum swb_scope scope;
        int64_t created, expires, last_used; /* expires 0: never; last_used: to the hour */
        char created_by[SWB_WHO_MAX + 1];
};

/* EEXIST USAGE; LIMIT. */
int swb_token_create(struct swb_db *db, const struct swb_token *token, const char *hash,
                     struct swb_error *err) _warn_unused_;
/* NOT_FOUND */
int swb_token_find(struct swb_db *db, const char *name, struct swb_token *ret,
                   struct swb_error *err) _warn_unused_;
/* 1: found (it may have expired); 0: none. */
int swb_token_find_hash(struct swb_db *db, const char *hash, struct swb_token *ret,
                        struct swb_error *err) _warn_unused_;
int swb_token_touch(struct swb_db *db, int64_t token, int64_t now,
                    struct swb_error *err) _warn_unused_;
int swb_token_remove(struct swb_db *db, int64_t token, struct swb_error *err) _warn_unused_;
/* In the order of names. */
int swb_token_list(struct swb_db *db,
                   int (*each)(const struct swb_token *token, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err) _warn_unused_;
