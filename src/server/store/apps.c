/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/apps.h"

#include "os/file.h"
#include "server/store/uses.h"

#define KEY_FILE_MAX_BYTES 16384
#define COLUMNS "id, appid, default_channel, hash_form, required_signatures"

static const char *const hash_forms[] = {
        [SWB_HASH_HEX] = "hex", [SWB_HASH_BASE64] = "base64", [SWB_HASH_OMIT] = "omit"};

const char *swb_hash_form_to_string(enum swb_hash_form form)
{
        return form >= 0 && form < _SWB_HASH_FORM_MAX ? hash_forms[form] : "hex";
}

enum swb_hash_form swb_hash_form_from_string(const char *name)
{
        for (int i = 0; i < _SWB_HASH_FORM_MAX; i++)
                if (strcmp(name, hash_forms[i]) == 0)
                        return (enum swb_hash_form)i;
        return _SWB_HASH_FORM_INVALID;
}

static void read_app(const struct swb_query *q, struct swb_app *app)
{
        app->id = swb_query_i64(q, 0);
        swb_copy_bounded(app->appid, swb_query_text(q, 1), SWB_APPID_MAX);
        swb_copy_bounded(app->default_channel, swb_query_text(q, 2), SWB_NAME_MAX);
        app->hash_form = swb_hash_form_from_string(swb_query_text(q, 3));
        if (app->hash_form == _SWB_HASH_FORM_INVALID)
                app->hash_form = SWB_HASH_HEX;
        app->required_signatures = (uint64_t)SWB_MAX(swb_query_i64(q, 4), 1);
}

static int normalize(const char *appid, char *text, struct swb_error *err)
{
        if (swb_omaha_appid_normalize(appid, text, SWB_APPID_MAX + 1) < 0 ||
            !swb_is_plain_id(text, SWB_APPID_MAX))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%.160s' can't be an app id: 1 to %d printable characters without "
                                "spaces",
                                appid, SWB_APPID_MAX);
        return 0;
}

static int find_only(struct swb_db *db, struct swb_app *ret, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_init(&q, db, "SELECT " COLUMNS " FROM apps", err);
        if (r >= 0)
                r = swb_query_step(&q, err);
        if (r < 0)
                return r;
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "there is no app yet: publish a payload first");
        read_app(&q, ret);
        r = swb_query_step(&q, err);
        if (r > 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "there are several apps: say which one with --app");
        return r;
}

int swb_app_find(struct swb_db *db, const char *appid, struct swb_app *ret, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        char text[SWB_APPID_MAX + 1];
        int r;

        if (!appid)
                return find_only(db, ret, err);
        r = normalize(appid, text, err);
        if (r >= 0)
                r = swb_query_init(&q, db, "SELECT " COLUMNS " FROM apps WHERE appid = ?", err);
        if (r < 0)
                return r;
        swb_query_bind_text(&q, text);
        r = swb_query_step(&q, err);
        if (r < 0)
                return r;
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "there is no app '%s'", appid);
        read_app(&q, ret);
        return 0;
}

int swb_app_name(struct swb_db *db, int64_t app, char *ret, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_init(&q, db, "SELECT appid FROM apps WHERE id = ?", err);
        if (r < 0)
                return r;
        swb_query_bind_i64(&q, app);
        r = swb_query_step(&q, err);
        if (r < 0)
                return r;
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "there is no such app");
        swb_copy_bounded(ret, swb_query_text(&q, 0), SWB_APPID_MAX);
        return 0;
}

int swb_app_ensure(struct swb_db *db, const char *appid, int64_t now, struct swb_app *ret,
                   struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        char text[SWB_APPID_MAX + 1];
        int r;

        r = normalize(appid, text, err);
        if (r >= 0)
                r = swb_query_init(
                        &q, db,
                        "INSERT INTO apps (appid, created) VALUES (?, ?) ON CONFLICT DO NOTHING",
                        err);
        if (r < 0)
                return r;
        swb_query_bind_text(&q, text);
        swb_query_bind_i64(&q, now);
        r = swb_query_run(&q, err);
        return r < 0 ? r : swb_app_find(db, appid, ret, err);
}

int swb_app_update(struct swb_db *db, const struct swb_app *app, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        if (app->required_signatures < 1 || app->required_signatures > SWB_KEYS_MAX)
                return swb_fail(err, -ERANGE, SWB_FAULT_USAGE,
                                "required signatures: 1 to %d of them", SWB_KEYS_MAX);
        r = swb_name_check("channel", app->default_channel, err);
        if (r >= 0)
                r = swb_query_init(&q, db,
                                   "UPDATE apps SET default_channel = ?, hash_form = ?,"
                                   " required_signatures = ? WHERE id = ?",
                                   err);
        if (r < 0)
                return r;
        swb_query_bind_text(&q, app->default_channel);
        swb_query_bind_text(&q, swb_hash_form_to_string(app->hash_form));
        swb_query_bind_i64(&q, (int64_t)app->required_signatures);
        swb_query_bind_i64(&q, app->id);
        return swb_query_run(&q, err);
}

