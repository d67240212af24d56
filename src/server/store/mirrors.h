/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/mirrors.h - folders of payloads that are nearer to some devices than to others
 *
 * Each names devices by one word: a network, a group, a tag or a hardware class. All that fit a
 * device are told to it, in the order of positions, before what is for every device.
 */
#include "server/store/db.h"
#include "server/store/names.h"

#define SWB_MIRROR_RULES_MAX 256
#define SWB_MIRROR_URL_MAX 512

enum swb_mirror_kind {
        SWB_MIRROR_NETWORK, /* "10.0.0.0/8" */
        SWB_MIRROR_GROUP,   /* name */
        SWB_MIRROR_TAG,     /* name; a region is a tag that its devices have */
        SWB_MIRROR_HARDWARE_CLASS,
        _SWB_MIRROR_MAX,
        _SWB_MIRROR_INVALID = -EINVAL,
};

/* "network", "group", "tag", "hardware_class". */
const char *swb_mirror_kind_to_string(enum swb_mirror_kind kind);
enum swb_mirror_kind swb_mirror_kind_from_string(const char *name);

struct swb_mirror_rule {
        int64_t id;
        char name[SWB_NAME_MAX + 1];
        int64_t position;
        enum swb_mirror_kind kind;
        char value[129];
        char url[SWB_MIRROR_URL_MAX + 1]; /* of the folder */
};

/* Makes or replaces it; position 0: keep it, or behind all others. Inside the caller's transaction.
 * USAGE: the value or URL is none; LIMIT: too many. */
int swb_mirror_put(struct swb_db *db, const struct swb_mirror_rule *rule,
                   struct swb_error *err) _warn_unused_;
/* NOT_FOUND. */
int swb_mirror_find(struct swb_db *db, const char *name, struct swb_mirror_rule *ret,
                    struct swb_error *err) _warn_unused_;
int swb_mirror_remove(struct swb_db *db, const struct swb_mirror_rule *rule,
                      struct swb_error *err) _warn_unused_;
/* In the order of positions. */
int swb_mirror_list(struct swb_db *db,
                    int (*each)(const struct swb_mirror_rule *rule, void *userdata,
                                struct swb_error *err),
                    void *userdata, struct swb_error *err) _warn_unused_;
