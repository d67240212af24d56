/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <sys/stat.h>

#include "device/boot/boot.h"

static struct swb_boot_flags flags_of(unsigned pa, unsigned ta, bool sa, unsigned pb, unsigned tb,
                                      bool sb)
{
        return (struct swb_boot_flags){.slot = {{pa, ta, sa}, {pb, tb, sb}}};
}

static void assert_flags(const struct swb_boot_flags *is, struct swb_boot_flags want)
{
        for (int i = 0; i < _SWB_SLOT_MAX; i++) {
                assert_int_equal(is->slot[i].priority, want.slot[i].priority);
                assert_int_equal(is->slot[i].tries, want.slot[i].tries);
                assert_int_equal(is->slot[i].successful, want.slot[i].successful);
        }
}

static void chooses_by_the_contract(void **state)
{
        static const struct {
                unsigned pa, ta;
                bool sa;
                unsigned pb, tb;
                bool sb;
                enum swb_slot want;
        } cases[] = {
                {15, 0, true, 14, 0, true, SWB_SLOT_A},   /* higher priority */
                {14, 0, true, 15, 3, false, SWB_SLOT_B},  /* updated */
                {14, 0, true, 15, 0, false, SWB_SLOT_A},  /* tries used up: fall back */
                {15, 0, true, 15, 0, true, SWB_SLOT_A},   /* tie */
                {0, 0, false, 1, 0, true, SWB_SLOT_B},    /* priority 0 is none */
                {0, 3, true, 1, 1, false, SWB_SLOT_B},    /* even with tries */
                {0, 0, false, 0, 0, false, SWB_SLOT_A},   /* recovery: nothing known */
                {15, 0, false, 14, 0, false, SWB_SLOT_A}, /* recovery: priority */
                {14, 0, false, 15, 0, false, SWB_SLOT_B},
                {15, 0, false, 0, 0, true, SWB_SLOT_B}, /* recovery: the one good last */
                {0, 0, true, 0, 0, true, SWB_SLOT_A},
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                struct swb_boot_flags flags = flags_of(cases[i].pa, cases[i].ta, cases[i].sa,
                                                       cases[i].pb, cases[i].tb, cases[i].sb);

                if (swb_boot_choose(&flags) != cases[i].want)
                        fail_msg("case %zu", i);
        }
}

static void names_slots(void **state)
{
        (void)state;
        assert_string_equal(swb_slot_to_string(SWB_SLOT_B), "B");
        assert_string_equal(swb_slot_to_string(_SWB_SLOT_INVALID), "invalid");
        assert_int_equal(swb_slot_from_string("A"), SWB_SLOT_A);
        assert_int_equal(swb_slot_from_string("a"), _SWB_SLOT_INVALID);
        assert_int_equal(swb_slot_from_string(""), _SWB_SLOT_INVALID);
        assert_int_equal(swb_slot_other(SWB_SLOT_B), SWB_SLOT_A);
}

