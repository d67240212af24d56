/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/boot/boot.h"

#define BYTES 1024

struct fixture {
        char folder[32];
        char path[2][64];
        char place[160];
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        (void)snprintf(f->folder, sizeof(f->folder), "/tmp/swb-grub-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        for (int i = 0; i < 2; i++)
                (void)snprintf(f->path[i], sizeof(f->path[i]), "%s/swb-%d.env", f->folder, i + 1);
        (void)snprintf(f->place, sizeof(f->place), "%s:%s", f->path[0], f->path[1]);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        (void)unlink(f->path[0]);
        (void)unlink(f->path[1]);
        assert_int_equal(rmdir(f->folder), 0);
        free(f);
        return 0;
}

static void get_file(const char *path, char *data)
{
        _cleanup_fclose_ FILE *file = fopen(path, "r");

        assert_non_null(file);
        assert_int_equal(fread(data, 1, BYTES, file), BYTES);
}

static void put_file(const char *path, const char *data, size_t n)
{
        _cleanup_fclose_ FILE *file = fopen(path, "w");

        assert_non_null(file);
        assert_int_equal(fwrite(data, 1, n, file), n);
}

static void store_tries(struct fixture *f, unsigned tries)
{
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_boot_flags flags = {.slot = {{15, tries, false}, {14, 0, true}}};
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_boot_open("grub", f->place, &boot, &err), &err);
        assert_ok(swb_boot_store(boot, &flags, &err), &err);
}

/* Return: of swb_boot_inspect(); the tries of slot A. */
static int look(struct fixture *f, unsigned *ret_tries)
{
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_boot_flags flags = {0};
        struct swb_error err = SWB_ERROR_INIT;
        int r;

        assert_ok(swb_boot_open("grub", f->place, &boot, &err), &err);
        r = swb_boot_inspect(boot, &flags, &err);
        *ret_tries = flags.slot[SWB_SLOT_A].tries;
        return r;
}

static void stores_in_turn(void **state)
{
        struct fixture *f = *state;
        char before[2][BYTES], after[2][BYTES];
        unsigned tries;

        store_tries(f, 15);
        assert_int_equal(look(f, &tries), SWB_BOOT_DEGRADED); /* one file so far */
        store_tries(f, 14);
        for (unsigned i = 13; i > 4; i--) {
                int changed = 0;

                get_file(f->path[0], before[0]);
                get_file(f->path[1], before[1]);
                store_tries(f, i);
                get_file(f->path[0], after[0]);
                get_file(f->path[1], after[1]);
                for (int k = 0; k < 2; k++)
                        changed += memcmp(before[k], after[k], BYTES) != 0;
                assert_int_equal(changed, 1);
                assert_int_equal(look(f, &tries), 0);
                assert_int_equal(tries, i);
        }
}

/* All bytes that tell anything lie in the first sector; this cuts inside of it, too. */
static void every_cut_leaves_old_or_new_flags(void **state)
{
        struct fixture *f = *state;
        char older[BYTES], newer[BYTES];
        size_t n_old = 0, n_new = 0;

        store_tries(f, 5);
        store_tries(f, 4);
        get_file(f->path[0], older);
        store_tries(f, 3);
        get_file(f->path[0], newer);
        assert_true(memcmp(older, newer, BYTES) != 0);
        for (size_t cut = 0; cut <= 512; cut++) {
                char torn[BYTES];
                unsigned tries;

                memcpy(torn, newer, cut);
                memcpy(torn + cut, older + cut, BYTES - cut);
                put_file(f->path[0], torn, BYTES);
                assert_in_range(look(f, &tries), 0, SWB_BOOT_DEGRADED);
                assert_in_range(tries, 3, 4);
                n_old += tries == 4;
                n_new += tries == 3;
        }
        assert_true(n_old > 100 && n_new > 100);
}

/* The write begins in a file that holds something else, or nothing. */
static void cuts_in_a_fresh_file_leave_the_old_flags(void **state)
{
        struct fixture *f = *state;
        char newer[BYTES];

        store_tries(f, 5);
        store_tries(f, 4);
        store_tries(f, 3);
        get_file(f->path[0], newer);
        for (int kind = 0; kind < 3; kind++) {
                for (size_t cut = 0; cut < 512; cut++) {
                        char torn[BYTES];
                        unsigned tries;

                        memset(torn, "#\0x"[kind], BYTES);
                        memcpy(torn, newer, cut);
                        put_file(f->path[0], torn, BYTES);
                        assert_in_range(look(f, &tries), 0, SWB_BOOT_DEGRADED);
                        assert_in_range(tries, 3, 4);
                }
        }
}

static void heals_what_is_not_there(void **state)
{
        struct fixture *f = *state;

        for (int kind = 0; kind < 3; kind++) {
                _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
                struct swb_error err = SWB_ERROR_INIT;
                unsigned tries;

                for (int i = 0; i < 2 && kind > 0; i++)
                        put_file(f->path[i], "# GRUB Environment Block\n", kind == 1 ? 0 : 20);
                assert_int_equal(look(f, &tries), -ENODATA);
                assert_ok(swb_boot_open("grub", f->place, &boot, &err), &err);
                assert_int_equal(swb_boot_heal(boot, SWB_SLOT_A, 3, &err), SWB_BOOT_HEALED);
                assert_int_equal(look(f, &tries), 0);
                assert_int_equal(tries, 3);
        }
}

static void refuses_wrong_places(void **state)
{
        struct fixture *f = *state;
        static const char *const places[] = {"/a", ":/a", "/a:", "/a:/a"};
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags = {0};

        for (size_t i = 0; i < SWB_ELEMENTS(places); i++)
                assert_fault(swb_boot_open("grub", places[i], &boot, &err), &err, SWB_FAULT_CONFIG);
        (void)snprintf(f->place, sizeof(f->place), "/proc/no/1:/proc/no/2");
        assert_ok(swb_boot_open("grub", f->place, &boot, &err), &err);
        assert_fault(swb_boot_store(boot, &flags, &err), &err, SWB_FAULT_BOOT);
        assert_non_null(strstr(err.text, "/proc/no/1"));
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(stores_in_turn),
                CASE(every_cut_leaves_old_or_new_flags),
                CASE(cuts_in_a_fresh_file_leave_the_old_flags),
                CASE(heals_what_is_not_there),
                CASE(refuses_wrong_places),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