static int remove_rows(struct swb_db *db, const char *sql, int64_t app, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r = swb_query_init(&q, db, sql, err);

        if (r < 0)
                return r;
        swb_query_bind_i64(&q, app);
        return swb_query_run(&q, err);
}

int swb_app_remove(struct swb_db *db, const struct swb_app *app, struct swb_error *err)
{
        /* The other tables' rows go with the app's. */
        static const char *const statements[] = {
                "DELETE FROM app_keys WHERE app = ?",      "DELETE FROM channels WHERE app = ?",
                "DELETE FROM device_groups WHERE app = ?", "DELETE FROM device_tags WHERE app = ?",
                "DELETE FROM daily WHERE app = ?",         "DELETE FROM apps WHERE id = ?"};
        char what[SWB_APPID_MAX + 16];
        int r;

        (void)snprintf(what, sizeof(what), "app '%s'", app->appid);
        r = swb_uses_check(db, SWB_USED_APP, app->id, app->appid, what, err);
        for (size_t i = 0; r >= 0 && i < SWB_ELEMENTS(statements); i++)
                r = remove_rows(db, statements[i], app->id, err);
        return r;
}

int swb_app_list(struct swb_db *db,
                 int (*each)(const struct swb_app *app, void *userdata, struct swb_error *err),
                 void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_app app;
        int r;

        r = swb_query_init(&q, db, "SELECT " COLUMNS " FROM apps ORDER BY appid", err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                read_app(&q, &app);
                r = each(&app, userdata, err);
        }
        return r;
}

static int insert_key(struct swb_db *db, int64_t app, const char *key_id, const char *pem,
                      int64_t now, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_init(&q, db,
                           "INSERT INTO app_keys (app, key_id, pem, created) "
                           "VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                           err);
        if (r < 0)
                return r;
        swb_query_bind_i64(&q, app);
        swb_query_bind_text(&q, key_id);
        swb_query_bind_text(&q, pem);
        swb_query_bind_i64(&q, now);
        return swb_query_run(&q, err);
}

int swb_app_add_key(struct swb_db *db, int64_t app, const char *name, const char *pem, int64_t now,
                    struct swb_error *err)
{
        _cleanup_(swb_keyring_freep) struct swb_keyring *one = NULL;
        int r;

        if (strlen(pem) >= KEY_FILE_MAX_BYTES)
                return swb_fail(err, -E2BIG, SWB_FAULT_CONFIG, "%s: too long for a key", name);
        r = swb_keyring_new(&one, err);
        if (r >= 0)
                r = swb_keyring_add_pem(one, name, pem, strlen(pem), err);
        return r < 0 ? r : insert_key(db, app, swb_keyring_id(one, 0), pem, now, err);
}

int swb_app_add_key_file(struct swb_db *db, int64_t app, const char *path, int64_t now,
                         struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf pem = SWB_BUF_INIT(KEY_FILE_MAX_BYTES);
        int r;

        r = swb_read_file(path, &pem, err);
        if (r >= 0 && swb_buf_append(&pem, "", 1) < 0)
                r = swb_oom(err);
        return r < 0 ? r : swb_app_add_key(db, app, path, (const char *)pem.data, now, err);
}

int swb_app_remove_key(struct swb_db *db, int64_t app, const char *key_id, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_init(&q, db, "DELETE FROM app_keys WHERE app = ? AND key_id = ?", err);
        if (r < 0)
                return r;
        swb_query_bind_i64(&q, app);
        swb_query_bind_text(&q, key_id);
        r = swb_query_run(&q, err);
        if (r >= 0 && swb_db_changes(db) == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "the app has no key '%s'",
                                key_id);
        return r;
}

int swb_app_load_keys(struct swb_db *db, int64_t app, struct swb_keyring *ring,
                      struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_init(&q, db, "SELECT key_id, pem FROM app_keys WHERE app = ? ORDER BY key_id",
                           err);
        if (r < 0)
                return r;
        swb_query_bind_i64(&q, app);
        while ((r = swb_query_step(&q, err)) > 0) {
                const char *pem = swb_query_text(&q, 1);

                r = swb_keyring_add_pem(ring, swb_query_text(&q, 0), pem, strlen(pem), err);
                if (r < 0)
                        return r;
        }
        return r;
}
