/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <fcntl.h>

#include "device/boot/bench.h"

/* Commands of this test: an image "loads" when it is not empty. */
#define LOADS "test -s"

struct fixture {
        char folder[32];
        char flags[64], place[96], image[_SWB_SLOT_MAX][64];
};

static void make_file(const char *path, const char *text)
{
        _cleanup_fclose_ FILE *file = fopen(path, "w");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        (void)snprintf(f->folder, sizeof(f->folder), "/tmp/swb-bench-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->flags, sizeof(f->flags), "%s/flags", f->folder);
        (void)snprintf(f->place, sizeof(f->place), "%s", f->flags);
        for (int i = 0; i < _SWB_SLOT_MAX; i++) {
                (void)snprintf(f->image[i], sizeof(f->image[i]), "%s/%s", f->folder,
                               swb_slot_to_string((enum swb_slot)i));
                make_file(f->image[i], "kernel");
        }
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        (void)unlink(f->flags);
        (void)unlink(f->image[0]);
        (void)unlink(f->image[1]);
        assert_int_equal(rmdir(f->folder), 0);
        free(f);
        return 0;
}

static void store(const struct fixture *f, struct swb_slot_flags a, struct swb_slot_flags b)
{
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_boot_flags flags = {.slot = {a, b}};
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_boot_open("fake", f->flags, &boot, &err), &err);
        assert_ok(swb_boot_store(boot, &flags, &err), &err);
}

static int boot(const struct fixture *f, struct swb_bench_result *ret)
{
        _cleanup_(swb_boot_closep) struct swb_boot *flags = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_bench bench = {.image = {f->image[0], f->image[1]}, .load_command = LOADS};

        *ret = (struct swb_bench_result){0};
        assert_ok(swb_boot_open("fake", f->place, &flags, &err), &err);
        bench.boot = flags;
        return swb_bench_boot(&bench, ret, &err);
}

static unsigned stored_tries(const struct fixture *f, enum swb_slot slot)
{
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_boot_flags flags;
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_boot_open("fake", f->flags, &boot, &err), &err);
        assert_ok(swb_boot_read(boot, &flags, &err), &err);
        return flags.slot[slot].tries;
}

/* An update that never comes up: three tries, then the old slot, for good. */
static void falls_back_after_the_tries(void **state)
{
        struct fixture *f = *state;
        struct swb_bench_result result;

        store(f, (struct swb_slot_flags){14, 0, true}, (struct swb_slot_flags){15, 3, false});
        for (unsigned left = 3; left > 0; left--) {
                assert_int_equal(boot(f, &result), 0);
                assert_int_equal(result.slot, SWB_SLOT_B);
                assert_true(result.counted);
                assert_int_equal(stored_tries(f, SWB_SLOT_B), left - 1);
        }
        for (int i = 0; i < 3; i++) {
                assert_int_equal(boot(f, &result), 0);
                assert_int_equal(result.slot, SWB_SLOT_A);
                assert_false(result.recovery);
        }
}

static void a_kernel_that_does_not_load_loses_its_turn(void **state)
{
        struct fixture *f = *state;
        struct swb_bench_result result;

        make_file(f->image[SWB_SLOT_B], "");
        store(f, (struct swb_slot_flags){14, 0, true}, (struct swb_slot_flags){15, 3, false});
        assert_int_equal(boot(f, &result), 0);
        assert_int_equal(result.slot, SWB_SLOT_A);
        assert_int_equal(result.n_lost, 1);
        assert_int_equal(stored_tries(f, SWB_SLOT_B), 2);
        /* also a good one */
        store(f, (struct swb_slot_flags){14, 0, true}, (struct swb_slot_flags){15, 3, true});
        assert_int_equal(boot(f, &result), 0);
        assert_int_equal(result.slot, SWB_SLOT_A);
        assert_int_equal(stored_tries(f, SWB_SLOT_B), 3);
        /* and down to the last */
        store(f, (struct swb_slot_flags){0, 0, false}, (struct swb_slot_flags){15, 3, true});
        assert_int_equal(boot(f, &result), 0);
        assert_int_equal(result.slot, SWB_SLOT_A);
        assert_true(result.recovery);
        make_file(f->image[SWB_SLOT_A], "");
        assert_int_equal(boot(f, &result), -ENOENT);
}

