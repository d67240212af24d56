/* SPDX-License-Identifier: Apache-2.0 */
/* The caps by a clock of our own, then in the database. */
#include "server/store/egress.h"

#include "server/test-folder.h"

#define DAY 86400
#define NOON (20000ll * DAY + DAY / 2)

static void test_second(void **state)
{
        struct swb_egress e = {.per_second = 1000};
        struct swb_egress_hold hold;
        uint64_t offered = 0;

        (void)state;
        /* An hour of one payload of 700 bytes after the other, as soon as it fits. */
        for (int64_t now = NOON; now < NOON + 3600; now++) {
                while (swb_egress_fits(&e, 700, now, &hold)) {
                        swb_egress_add(&e, 700, now);
                        offered += 700;
                }
                assert_int_equal(hold.until, now + 1);
                assert_false(hold.is_day);
                assert_true(offered <= 1000 * (uint64_t)(now - NOON + 1) + 700);
        }
        assert_true(offered >= 3600000);
}

/* One that is larger than a second's bytes: the next one waits as long as it takes. */
static void test_large(void **state)
{
        struct swb_egress e = {.per_second = 1000};
        struct swb_egress_hold hold;

        (void)state;
        assert_true(swb_egress_fits(&e, 100000, NOON, &hold));
        swb_egress_add(&e, 100000, NOON);
        assert_false(swb_egress_fits(&e, 1, NOON, &hold));
        assert_int_equal(hold.until, NOON + 100);
        assert_false(swb_egress_fits(&e, 1, NOON + 98, &hold));
        assert_true(swb_egress_fits(&e, 1, NOON + 99, &hold));
        /* What nobody took is not saved up. */
        swb_egress_add(&e, 1000, NOON + DAY);
        swb_egress_add(&e, 1000, NOON + DAY);
        assert_false(swb_egress_fits(&e, 1, NOON + DAY, &hold));
        assert_int_equal(hold.until, NOON + DAY + 2);
}

static void test_day(void **state)
{
        struct swb_egress e = {.per_day = 1000};
        struct swb_egress_hold hold;

        (void)state;
        swb_egress_add(&e, 600, NOON);
        assert_true(swb_egress_fits(&e, 400, NOON, &hold));
        assert_false(swb_egress_fits(&e, 401, NOON, &hold));
        assert_true(hold.is_day);
        assert_int_equal(hold.until, NOON + DAY / 2);
        swb_egress_add(&e, 900, NOON + 1); /* was exempt */
        assert_int_equal(e.day_bytes, 1500);
        assert_false(swb_egress_fits(&e, 1, NOON + DAY / 2 - 1, &hold));
        /* Larger than a day's: alone, in the next one. */
        assert_true(swb_egress_fits(&e, 5000, NOON + DAY / 2, &hold));
        swb_egress_add(&e, 5000, NOON + DAY / 2);
        assert_int_equal(e.day_bytes, 5000);
        assert_false(swb_egress_fits(&e, 1, NOON + DAY, &hold));
}

static void test_extremes(void **state)
{
        struct swb_egress e = {.per_second = 1, .per_day = SWB_EGRESS_MAX_BYTES}, none = {0};
        struct swb_egress_hold hold;

        (void)state;
        swb_egress_add(&none, UINT64_MAX, NOON);
        assert_true(swb_egress_fits(&none, UINT64_MAX, NOON, &hold));
        assert_false(swb_egress_has_cap(&none));
        for (int i = 0; i < 100; i++)
                swb_egress_add(&e, UINT64_MAX, NOON);
        assert_false(swb_egress_fits(&e, UINT64_MAX, NOON, &hold));
        assert_true(hold.until > NOON);
}

static void test_stored(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        struct swb_egress e = {.per_second = 7, .per_day = 8}, read;
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        assert_ok(swb_egress_read(db, &read, &err), &err);
        assert_false(swb_egress_has_cap(&read));
        swb_egress_add(&e, 14, NOON);
        assert_ok(swb_egress_write(db, &e, &err), &err);
        assert_ok(swb_egress_lock(db, &read, &err), &err);
        assert_int_equal(read.per_second, 7);
        assert_int_equal(read.per_day, 8);
        assert_int_equal(read.day, 20000);
        assert_int_equal(read.day_bytes, 14);
        assert_int_equal(read.free_at_usec, (NOON + 2) * 1000000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_second),
                cmocka_unit_test(test_large),
                cmocka_unit_test(test_day),
                cmocka_unit_test(test_extremes),
                cmocka_unit_test_setup_teardown(test_stored, make_folder, remove_folder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
