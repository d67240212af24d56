/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/history.h"
#include "server/store/schema.h"
#include "server/test-folder.h"

#define NOW ((int64_t)1700000000 / 86400 * 86400)

static struct swb_db *open_db(const char *folder)
{
        struct swb_db *db = NULL;
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_db_open(folder, SWB_DB_CREATE, &db, &err), &err);
        assert_ok(swb_db_exec(db,
                              "INSERT INTO apps (id, appid, created) VALUES (1, 'one', 1);"
                              "INSERT INTO apps (id, appid, created) VALUES (2, 'two', 1)",
                              &err),
                  &err);
        return db;
}

/* Rows as text, one after the other. */
struct seen {
        char text[4096];
        size_t n_rows;
};

static int see_version(int64_t at, const char *appid, const char *version, uint64_t devices,
                       void *userdata)
{
        struct seen *seen = userdata;
        size_t n = strlen(seen->text);

        (void)snprintf(seen->text + n, sizeof(seen->text) - n, "%s%lld %s %s %llu", n ? ", " : "",
                       (long long)(at - NOW), appid, version, (unsigned long long)devices);
        seen->n_rows++;
        return 0;
}

static int see_load(int64_t at, const struct swb_history_load *load, void *userdata)
{
        struct seen *seen = userdata;
        size_t n = strlen(seen->text);

        (void)snprintf(seen->text + n, sizeof(seen->text) - n, "%s%lld %llu %llu %llu %llu",
                       n ? ", " : "", (long long)(at - NOW), (unsigned long long)load->checks,
                       (unsigned long long)load->offers, (unsigned long long)load->completed,
                       (unsigned long long)load->failed);
        seen->n_rows++;
        return 0;
}

static void add(struct swb_db *db, int64_t app, int64_t at, const char *version, uint64_t devices)
{
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_history_add_version(db, app, at, version, devices, &err), &err);
}

static void test_versions(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = open_db(*state);
        struct swb_error err = SWB_ERROR_INIT;
        struct seen seen = {0};

        add(db, 1, NOW, "1.0", 10);
        add(db, 1, NOW, "2.0", 5);
        add(db, 1, NOW, "2.0", 6); /* another server took the same sample: the first one stays */
        add(db, 2, NOW + 300, "7", 1);
        add(db, 1, NOW - 300, "1.0", 99);
        assert_ok(swb_history_versions(db, 0, NOW, 300, see_version, &seen, &err), &err);
        assert_string_equal(seen.text, "0 one 1.0 10, 0 one 2.0 5, 300 two 7 1");
        seen = (struct seen){0};
        assert_ok(swb_history_versions(db, 2, 0, 300, see_version, &seen, &err), &err);
        assert_string_equal(seen.text, "300 two 7 1");
        seen = (struct seen){0};
        assert_ok(swb_history_versions(db, 0, 0, 3600, see_version, &seen, &err), &err);
        assert_string_equal(seen.text, "0 one 1.0 10, 0 one 2.0 5");
}

static void test_loads(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = open_db(*state);
        const struct swb_history_load load = {
                .checks = 100, .offers = 10, .completed = 3, .failed = 1};
        struct swb_error err = SWB_ERROR_INIT;
        struct seen seen = {0};

        /* Two servers, and two spans of one hour. */
        assert_ok(swb_history_add_load(db, NOW, &load, &err), &err);
        assert_ok(swb_history_add_load(db, NOW, &load, &err), &err);
        assert_ok(swb_history_add_load(db, NOW + 300, &load, &err), &err);
        assert_ok(swb_history_add_load(db, NOW + 3600, &load, &err), &err);
        assert_ok(swb_history_loads(db, NOW, 300, see_load, &seen, &err), &err);
        assert_string_equal(seen.text, "0 200 20 6 2, 300 100 10 3 1, 3600 100 10 3 1");
        seen = (struct seen){0};
        assert_ok(swb_history_loads(db, NOW, 3600, see_load, &seen, &err), &err);
        assert_string_equal(seen.text, "0 300 30 9 3, 3600 100 10 3 1");
}

/* However long it runs, the table stays small, and each answer has few enough points. */
static void test_thin(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = open_db(*state);
        struct swb_error err = SWB_ERROR_INIT;
        struct seen seen = {0};
        const int64_t day = 86400;

        assert_ok(swb_db_exec(db, "BEGIN", &err), &err);
        for (int64_t at = NOW - 5 * day; at < NOW; at += 300)
                add(db, 1, at, "1.0", 1);
        add(db, 1, NOW - 100 * day, "1.0", 2);
        add(db, 1, NOW - 100 * day + 3600, "1.0", 3);
        add(db, 1, NOW - 1200 * day, "1.0", 4);
        assert_ok(swb_history_thin(db, NOW, &err), &err);
        assert_ok(swb_db_exec(db, "COMMIT", &err), &err);
        assert_ok(swb_history_versions(db, 1, 0, 300, see_version, &seen, &err), &err);
        assert_int_equal(seen.n_rows, 2 * 288 + 3 * 24 + 1);
        for (int64_t span = 3600; span <= 3 * 365 * day; span += 3600)
                assert_true(span / swb_history_step(span) <= SWB_HISTORY_POINTS_MAX);
}

/* From the rows of devices: the versions with most of them, the others as one. */
static void test_take(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = open_db(*state);
        const struct swb_history_load load = {.checks = 7};
        struct swb_error err = SWB_ERROR_INIT;
        struct seen seen = {0};

        assert_ok(swb_db_exec(db,
                              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                              " WHERE i < 100)"
                              " INSERT INTO devices SELECT i, 1 + i / 100, 'm' || i,"
                              " CASE WHEN i < 86 THEN '1.0' ELSE '2.' || i END,"
                              " 'stable', '', '', 'a', 1, '', '', 1, 2, 3, 0, 4, 13, 1, 0, 1, 5, 1,"
                              " 0, '' FROM n",
                              &err),
                  &err);
        assert_ok(swb_history_take(db, NOW, 0, &load, &err), &err);
        assert_ok(swb_history_take(db, NOW + 300, NOW, &load, &err), &err);
        assert_ok(swb_history_versions(db, 0, NOW + 300, 300, see_version, &seen, &err), &err);
        assert_int_equal(seen.n_rows, SWB_HISTORY_VERSIONS_MAX + 2);
        assert_non_null(strstr(seen.text, "300 one  3, 300 one 1.0 85, 300 one 2.86 1,"));
        assert_non_null(strstr(seen.text, ", 300 two 2.100 1"));
        seen = (struct seen){0};
        assert_ok(swb_history_loads(db, 0, 300, see_load, &seen, &err), &err);
        assert_string_equal(seen.text, "0 7 0 0 0");
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_FOLDER(test_versions),
                WITH_FOLDER(test_loads),
                WITH_FOLDER(test_thin),
                WITH_FOLDER(test_take),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
