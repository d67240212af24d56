/* SPDX-License-Identifier: Apache-2.0 */
/* What the administrator stores is what the catalog holds. */
#include "server/catalog/catalog.h"
#include "server/catalog/pool.h"
#include "server/test-folder.h"

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct swb_error err;

static void put_more(struct swb_db *db, int64_t release, char digit, int64_t minor, uint64_t size,
                     const char *encoders, char target, enum swb_fault want)
{
        struct swb_payload p = {.source_version = "0.8", .size = size, .minor = minor};

        memset(p.sha256, digit, 64);
        memset(p.target, target, target ? 64 : 0);
        swb_copy_bounded(p.encoders, encoders, sizeof(p.encoders) - 1);
        if (want == SWB_FAULT_NONE)
                assert_int_equal(swb_payload_put(db, release, 100, &p, &err), 0);
        else
                assert_fault(swb_payload_put(db, release, 100, &p, &err), &err, want);
}

/* Several from 0.8, which make the same and ask for different things. */
static void put_several(struct swb_db *db, int64_t release)
{
        put_more(db, release, '1', 1003, 30, "", 'a', SWB_FAULT_NONE);
        put_more(db, release, '2', 1004, 10, "gzip xz", 'a', SWB_FAULT_NONE);
        put_more(db, release, '3', 1004, 20, "", 'a', SWB_FAULT_NONE);
        put_more(db, release, '4', 1002, 36, "", 'a', SWB_FAULT_NONE); /* counts as 18 */
        put_more(db, release, '5', 1003, 9, "", 'b', SWB_FAULT_DENIED);
        put_more(db, release, '5', 1003, 9, "", 'a', SWB_FAULT_DENIED);
        put_more(db, release, '5', 6, 9, "", '\0', SWB_FAULT_DENIED);
}

/* A release of the app with a full payload and a delta from 0.9. */
static int64_t put_release(struct swb_db *db, int64_t app, const char *version)
{
        struct swb_release release = {.deadline = "soon", .max_failures = 4};
        struct swb_payload full = {.sha256 = SHA_A, .sha1 = "c2hhMQ==", .size = 5, .name = "f.bin"};
        struct swb_payload delta = {.sha256 = SHA_B, .source_version = "0.9", .size = 3};

        swb_copy_bounded(release.version, version, SWB_VERSION_MAX);
        assert_ok(swb_release_put(db, app, 100, &release, &err), &err);
        assert_int_equal(swb_payload_put(db, release.id, 100, &full, &err), 0);
        assert_int_equal(swb_payload_put(db, release.id, 100, &full, &err), 1);
        assert_ok(swb_payload_put(db, release.id, 100, &delta, &err), &err);
        full.sha256[0] = 'c';
        assert_fault(swb_payload_put(db, release.id, 100, &full, &err), &err, SWB_FAULT_DENIED);
        put_several(db, release.id);
        return release.id;
}

static void fill(struct swb_db *db)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        struct swb_group group = {
                .name = "lab", .channel = "beta", .board = "b", .has_machines = true};
        struct swb_group last = {.name = "all", .channel = ""};
        struct swb_app app, other;
        int64_t first, second;

        assert_ok(swb_transaction_begin(&t, db, &err), &err);
        assert_ok(swb_app_ensure(db, "{ZZ-App}", 1, &app, &err), &err);
        assert_ok(swb_app_ensure(db, "ZZ-app", 2, &app, &err), &err); /* the same */
        assert_ok(swb_app_ensure(db, "another", 2, &other, &err), &err);
        first = put_release(db, app.id, "1.2");
        second = put_release(db, app.id, "1.10");
        assert_ok(swb_channel_set(db, app.id, "stable", second, 5, &err), &err);
        assert_ok(swb_channel_set(db, app.id, "stable", first, 6, &err), &err);
        assert_ok(swb_channel_set(db, app.id, "stable", second, 7, &err), &err);
        assert_ok(swb_channel_set(db, app.id, "beta", 0, 7, &err), &err);
        assert_ok(swb_group_put(db, app.id, &group, &err), &err);
        assert_ok(swb_group_put(db, app.id, &last, &err), &err);
        assert_int_equal(last.position, 2);
        last.position = 1; /* same place: the name decides */
        assert_ok(swb_group_put(db, app.id, &last, &err), &err);
        assert_ok(swb_group_add_machine(db, group.id, "m2", &err), &err);
        assert_ok(swb_group_add_machine(db, group.id, "m1", &err), &err);
        assert_ok(swb_group_add_machine(db, group.id, "m1", &err), &err);
        assert_fault(swb_group_add_machine(db, group.id, "m 1", &err), &err, SWB_FAULT_USAGE);
        assert_fault(swb_group_remove_machine(db, group.id, "m3", &err), &err, SWB_FAULT_NOT_FOUND);
        assert_ok(swb_transaction_commit_catalog(&t, &err), &err);
}

