/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/schema.h"
#include "server/test-folder.h"

static void test_fresh(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        int64_t n;

        assert_fault(swb_db_open(*state, SWB_DB_EXISTING, &db, &err), &err, SWB_FAULT_NOT_FOUND);
        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        assert_ok(swb_db_number(db, "PRAGMA user_version", &n, &err), &err);
        assert_int_equal(n, swb_schema_version());
        assert_ok(swb_db_number(db, "PRAGMA synchronous", &n, &err), &err);
        assert_int_equal(n, 2);
        assert_ok(swb_db_number(db, "PRAGMA foreign_keys", &n, &err), &err);
        assert_int_equal(n, 1);
        db = swb_db_free(db);
        assert_ok(swb_db_open(*state, SWB_DB_EXISTING, &db, &err), &err);
}

/* Makes a database that has taken `version` steps. */
static struct swb_db *open_raw(const char *folder, int version)
{
        struct swb_db *db = NULL;
        struct swb_error err = SWB_ERROR_INIT;

        /* A connection without the tables: opened, then emptied by way of a fresh file. */
        assert_ok(swb_db_open(folder, SWB_DB_CREATE, &db, &err), &err);
        assert_ok(swb_db_exec(db,
                              "PRAGMA foreign_keys = OFF; DROP TABLE daily; DROP TABLE events;"
                              "DROP TABLE devices; PRAGMA user_version = 1",
                              &err),
                  &err);
        assert_int_equal(version, 1);
        return db;
}

static void test_step_by_step(void **state)
{
        struct swb_db *db = open_raw(*state, 1);
        struct swb_error err = SWB_ERROR_INIT;
        int64_t n;

        assert_ok(swb_db_exec(db, "INSERT INTO apps (appid, created) VALUES ('kept', 7)", &err),
                  &err);
        assert_true(swb_db_number(db, "SELECT count(*) FROM devices", &n, &err) < 0);
        (void)swb_db_free(db);

        assert_ok(swb_db_open(*state, SWB_DB_EXISTING, &db, &err), &err);
        assert_ok(swb_db_number(db, "SELECT created FROM apps WHERE appid = 'kept'", &n, &err),
                  &err);
        assert_int_equal(n, 7);
        assert_ok(swb_db_number(db, "SELECT count(*) FROM devices", &n, &err), &err);
        assert_ok(swb_schema_upgrade(db, &err), &err); /* nothing left to do */
        (void)swb_db_free(db);
}

static void test_failed_step(void **state)
{
        struct swb_db *db = open_raw(*state, 1);
        struct swb_error err = SWB_ERROR_INIT;
        int64_t n;

        /* Something is in the way of step 2: all of it is undone. */
        assert_ok(swb_db_exec(db, "CREATE TABLE daily (x)", &err), &err);
        assert_fault(swb_schema_upgrade(db, &err), &err, SWB_FAULT_IO);
        assert_ok(swb_db_number(db, "PRAGMA user_version", &n, &err), &err);
        assert_int_equal(n, 1);
        assert_true(swb_db_number(db, "SELECT count(*) FROM devices", &n, &err) < 0);
        (void)swb_db_free(db);
}

static void test_foreign(void **state)
{
        struct swb_db *db = NULL;
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        assert_ok(swb_db_exec(db, "PRAGMA user_version = 1000", &err), &err);
        db = swb_db_free(db);
        assert_fault(swb_db_open(*state, SWB_DB_EXISTING, &db, &err), &err, SWB_FAULT_UNSUPPORTED);
}

static void test_other_program(void **state)
{
        struct swb_db *db = NULL;
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        assert_ok(swb_db_exec(db, "PRAGMA application_id = 77", &err), &err);
        db = swb_db_free(db);
        assert_fault(swb_db_open(*state, SWB_DB_EXISTING, &db, &err), &err, SWB_FAULT_CONFIG);
}

static void test_not_a_database(void **state)
{
        _cleanup_free_ char *path = NULL;
        struct swb_db *db = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        FILE *file;

        assert_true(asprintf(&path, "%s/%s", (char *)*state, SWB_DB_FILE) > 0);
        file = fopen(path, "we");
        assert_non_null(file);
        for (int i = 0; i < 1000; i++)
                (void)fprintf(file, "this is not a database\n");
        (void)fclose(file);
        assert_fault(swb_db_open(*state, SWB_DB_EXISTING, &db, &err), &err, SWB_FAULT_FORMAT);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_FOLDER(test_fresh),         WITH_FOLDER(test_step_by_step),
                WITH_FOLDER(test_failed_step),   WITH_FOLDER(test_foreign),
                WITH_FOLDER(test_other_program), WITH_FOLDER(test_not_a_database),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