/* A place in a folder of its own. */
struct fixture {
        char folder[32];
        char path[64];
        char place[96];
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        (void)snprintf(f->folder, sizeof(f->folder), "/tmp/swb-boot-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->path, sizeof(f->path), "%s/flags", f->folder);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        (void)unlink(f->path);
        assert_int_equal(rmdir(f->folder), 0);
        free(f);
        return 0;
}

static void walks_through_an_update(void **state)
{
        struct fixture *f = *state;
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags;

        assert_ok(swb_boot_open("fake", f->path, &boot, &err), &err);
        flags = flags_of(15, 0, true, 0, 0, false);
        assert_ok(swb_boot_store(boot, &flags, &err), &err);
        assert_ok(swb_boot_activate(boot, SWB_SLOT_B, 3, &err), &err);
        assert_ok(swb_boot_read(boot, &flags, &err), &err);
        assert_flags(&flags, flags_of(14, 0, true, 15, 3, false));
        assert_ok(swb_boot_mark_good(boot, SWB_SLOT_B, &err), &err);
        assert_ok(swb_boot_mark_unbootable(boot, SWB_SLOT_A, &err), &err);
        assert_ok(swb_boot_read(boot, &flags, &err), &err);
        assert_flags(&flags, flags_of(0, 0, false, 15, 3, true));
        assert_ok(swb_boot_activate(boot, SWB_SLOT_A, 1, &err), &err);
        assert_ok(swb_boot_read(boot, &flags, &err), &err);
        assert_flags(&flags, flags_of(15, 1, false, 14, 3, true));
}

static void a_slot_booted_for_recovery_becomes_a_candidate(void **state)
{
        struct fixture *f = *state;
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags = flags_of(0, 0, false, 3, 0, false);

        assert_ok(swb_boot_open("fake", f->path, &boot, &err), &err);
        assert_ok(swb_boot_store(boot, &flags, &err), &err);
        assert_ok(swb_boot_mark_good(boot, SWB_SLOT_A, &err), &err);
        assert_ok(swb_boot_read(boot, &flags, &err), &err);
        assert_flags(&flags, flags_of(1, 0, true, 3, 0, false));
        assert_true(swb_boot_is_candidate(&flags.slot[SWB_SLOT_A]));
}

static void marking_good_twice_writes_once(void **state)
{
        struct fixture *f = *state;
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags = flags_of(15, 2, false, 3, 0, true);
        struct stat before, after;

        assert_ok(swb_boot_open("fake", f->path, &boot, &err), &err);
        assert_ok(swb_boot_store(boot, &flags, &err), &err);
        assert_ok(swb_boot_mark_good(boot, SWB_SLOT_A, &err), &err);
        assert_int_equal(stat(f->path, &before), 0);
        assert_ok(swb_boot_mark_good(boot, SWB_SLOT_A, &err), &err);
        assert_int_equal(stat(f->path, &after), 0);
        assert_int_equal(before.st_ino, after.st_ino);
}

static void write_text(const char *path, const char *text)
{
        _cleanup_fclose_ FILE *file = fopen(path, "w");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
}

static void heals_what_was_never_written(void **state)
{
        struct fixture *f = *state;
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags;

        assert_ok(swb_boot_open("fake", f->path, &boot, &err), &err);
        assert_fault(swb_boot_read(boot, &flags, &err), &err, SWB_FAULT_BOOT);
        assert_int_equal(err.code, -ENODATA);
        assert_fault(swb_boot_mark_good(boot, SWB_SLOT_B, &err), &err, SWB_FAULT_BOOT);
        assert_int_equal(swb_boot_heal(boot, SWB_SLOT_B, 3, &err), SWB_BOOT_HEALED);
        assert_int_equal(err.code, 0);
        assert_ok(swb_boot_read(boot, &flags, &err), &err);
        assert_flags(&flags, flags_of(0, 0, false, 15, 3, false));
        assert_int_equal(swb_boot_heal(boot, SWB_SLOT_A, 3, &err), 0);
        assert_ok(swb_boot_read(boot, &flags, &err), &err);
        assert_flags(&flags, flags_of(0, 0, false, 15, 3, false));
}

static void heals_malformed_flags(void **state)
{
        static const char *const texts[] = {
                "swb_A_priority=15\n",
                "swb_A_priority=16\nswb_A_tries=0\nswb_A_successful=1\n"
                "swb_B_priority=0\nswb_B_tries=0\nswb_B_successful=0\n",
                "swb_A_priority=1\nswb_A_tries=-1\nswb_A_successful=1\n"
                "swb_B_priority=0\nswb_B_tries=0\nswb_B_successful=0\n",
                "swb_A_priority=1\nswb_A_tries=1\nswb_A_successful=2\n"
                "swb_B_priority=0\nswb_B_tries=0\nswb_B_successful=0\n",
                "no lines of this form",
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < SWB_ELEMENTS(texts); i++) {
                _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
                struct swb_error err = SWB_ERROR_INIT;
                struct swb_boot_flags flags;

                write_text(f->path, texts[i]);
                assert_ok(swb_boot_open("fake", f->path, &boot, &err), &err);
                assert_fault(swb_boot_read(boot, &flags, &err), &err, SWB_FAULT_BOOT);
                assert_int_equal(err.code, -EBADMSG);
                assert_int_equal(swb_boot_heal(boot, SWB_SLOT_A, 2, &err), SWB_BOOT_HEALED);
                assert_ok(swb_boot_read(boot, &flags, &err), &err);
                assert_flags(&flags, flags_of(15, 2, false, 0, 0, false));
        }
}

static void notices_a_store_that_did_nothing(void **state)
{
        struct fixture *f = *state;
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL, *liar = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags = flags_of(15, 0, true, 0, 0, false);

        assert_ok(swb_boot_open("fake", f->path, &boot, &err), &err);
        assert_ok(swb_boot_store(boot, &flags, &err), &err);
        (void)snprintf(f->place, sizeof(f->place), "%s:fail=lie", f->path);
        assert_ok(swb_boot_open("fake", f->place, &liar, &err), &err);
        assert_fault(swb_boot_activate(liar, SWB_SLOT_B, 3, &err), &err, SWB_FAULT_BOOT);
        assert_non_null(strstr(err.text, "slot A reads back as priority 15"));
        assert_non_null(strstr(err.text, "after priority 14"));
        assert_non_null(strstr(err.text, f->path));
}

static void fails_as_asked_for(void **state)
{
        struct fixture *f = *state;
        static const char *const whats[] = {"open", "read", "store"};
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags = flags_of(15, 0, true, 0, 0, false);

        write_text(f->path, "");
        for (size_t i = 0; i < SWB_ELEMENTS(whats); i++) {
                _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
                int r;

                (void)snprintf(f->place, sizeof(f->place), "%s:fail=%s", f->path, whats[i]);
                r = swb_boot_open("fake", f->place, &boot, &err);
                if (r >= 0)
                        r = swb_boot_store(boot, &flags, &err);
                assert_true(r < 0);
                assert_int_equal(err.fault, SWB_FAULT_BOOT);
                assert_non_null(strstr(err.text, f->path));
        }
}

static void refuses_wrong_calls(void **state)
{
        struct fixture *f = *state;
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags = flags_of(16, 0, true, 0, 0, false);

        assert_fault(swb_boot_open("lilo", f->path, &boot, &err), &err, SWB_FAULT_CONFIG);
        (void)snprintf(f->place, sizeof(f->place), "%s:fail=never", f->path);
        assert_fault(swb_boot_open("fake", f->place, &boot, &err), &err, SWB_FAULT_CONFIG);
        assert_ok(swb_boot_open("fake", f->path, &boot, &err), &err);
        assert_fault(swb_boot_store(boot, &flags, &err), &err, SWB_FAULT_USAGE);
        assert_fault(swb_boot_activate(boot, SWB_SLOT_A, 0, &err), &err, SWB_FAULT_USAGE);
        assert_null(swb_boot_close(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(chooses_by_the_contract),
                cmocka_unit_test(names_slots),
                cmocka_unit_test_setup_teardown(walks_through_an_update, setup, teardown),
                cmocka_unit_test_setup_teardown(a_slot_booted_for_recovery_becomes_a_candidate,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(marking_good_twice_writes_once, setup, teardown),
                cmocka_unit_test_setup_teardown(heals_what_was_never_written, setup, teardown),
                cmocka_unit_test_setup_teardown(heals_malformed_flags, setup, teardown),
                cmocka_unit_test_setup_teardown(notices_a_store_that_did_nothing, setup, teardown),
                cmocka_unit_test_setup_teardown(fails_as_asked_for, setup, teardown),
                cmocka_unit_test_setup_teardown(refuses_wrong_calls, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
