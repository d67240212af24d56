/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/webhooks.h"

#include "base/text.h"
#include "server/store/audit.h"

#define SELECT                                                                                     \
        "SELECT id, name, url, secret, events, enabled, created, position, attempts, next_at,"     \
        " last_at, last_result, delivered, dropped FROM webhooks"

static void read_hook(const struct swb_query *q, struct swb_webhook *hook)
{
        hook->id = swb_query_i64(q, 0);
        swb_copy_bounded(hook->name, swb_query_text(q, 1), SWB_NAME_MAX);
        swb_copy_bounded(hook->url, swb_query_text(q, 2), SWB_WEBHOOK_URL_MAX);
        swb_copy_bounded(hook->secret, swb_query_text(q, 3), SWB_SECRET_SIZE - 1);
        swb_copy_bounded(hook->events, swb_query_text(q, 4), SWB_WEBHOOK_EVENTS_MAX);
        hook->enabled = swb_query_i64(q, 5) != 0;
        hook->created = swb_query_i64(q, 6);
        hook->position = swb_query_i64(q, 7);
        hook->attempts = swb_query_i64(q, 8);
        hook->next_at = swb_query_i64(q, 9);
        hook->last_at = swb_query_i64(q, 10);
        swb_copy_bounded(hook->last_result, swb_query_text(q, 11), SWB_TEXT_MAX);
        hook->delivered = swb_query_i64(q, 12);
        hook->dropped = swb_query_i64(q, 13);
}

int swb_webhook_find(struct swb_db *db, const char *name, struct swb_webhook *ret,
                     struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db, SELECT " WHERE name = ?", SWB_VALUES(SWB_TEXT(name)), err);
        if (r < 0)
                return r;
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "there is no webhook '%.80s'",
                                name);
        read_hook(&q, ret);
        return 0;
}

int swb_webhook_list(struct swb_db *db,
                     int (*each)(const struct swb_webhook *hook, void *userdata,
                                 struct swb_error *err),
                     void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_webhook hook;
        int r;

        r = swb_query_init(&q, db, SELECT " ORDER BY name", err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                read_hook(&q, &hook);
                r = each(&hook, userdata, err);
        }
        return r;
}

static int check(struct swb_db *db, const struct swb_webhook *hook, struct swb_error *err)
{
        struct swb_error absent = SWB_ERROR_INIT;
        struct swb_webhook there;
        int64_t n;
        int r;

        if (!swb_starts_with(hook->url, "http://") && !swb_starts_with(hook->url, "https://"))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%.80s' is not an http or https URL", hook->url);
        if (hook->id)
                return 0;
        r = swb_name_check("webhook", hook->name, err);
        if (r < 0)
                return r;
        if (swb_webhook_find(db, hook->name, &there, &absent) >= 0)
                return swb_fail(err, -EEXIST, SWB_FAULT_USAGE, "there is a webhook '%s' already",
                                hook->name);
        r = swb_db_number(db, "SELECT count(*) FROM webhooks", &n, err);
        if (r >= 0 && n >= SWB_WEBHOOKS_MAX)
                return swb_fail(err, -ENOSPC, SWB_FAULT_LIMIT, "there are %d webhooks already",
                                SWB_WEBHOOKS_MAX);
        return r;
}

/* It is told of what comes from now on. */
static int insert(struct swb_db *db, const struct swb_webhook *hook, int64_t now,
                  struct swb_error *err)
{
        int64_t position;
        int r;

        r = swb_audit_last(db, &position, err);
        if (r >= 0)
                r = swb_db_run(db,
                               "INSERT INTO webhooks (name, url, secret, events, enabled,"
                               " created, position, attempts, next_at, last_at, last_result,"
                               " delivered, dropped)"
                               " VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, '', 0, 0)",
                               SWB_VALUES(SWB_TEXT(hook->name), SWB_TEXT(hook->url),
                                          SWB_TEXT(hook->secret), SWB_TEXT(hook->events),
                                          SWB_NUMBER(hook->enabled), SWB_NUMBER(now),
                                          SWB_NUMBER(position)),
                               err);
        return r;
}

int swb_webhook_put(struct swb_db *db, const struct swb_webhook *hook, int64_t now,
                    struct swb_error *err)
{
        int r = check(db, hook, err);

        if (r >= 0 && hook->id == 0)
                return insert(db, hook, now, err);
        if (r >= 0)
                r = swb_db_run(db,
                               "UPDATE webhooks SET url = ?, events = ?, enabled = ?,"
                               " attempts = 0, next_at = 0 WHERE id = ?",
                               SWB_VALUES(SWB_TEXT(hook->url), SWB_TEXT(hook->events),
                                          SWB_NUMBER(hook->enabled), SWB_NUMBER(hook->id)),
                               err);
        return r;
}

int swb_webhook_remove(struct swb_db *db, int64_t hook, struct swb_error *err)
{
        return swb_db_run(db, "DELETE FROM webhooks WHERE id = ?", SWB_VALUES(SWB_NUMBER(hook)),
                          err);
}

int swb_webhook_claim(struct swb_db *db, const struct swb_webhook *hook, int64_t until,
                      struct swb_error *err)
{
        int r;

        r = swb_db_run(
                db, "UPDATE webhooks SET next_at = ? WHERE id = ? AND next_at = ?",
                SWB_VALUES(SWB_NUMBER(until), SWB_NUMBER(hook->id), SWB_NUMBER(hook->next_at)),
                err);
        return r < 0 ? r : swb_db_changes(db) == 1;
}

int swb_webhook_note(struct swb_db *db, const struct swb_webhook *hook, struct swb_error *err)
{
        return swb_db_run(db,
                          "UPDATE webhooks SET position = ?, attempts = ?, next_at = ?,"
                          " last_at = ?, last_result = ?, delivered = ?, dropped = ?"
                          " WHERE id = ?",
                          SWB_VALUES(SWB_NUMBER(hook->position), SWB_NUMBER(hook->attempts),
                                     SWB_NUMBER(hook->next_at), SWB_NUMBER(hook->last_at),
                                     SWB_TEXT(hook->last_result), SWB_NUMBER(hook->delivered),
                                     SWB_NUMBER(hook->dropped), SWB_NUMBER(hook->id)),
                          err);
}

bool swb_webhook_wants(const struct swb_webhook *hook, const char *action)
{
        const char *p = hook->events;

        while (*p) {
                size_t n = strcspn(p, " ");

                if (n > 0 && strncmp(action, p, n) == 0)
                        return true;
                p += n + strspn(p + n, " ");
        }
        return false;
}
