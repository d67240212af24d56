/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "os/hash.h"
#include "server/store/schema.h"
#include "server/test-folder.h"

static void test_fresh(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        int64_t n;

        assert_fault(swb_db_open(*state, SWB_DB_EXISTING, &db, &err), &err, SWB_FAULT_NOT_FOUND);
        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        assert_ok(swb_db_version(db, &n, &err), &err);
        assert_int_equal(n, swb_schema_version());
        if (!is_in_folder())
                return;
        assert_ok(swb_db_number(db, "PRAGMA synchronous", &n, &err), &err);
        assert_int_equal(n, 2);
        assert_ok(swb_db_number(db, "PRAGMA foreign_keys", &n, &err), &err);
        assert_int_equal(n, 1);
        db = swb_db_free(db);
        assert_ok(swb_db_open(*state, SWB_DB_EXISTING, &db, &err), &err);
}

/* A database that has taken `version` steps, as the program of that time left it. */
static struct swb_db *open_old(const char *folder, int version)
{
        struct swb_db *db = NULL;
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_db_open(folder, SWB_DB_BARE, &db, &err), &err);
        assert_ok(swb_schema_upgrade_to(db, version, &err), &err);
        return db;
}

/* What stood in the tables when a step was the last one. */
static const char *const content[] = {
        "INSERT INTO apps (id, appid, created) VALUES (1, 'kept', 7);"
        "INSERT INTO releases (id, app, version, created) VALUES (1, 1, '2.0', 8);"
        "INSERT INTO channels VALUES (1, 1, 'stable', 1, 9);"
        "INSERT INTO device_groups (id, app, name, position, channel, hardware_class, board, track,"
        " has_machines) VALUES (1, 1, 'lab', 1, '', 'hw', '', '', 1);"
        "INSERT INTO group_machines VALUES (1, 'm1');",

        "INSERT INTO devices VALUES (1, 1, 'm1', '1.0', 'stable', '', '', 'a', 2, '', '2.0', 1, 2,"
        " 3, 0, 4, 13, 1, 0, 1, 5, 1, 0);"
        "INSERT INTO events VALUES (1, 1, 4, 13, 1, 0, '1.0', '', '2.0', '', '', 'a', 'r', 0);"
        "INSERT INTO daily VALUES (1, 19000, 1, 1, 1, 1, 1);",

        "INSERT INTO rollouts (id, app, name, channel, release, salt, status, reason, stage,"
        " stage_opened, need, hours, time_zone, max_failures, max_failure_ppm, min_sample,"
        " class_failures, silent_seconds, overdue_seconds, deadline_seconds, priority, created,"
        " changed) VALUES (1, 1, 'r', 'stable', 1, 's', 4, '', 0, 1, 1, '', '', 1, 1, 1, 1, 1, 1,"
        " 0, 'normal', 1, 1);",

        "INSERT INTO load_history VALUES (300, 1, 1, 1, 1);",

        "INSERT INTO rollout_members (rollout, machineid, stage, state, has_slot, hardware_class,"
        " reason, granted_at, heard_at) VALUES (1, 'm1', 0, 4, 0, '', '', 1, 1);",

        "UPDATE member_clock SET seq = 7;",

        "INSERT INTO event_days (app, day, release, type, result, errorcode, n)"
        " VALUES (1, 0, '2.0', 13, 1, 0, 1);",

        "UPDATE egress SET per_day = 5;",

        "INSERT INTO payloads (release, source_version, sha256, sha1, size, metadata_size,"
        " metadata_signature, name, created) VALUES (1, '', 's', 't', 5, 6, 'm', 'n', 7);",
};

/* The whole schema as text. */
static char *schema_of(struct swb_db *db)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_error err = SWB_ERROR_INIT;
        char *text;

        assert_ok(swb_query_init(&q, db,
                                 "SELECT group_concat(sql, ';') FROM (SELECT sql FROM"
                                 " sqlite_master WHERE sql IS NOT NULL ORDER BY name)",
                                 &err),
                  &err);
        assert_int_equal(swb_query_step(&q, &err), 1);
        text = strdup(swb_query_text(&q, 0));
        assert_non_null(text);
        return text;
}