static void check_payloads(const struct swb_catalog_release *release)
{
        const struct swb_catalog_payload *found;
        size_t n;

        found = swb_catalog_payloads(release, "", &n);
        assert_int_equal(n, 1);
        assert_int_equal(found->size, 5);
        assert_string_equal(found->sha256_base64, "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=");
        assert_string_equal(swb_catalog_payloads(release, "0.9", &n)->sha256, SHA_B);
        assert_null(swb_catalog_payloads(release, "0.7", &n));
        assert_int_equal(n, 0);
        found = swb_catalog_payloads(release, "0.8", &n);
        assert_int_equal(n, 4);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(found[i].sha256[0], "2431"[i]);
        assert_string_equal(found[0].demands.encoders, "gzip xz");
        assert_int_equal(found[0].demands.minor, 1004);
}

static void test_load(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *empty = NULL;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = NULL;
        const struct swb_catalog_app *app;
        const struct swb_catalog_channel *stable;

        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        assert_ok(swb_catalog_load(db, &empty, &err), &err);
        assert_null(swb_catalog_app(empty, "zz-app"));
        fill(db);
        assert_ok(swb_catalog_load(db, &catalog, &err), &err);
        assert_true(catalog->generation > empty->generation);
        assert_int_equal(catalog->n_apps, 2);
        app = swb_catalog_app(catalog, "zz-APP");
        assert_ptr_equal(app, swb_catalog_app(catalog, "{ZZ-App}"));
        assert_non_null(app);
        assert_null(swb_catalog_app(catalog, "zz"));
        assert_int_equal(app->n_releases, 2);
        stable = swb_catalog_channel(app, "stable");
        assert_string_equal(stable->release->version, "1.10");
        assert_string_equal(stable->release->deadline, "soon");
        assert_int_equal(stable->release->max_failures, 4);
        assert_int_equal(stable->n_carried, 2);
        assert_string_equal(stable->carried[0]->version, "1.10");
        assert_string_equal(stable->carried[1]->version, "1.2");
        assert_null(swb_catalog_channel(app, "beta")->release);
        assert_null(swb_catalog_channel(app, "none"));
        check_payloads(stable->release);
        assert_int_equal(app->n_groups, 2);
        assert_string_equal(app->groups[0].name, "all");
        assert_string_equal(app->groups[1].channel, "beta");
        assert_true(swb_catalog_group_has_machine(&app->groups[1], "m1"));
        assert_false(swb_catalog_group_has_machine(&app->groups[1], "m3"));
        assert_false(swb_catalog_group_has_machine(&app->groups[0], "m1"));
        assert_int_equal(swb_catalog_payload_named(catalog, "f.bin")->size, 5);
        assert_int_equal(swb_catalog_payload_named(catalog, SHA_B)->size, 3);
        assert_null(swb_catalog_payload_named(catalog, "../" SHA_B));
}

static void test_removal(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        struct swb_release release;
        struct swb_app app;
        bool used;

        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        assert_fault(swb_app_find(db, NULL, &app, &err), &err, SWB_FAULT_NOT_FOUND);
        fill(db);
        assert_fault(swb_app_find(db, NULL, &app, &err), &err, SWB_FAULT_USAGE);
        assert_fault(swb_app_find(db, "", &app, &err), &err, SWB_FAULT_USAGE);
        assert_ok(swb_app_find(db, "zz-app", &app, &err), &err);
        assert_ok(swb_release_find(db, app.id, "1.10", &release, &err), &err);
        assert_fault(swb_release_remove(db, &release, &err), &err, SWB_FAULT_BUSY);
        assert_ok(swb_release_find(db, app.id, "1.2", &release, &err), &err);
        assert_ok(swb_release_remove(db, &release, &err), &err);
        assert_fault(swb_release_find(db, app.id, "1.2", &release, &err), &err,
                     SWB_FAULT_NOT_FOUND);
        assert_ok(swb_payload_file_used(db, SHA_A, &used, &err), &err);
        assert_true(used); /* by 1.10 */
        assert_ok(swb_payload_file_used(db, "ff", &used, &err), &err);
        assert_false(used);
}

static void test_names(void **state)
{
        static const char *const bad[] = {"", "a b", "a/b", "\xc3\xa4", "..\n"};

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(bad); i++) {
                assert_fault(swb_name_check("channel", bad[i], &err), &err, SWB_FAULT_USAGE);
                assert_false(swb_is_release_version(bad[i]));
        }
        assert_false(swb_is_plain_id("", 5));
        assert_false(swb_is_plain_id("a b", 5));
        assert_false(swb_is_plain_id("\xc3\xa4", 5));
        assert_true(swb_is_release_version("1.0-rc1+b~2"));
        assert_true(swb_is_plain_id("{abc}", 5));
        assert_false(swb_is_plain_id("{abcd}", 5));
}

static void test_pool(void **state)
{
        _cleanup_(swb_pool_freep) struct swb_pool *pool = swb_pool_new();
        char *large;

        (void)state;
        assert_non_null(swb_pool_alloc(pool, 0, 8));
        large = swb_pool_alloc(pool, 200000, 1);
        assert_non_null(large);
        assert_int_equal(large[199999], 0);
        assert_string_equal(swb_pool_text(pool, "text"), "text");
        assert_true((uintptr_t)swb_pool_alloc(pool, 1, 1) % sizeof(void *) == 0);
        assert_null(swb_pool_alloc(pool, SIZE_MAX, 2));
        assert_null(swb_pool_alloc(pool, SIZE_MAX, 1));
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_FOLDER(test_load),
                WITH_FOLDER(test_removal),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_pool),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