static void recovers(void **state)
{
        static const struct {
                struct swb_slot_flags a, b;
                enum swb_slot want;
        } cases[] = {
                {{0, 0, false}, {0, 0, false}, SWB_SLOT_A},
                {{3, 0, false}, {4, 0, false}, SWB_SLOT_B},
                {{0, 0, true}, {4, 0, false}, SWB_SLOT_A},
                {{0, 5, false}, {0, 0, true}, SWB_SLOT_B},
        };
        struct fixture *f = *state;
        struct swb_bench_result result;

        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                store(f, cases[i].a, cases[i].b);
                assert_int_equal(boot(f, &result), 0);
                if (result.slot != cases[i].want)
                        fail_msg("case %zu", i);
                assert_true(result.recovery);
        }
}

static void starts_anew_without_flags(void **state)
{
        struct fixture *f = *state;
        struct swb_bench_result result;

        for (unsigned i = 0; i < 6; i++) {
                assert_int_equal(boot(f, &result), 0);
                assert_int_equal(result.fresh, i == 0);
                assert_int_equal(result.slot, i < 3 ? SWB_SLOT_A : SWB_SLOT_B);
        }
        assert_int_equal(boot(f, &result), 0);
        assert_true(result.recovery);
        assert_int_equal(result.slot, SWB_SLOT_A);
}

static void trusts_only_the_good_when_it_cannot_count(void **state)
{
        static const char *const failures[] = {"store", "lie"};
        struct fixture *f = *state;
        struct swb_bench_result result;

        store(f, (struct swb_slot_flags){14, 0, true}, (struct swb_slot_flags){15, 3, false});
        for (size_t i = 0; i < SWB_ELEMENTS(failures); i++) {
                (void)snprintf(f->place, sizeof(f->place), "%s:fail=%s", f->flags, failures[i]);
                assert_int_equal(boot(f, &result), 0);
                assert_int_equal(result.slot, SWB_SLOT_A);
                assert_false(result.counted);
                assert_int_equal(stored_tries(f, SWB_SLOT_B), 3);
        }
        (void)snprintf(f->place, sizeof(f->place), "%s:fail=read", f->flags);
        assert_int_equal(boot(f, &result), 0);
        assert_int_equal(result.slot, SWB_SLOT_A);
        assert_false(result.counted);
        assert_true(result.recovery);
}

static void makes_the_factory_state(void **state)
{
        struct fixture *f = *state;
        struct swb_bench_result result;
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_bench_init("fake", f->flags, &err), &err);
        assert_int_equal(boot(f, &result), 0);
        assert_int_equal(result.slot, SWB_SLOT_A);
        assert_false(result.fresh || result.recovery);
        assert_int_equal(result.before.slot[SWB_SLOT_A].priority, 15);
        assert_true(result.before.slot[SWB_SLOT_A].successful);
        assert_int_equal(result.before.slot[SWB_SLOT_B].priority, 0);
        (void)unlink(f->flags);
        (void)snprintf(f->place, sizeof(f->place), "%s:0:0x2000:0x1000", f->flags);
        assert_ok(swb_bench_init("uboot", f->place, &err), &err);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(falls_back_after_the_tries, setup, teardown),
                cmocka_unit_test_setup_teardown(a_kernel_that_does_not_load_loses_its_turn, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(recovers, setup, teardown),
                cmocka_unit_test_setup_teardown(starts_anew_without_flags, setup, teardown),
                cmocka_unit_test_setup_teardown(trusts_only_the_good_when_it_cannot_count, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(makes_the_factory_state, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
