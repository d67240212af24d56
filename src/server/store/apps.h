/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/apps.h - applications: what a fleet of one product runs, and its public keys
 */
#include "omaha/common.h"
#include "os/keyring.h"
#include "server/store/db.h"
#include "server/store/names.h"

/* How package hash_sha256 is written: the protocol says hex, some clients read it as base64. */
enum swb_hash_form {
        SWB_HASH_HEX,
        SWB_HASH_BASE64,
        SWB_HASH_OMIT,
        _SWB_HASH_FORM_MAX,
        _SWB_HASH_FORM_INVALID = -EINVAL,
};

const char *swb_hash_form_to_string(enum swb_hash_form form);
enum swb_hash_form swb_hash_form_from_string(const char *name);

struct swb_app {
        int64_t id;
        char appid[SWB_APPID_MAX + 1]; /* lower case, without braces */
        char default_channel[SWB_NAME_MAX + 1];
        enum swb_hash_form hash_form;
        uint64_t required_signatures; /* of different keys, that a payload must have */
};

/* The app with this id; appid NULL: the only one there is. NOT_FOUND, USAGE. */
int swb_app_find(struct swb_db *db, const char *appid, struct swb_app *ret,
                 struct swb_error *err) _warn_unused_;
/* Its appid (SWB_APPID_MAX + 1) by its row. NOT_FOUND. */
int swb_app_name(struct swb_db *db, int64_t app, char *ret, struct swb_error *err) _warn_unused_;
/* The same, made when it is not there. Inside the caller's transaction. */
int swb_app_ensure(struct swb_db *db, const char *appid, int64_t now, struct swb_app *ret,
                   struct swb_error *err) _warn_unused_;
/* Stores default_channel, hash_form and required_signatures (1 to SWB_KEYS_MAX). Inside the
 * caller's transaction. */
int swb_app_update(struct swb_db *db, const struct swb_app *app,
                   struct swb_error *err) _warn_unused_;
/* With its channels, groups, keys and tags. BUSY while it has releases, images, devices or work.
 * Inside the caller's transaction. */
int swb_app_remove(struct swb_db *db, const struct swb_app *app,
                   struct swb_error *err) _warn_unused_;

/* Every app in the order of ids; `each` returns < 0 to stop. */
int swb_app_list(struct swb_db *db,
                 int (*each)(const struct swb_app *app, void *userdata, struct swb_error *err),
                 void *userdata, struct swb_error *err) _warn_unused_;

/* Adds the key of a PEM file; one that is there already is fine. CONFIG: not a key. Inside the
 * caller's transaction. */
int swb_app_add_key_file(struct swb_db *db, int64_t app, const char *path, int64_t now,
                         struct swb_error *err) _warn_unused_;
/* The same for a PEM text; `name` for messages. */
int swb_app_add_key(struct swb_db *db, int64_t app, const char *name, const char *pem, int64_t now,
                    struct swb_error *err) _warn_unused_;
/* Forgets a key by its id. NOT_FOUND. Inside the caller's transaction. */
int swb_app_remove_key(struct swb_db *db, int64_t app, const char *key_id,
                       struct swb_error *err) _warn_unused_;
/* Adds the app's keys to a ring. */
int swb_app_load_keys(struct swb_db *db, int64_t app, struct swb_keyring *ring,
                      struct swb_error *err) _warn_unused_;