static void check_number(struct swb_db *db, const char *sql, int64_t want)
{
        struct swb_error err = SWB_ERROR_INIT;
        int64_t n = 0;

        assert_ok(swb_db_number(db, sql, &n, &err), &err);
        if (n != want)
                fail_msg("%s: %lld, wanted %lld", sql, (long long)n, (long long)want);
}

static void check_version(struct swb_db *db, int64_t want)
{
        struct swb_error err = SWB_ERROR_INIT;
        int64_t n = 0;

        assert_ok(swb_db_version(db, &n, &err), &err);
        assert_int_equal(n, want);
}

static void upgrade_from(const char *folder, int version)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_db *db = open_old(folder, version);

        for (int i = 0; i < version; i++)
                assert_ok(swb_db_exec(db, content[i], &err), &err);
        (void)swb_db_free(db);
        assert_ok(swb_db_open(folder, SWB_DB_EXISTING, &db, &err), &err);
        check_version(db, swb_schema_version());
        check_number(db, "SELECT created FROM apps WHERE appid = 'kept'", 7);
        check_number(db,
                     "SELECT count(*) FROM device_groups WHERE hardware_class = 'hw'"
                     " AND time_zone = '' AND pin = '' AND versions = '' AND tag = ''",
                     1);
        check_number(db, "SELECT required_signatures FROM apps", 1);
        check_number(db, "SELECT count(*) FROM load_history", version > 3);
        check_number(db, "SELECT seq FROM member_clock", version > 5 ? 7 : 0);
        check_number(db, "SELECT per_second + per_day FROM egress", version > 7 ? 5 : 0);
        check_number(db, "SELECT count(*) FROM group_machines", 1);
        check_number(db, "SELECT stepping_stone FROM releases WHERE version = '2.0'", 0);
        check_number(db, "SELECT count(*) FROM rollouts", version > 2);
        check_number(db, "SELECT count(*) FROM devices WHERE machineid = 'm1'", version > 1);
        check_number(db, "SELECT count(*) FROM events WHERE type = 13", version > 1);
        check_number(db,
                     "SELECT count(*) FROM event_days WHERE app = 1 AND day = 0 AND release = '2.0'"
                     " AND type = 13 AND result = 1 AND errorcode = 0 AND n = 1",
                     version > 1);
        check_number(db, "SELECT count(*) FROM version_history", 0);
        check_number(db, "SELECT count(*) FROM devices WHERE abilities <> ''", 0);
        check_number(db,
                     "SELECT count(*) FROM payloads WHERE release = 1 AND sha256 = 's' AND"
                     " metadata_size = 6 AND created = 7 AND minor = -1 AND encoders = ''",
                     version > 8);
        check_number(db, "SELECT count(*) FROM rollout_members WHERE seq = 0 AND node = 0",
                     version > 4);
        if (is_in_folder())
                check_number(db, "PRAGMA foreign_key_check", 0);
        assert_ok(swb_schema_upgrade(db, &err), &err); /* nothing left to do */
        (void)swb_db_free(db);
}

static void test_from_1(void **state)
{
        upgrade_from(*state, 1);
}

static void test_from_2(void **state)
{
        upgrade_from(*state, 2);
}

static void test_from_3(void **state)
{
        upgrade_from(*state, 3);
}

static void test_from_4(void **state)
{
        upgrade_from(*state, 4);
}

static void test_from_5(void **state)
{
        upgrade_from(*state, 5);
}

static void test_from_6(void **state)
{
        upgrade_from(*state, 6);
}

static void test_from_7(void **state)
{
        upgrade_from(*state, 7);
}

static void test_from_8(void **state)
{
        upgrade_from(*state, 8);
}

static void test_from_9(void **state)
{
        upgrade_from(*state, 9);
}

/* Whatever way it took, it is the same schema in the end; and a step that was released is never
 * changed. */
