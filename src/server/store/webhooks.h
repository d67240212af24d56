/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/webhooks.h - who is told of what stands in the audit log
 *
 * A webhook's position is the last line of the log that it was told of or that did not concern it:
 * so nothing is lost when a server ends, and nothing has to be queued.
 */
#include "server/auth/secret.h"
#include "server/store/db.h"
#include "server/store/names.h"

#define SWB_WEBHOOKS_MAX 64
#define SWB_WEBHOOK_URL_MAX 1000
#define SWB_WEBHOOK_EVENTS_MAX 256

struct swb_webhook {
        int64_t id;
        char name[SWB_NAME_MAX + 1];
        char url[SWB_WEBHOOK_URL_MAX + 1];
        char secret[SWB_SECRET_SIZE];
        char events[SWB_WEBHOOK_EVENTS_MAX + 1]; /* beginnings of actions, blanks between */
        bool enabled;
        int64_t created, position, attempts, next_at, last_at;
        char last_result[SWB_TEXT_MAX + 1];
        int64_t delivered, dropped;
};

/* NOT_FOUND */
int swb_webhook_find(struct swb_db *db, const char *name, struct swb_webhook *ret,
                     struct swb_error *err) _warn_unused_;
/* In the order of names. */
int swb_webhook_list(struct swb_db *db,
                     int (*each)(const struct swb_webhook *hook, void *userdata,
                                 struct swb_error *err),
                     void *userdata, struct swb_error *err) _warn_unused_;
/* Makes one (id 0), or stores url, events and enabled, and tries again at once. Inside the caller's
 * transaction. USAGE, LIMIT, EEXIST. */
int swb_webhook_put(struct swb_db *db, const struct swb_webhook *hook, int64_t now,
                    struct swb_error *err) _warn_unused_;
int swb_webhook_remove(struct swb_db *db, int64_t hook, struct swb_error *err) _warn_unused_;

/* Is it ours for the next `seconds`? Return: 1, or 0: another server was faster. */
int swb_webhook_claim(struct swb_db *db, const struct swb_webhook *hook, int64_t until,
                      struct swb_error *err) _warn_unused_;
/* Stores position, attempts, next_at, last_at, last_result, delivered and dropped. */
int swb_webhook_note(struct swb_db *db, const struct swb_webhook *hook,
                     struct swb_error *err) _warn_unused_;
/* Does the action concern it? */
bool swb_webhook_wants(const struct swb_webhook *hook, const char *action);