static void test_same_schema(void **state)
{
        static const char *const digests[] = {
                "1ff0c993fa3451803eef44c5b82106456e82fc890326d4de5cdea79322bfb7a8",
                "ea5bb89f335140d06290fad684ca35dbdb541d49775d3774142be3562d2fb759",
                "c59cf3154eb1b4dfb1b0bce8515c7000899f5739762f3ebc436ff1a0dc137951",
                "5238e5e07fa599cd69345c6c5bb3ee386d1ec59706a60c4ad3569f9d1f6d7f5e",
                "28544f20c4a33dd1190b5f09976f70e12ff1a96bb4cddfe8e56839a1da356d9e",
                "78285d75686cf6aab0e8018b85f7493662e160972eed98c8c06d19d7ef48ee00",
                "9bbc3901c7b2a60b1f7145d656009f560ab3dc9da07d53067381c70f6d1b5882",
                "5353deff7e6abf51e0172f71bcdaf5dfd3ae1caaf8e0f518854d519090cc32ba",
                "b725831337d76380d18c7bae6b80a3bc7220ed5cc9432c98173d83d2d144283b",
                "ecf3515d114cf27bf21fcb079a881d39de47915fcad352aad31c4335313152b3",
        };
        struct swb_error err = SWB_ERROR_INIT;

        assert_int_equal(SWB_ELEMENTS(digests), swb_schema_version());
        for (int version = 1; version <= swb_schema_version(); version++) {
                char folder[256], hex[SWB_SHA256_HEX];
                uint8_t digest[SWB_SHA256_BYTES];
                struct swb_db *db;
                char *text;

                (void)snprintf(folder, sizeof(folder), "%s/%d", (char *)*state, version);
                db = open_old(folder, version);
                text = schema_of(db);
                swb_sha256(text, strlen(text), digest);
                swb_hex_encode(digest, sizeof(digest), hex);
                assert_string_equal(hex, digests[version - 1]);
                free(text);
                (void)swb_db_free(db);
                assert_ok(swb_db_open(folder, SWB_DB_EXISTING, &db, &err), &err);
                text = schema_of(db);
                swb_sha256(text, strlen(text), digest);
                swb_hex_encode(digest, sizeof(digest), hex);
                assert_string_equal(hex, digests[swb_schema_version() - 1]);
                free(text);
                (void)swb_db_free(db);
        }
}

static void test_failed_step(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;

        for (int version = 1; version < swb_schema_version(); version++) {
                struct swb_db *db;
                char folder[256];

                (void)snprintf(folder, sizeof(folder), "%s/%d", (char *)*state, version);
                db = open_old(folder, version);
                /* Something is in the way of the last step: all of them are undone. */
                assert_ok(swb_db_exec(db, "CREATE TABLE payloads_by_need (x)", &err), &err);
                assert_fault(swb_schema_upgrade(db, &err), &err, SWB_FAULT_IO);
                check_version(db, version);
                check_number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'rollouts'",
                             version > 2);
                check_number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'users'",
                             version > 4);
                check_number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'devices'",
                             version > 1);
                (void)swb_db_free(db);
        }
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
                WITH_FOLDER(test_fresh),  WITH_FOLDER(test_from_1), WITH_FOLDER(test_from_2),
                WITH_FOLDER(test_from_3), WITH_FOLDER(test_from_4), WITH_FOLDER(test_from_5),
                WITH_FOLDER(test_from_6), WITH_FOLDER(test_from_7), WITH_FOLDER(test_from_8),
                WITH_FOLDER(test_from_9),
        };
        /* They look into the database with SQLite's words. */
        const struct CMUnitTest tests_of_sqlite[] = {
                WITH_FOLDER(test_same_schema),    WITH_FOLDER(test_failed_step),
                WITH_FOLDER(test_foreign),        WITH_FOLDER(test_other_program),
                WITH_FOLDER(test_not_a_database),
        };
        int n_failed = cmocka_run_group_tests(tests, NULL, NULL);

        if (is_in_folder())
                n_failed += cmocka_run_group_tests(tests_of_sqlite, NULL, NULL);
        return n_failed;
}
