/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "device/boot/boot.h"
#include "device/boot/ops.h"

#define ENV_BYTES 4096
#define FIRST 0x1000
#define SECOND 0x3000
#define FILE_BYTES 0x4000

struct fixture {
        char folder[32];
        char path[64], initial[64];
        char place[128];
};

static void make_file(const char *path, const void *data, size_t n)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        if (data)
                assert_int_equal(write(fd, data, n), n);
        else
                assert_int_equal(ftruncate(fd, (off_t)n), 0);
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        (void)snprintf(f->folder, sizeof(f->folder), "/tmp/swb-uboot-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->path, sizeof(f->path), "%s/env", f->folder);
        (void)snprintf(f->initial, sizeof(f->initial), "%s/initial", f->folder);
        (void)snprintf(f->place, sizeof(f->place), "%s:0x1000:0x3000:0x1000", f->path);
        make_file(f->path, NULL, FILE_BYTES);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        (void)unlink(f->path);
        (void)unlink(f->initial);
        assert_int_equal(rmdir(f->folder), 0);
        free(f);
        return 0;
}

static void read_at(const char *path, off_t offset, uint8_t *data, size_t n)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(pread(fd, data, n, offset), n);
}

static void write_at(const char *path, off_t offset, const uint8_t *data, size_t n)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, data, n, offset), n);
}

static unsigned tries_of(const char *place, enum swb_slot slot)
{
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags;

        assert_ok(swb_boot_open("uboot", place, &boot, &err), &err);
        assert_ok(swb_boot_read(boot, &flags, &err), &err);
        return flags.slot[slot].tries;
}

static void store_tries(struct swb_boot *boot, unsigned tries)
{
        struct swb_boot_flags flags = {.slot = {{15, tries, false}, {14, 0, true}}};
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_boot_store(boot, &flags, &err), &err);
        assert_int_equal(err.code, 0);
}

static void stores_in_turn(void **state)
{
        struct fixture *f = *state;
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        uint8_t before[2][ENV_BYTES], after[2][ENV_BYTES];

        assert_ok(swb_boot_open("uboot", f->place, &boot, &err), &err);
        store_tries(boot, 15);
        store_tries(boot, 14);
        for (unsigned tries = 13; tries > 9; tries--) {
                int changed = 0;

                read_at(f->path, FIRST, before[0], ENV_BYTES);
                read_at(f->path, SECOND, before[1], ENV_BYTES);
                store_tries(boot, tries);
                read_at(f->path, FIRST, after[0], ENV_BYTES);
                read_at(f->path, SECOND, after[1], ENV_BYTES);
                for (int i = 0; i < 2; i++)
                        changed += memcmp(before[i], after[i], ENV_BYTES) != 0;
                assert_int_equal(changed, 1);
                assert_int_equal(tries_of(f->place, SWB_SLOT_A), tries);
        }
}

/* The newest copy is the one whose flags byte is one ahead. */
static off_t newest(const char *path)
{
        uint8_t first[5], second[5];

        read_at(path, FIRST, first, sizeof(first));
        read_at(path, SECOND, second, sizeof(second));
        return (uint8_t)(first[4] - second[4]) == 1 ? FIRST : SECOND;
}

static void a_torn_write_leaves_the_old_flags(void **state)
{
        struct fixture *f = *state;
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        static const size_t cuts[] = {1, 3, 4, 5, 6, 30, 70, 512, 2048, ENV_BYTES - 1};
        uint8_t older[ENV_BYTES], full[ENV_BYTES];
        off_t offset;

        assert_ok(swb_boot_open("uboot", f->place, &boot, &err), &err);
        store_tries(boot, 4);
        store_tries(boot, 3);
        offset = newest(f->path) == FIRST ? SECOND : FIRST; /* goes under the next store */
        read_at(f->path, offset, older, ENV_BYTES);
        store_tries(boot, 2);
        assert_int_equal(newest(f->path), offset);
        read_at(f->path, offset, full, ENV_BYTES);
        for (size_t i = 0; i < SWB_ELEMENTS(cuts); i++) {
                uint8_t torn[ENV_BYTES];
                size_t n = cuts[i];

                memcpy(torn, full, n);
                memcpy(torn + n, older + n, ENV_BYTES - n);
                write_at(f->path, offset, torn, ENV_BYTES);
                if (memcmp(torn, full, ENV_BYTES) == 0 || memcmp(torn, older, ENV_BYTES) == 0)
                        continue;
                assert_int_equal(tries_of(f->place, SWB_SLOT_A), 3);
                /* and the next store goes over the torn copy, not over the good one */
                assert_int_equal(swb_boot_heal(boot, SWB_SLOT_A, 6, &err), SWB_BOOT_HEALED);
                assert_int_equal(tries_of(f->place, SWB_SLOT_A), 3);
                assert_int_equal(swb_boot_heal(boot, SWB_SLOT_A, 6, &err), 0);
                assert_int_equal(newest(f->path), offset);
                write_at(f->path, offset, older, ENV_BYTES);
        }
}

/* The sectors of a copy may reach the medium in any order: each subset of them. */
static void every_subset_of_sectors_leaves_old_or_new_flags(void **state)
{
        struct fixture *f = *state;
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        uint8_t older[ENV_BYTES], full[ENV_BYTES], mixed[ENV_BYTES];
        off_t offset;

        assert_ok(swb_boot_open("uboot", f->place, &boot, &err), &err);
        store_tries(boot, 4);
        store_tries(boot, 3);
        offset = newest(f->path) == FIRST ? SECOND : FIRST;
        for (size_t i = 0; i < sizeof(older); i++) /* every sector differs from what will come */
                older[i] = (uint8_t)(i * 5 + 3);
        write_at(f->path, offset, older, ENV_BYTES);
        store_tries(boot, 2);
        read_at(f->path, offset, full, ENV_BYTES);
        for (unsigned subset = 0; subset < 1 << ENV_BYTES / 512; subset++) {
                for (size_t i = 0; i < ENV_BYTES / 512; i++)
                        memcpy(mixed + i * 512, (subset >> i & 1 ? full : older) + i * 512, 512);
                write_at(f->path, offset, mixed, ENV_BYTES);
                assert_int_equal(tries_of(f->place, SWB_SLOT_A),
                                 memcmp(mixed, full, ENV_BYTES) == 0 ? 2 : 3);
        }
}

/* The flags byte counts stores and is not part of the checksum. */
static void counts_on_over_the_wrap(void **state)
{
        struct fixture *f = *state;
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        off_t offset;

        assert_ok(swb_boot_open("uboot", f->place, &boot, &err), &err);
        store_tries(boot, 1);
        store_tries(boot, 2);
        offset = newest(f->path);
        write_at(f->path, offset + 4, &(uint8_t){254}, 1);
        write_at(f->path, (offset == FIRST ? SECOND : FIRST) + 4, &(uint8_t){253}, 1);
        for (unsigned i = 0; i < 5; i++) {
                store_tries(boot, i);
                assert_int_equal(tries_of(f->place, SWB_SLOT_A), i);
        }
}

static void heals_garbage(void **state)
{
        struct fixture *f = *state;
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags;
        uint8_t garbage[FILE_BYTES];

        for (size_t i = 0; i < sizeof(garbage); i++)
                garbage[i] = (uint8_t)(i * 7 + 1);
        make_file(f->path, garbage, sizeof(garbage));
        assert_ok(swb_boot_open("uboot", f->place, &boot, &err), &err);
        assert_fault(swb_boot_read(boot, &flags, &err), &err, SWB_FAULT_BOOT);
        assert_int_equal(err.code, -ENODATA);
        assert_non_null(strstr(err.text, f->path));
        assert_int_equal(swb_boot_heal(boot, SWB_SLOT_B, 3, &err), SWB_BOOT_HEALED);
        assert_ok(swb_boot_read(boot, &flags, &err), &err);
        assert_int_equal(flags.slot[SWB_SLOT_B].priority, 15);
        assert_int_equal(flags.slot[SWB_SLOT_B].tries, 3);
        assert_int_equal(flags.slot[SWB_SLOT_A].priority, 0);
}

static bool holds(const char *path, const char *text)
{
        uint8_t data[FILE_BYTES];

        read_at(path, 0, data, sizeof(data));
        return memmem(data, sizeof(data), text, strlen(text) + 1) != NULL;
}

static void a_fresh_environment_gets_the_defaults(void **state)
{
        struct fixture *f = *state;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags = {.slot = {{15, 3, false}, {0, 0, false}}};
        void *uboot;

        make_file(f->initial, "bootcmd=run distro\n# no\nbootdelay=2\n", 37);
        assert_ok(swb_uboot_open(f->place, f->initial, &uboot, &err), &err);
        assert_ok(swb_boot_uboot.store(uboot, &flags, &err), &err);
        assert_true(holds(f->path, "bootcmd=run distro"));
        assert_true(holds(f->path, "swb_A_priority=15"));
        /* and later stores keep what stands there */
        assert_int_equal(unlink(f->initial), 0);
        assert_ok(swb_boot_uboot.store(uboot, &flags, &err), &err);
        assert_true(holds(f->path, "bootdelay=2"));
        swb_boot_uboot.close(uboot);
}

static void refuses_what_cannot_work(void **state)
{
        struct fixture *f = *state;
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;

        (void)snprintf(f->place, sizeof(f->place), "/dev/no-%s:0:0x1000:0x1000", f->folder + 5);
        assert_fault(swb_boot_open("uboot", f->place, &boot, &err), &err, SWB_FAULT_BOOT);
        assert_non_null(strstr(err.text, "/dev/no-swb"));
}

/* U-Boot makes its file with the first "saveenv", and nobody may ever have said that. */
static void a_file_that_is_missing_or_short_is_healed(void **state)
{
        struct fixture *f = *state;

        for (int kind = 0; kind < 2; kind++) {
                _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
                struct swb_error err = SWB_ERROR_INIT;
                struct swb_boot_flags flags;

                if (kind == 0)
                        assert_int_equal(unlink(f->path), 0);
                else
                        assert_int_equal(truncate(f->path, FIRST + 7), 0);
                assert_ok(swb_boot_open("uboot", f->place, &boot, &err), &err);
                assert_fault(swb_boot_inspect(boot, &flags, &err), &err, SWB_FAULT_BOOT);
                assert_int_equal(err.code, -ENODATA);
                assert_int_equal(swb_boot_heal(boot, SWB_SLOT_A, 3, &err), SWB_BOOT_HEALED);
                assert_ok(swb_boot_inspect(boot, &flags, &err), &err);
                assert_int_equal(swb_boot_inspect(boot, &flags, &err), 0); /* both copies */
                assert_int_equal(flags.slot[SWB_SLOT_A].tries, 3);
        }
}

/* U-Boot's form for two files on FAT: the second is made by a later "saveenv". */
static void a_second_file_that_was_never_made_costs_no_flags(void **state)
{
        struct fixture *f = *state;
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags;
        uint8_t copy[ENV_BYTES];
        char config[256];

        assert_ok(swb_boot_open("uboot", f->place, &boot, &err), &err);
        store_tries(boot, 5);
        boot = swb_boot_close(boot);
        read_at(f->path, newest(f->path), copy, ENV_BYTES);
        make_file(f->path, copy, ENV_BYTES);
        (void)snprintf(config, sizeof(config), "%s 0 0x1000\n%s.redundant 0 0x1000\n", f->path,
                       f->path);
        make_file(f->initial, config, strlen(config));
        assert_ok(swb_boot_open("uboot", f->initial, &boot, &err), &err);
        assert_int_equal(swb_boot_inspect(boot, &flags, &err), SWB_BOOT_DEGRADED);
        assert_int_equal(flags.slot[SWB_SLOT_A].tries, 5);
        assert_int_equal(swb_boot_heal(boot, SWB_SLOT_B, 3, &err), SWB_BOOT_HEALED);
        assert_int_equal(swb_boot_inspect(boot, &flags, &err), 0);
        assert_int_equal(flags.slot[SWB_SLOT_A].tries, 5);
        (void)snprintf(config, sizeof(config), "%s.redundant", f->path);
        assert_int_equal(unlink(config), 0);
}

static void says_when_the_environment_is_full(void **state)
{
        struct fixture *f = *state;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags = {0};
        char text[1100];
        void *uboot;

        memset(text, 'x', sizeof(text));
        memcpy(text, "big=", 4);
        make_file(f->initial, text, sizeof(text));
        (void)snprintf(f->place, sizeof(f->place), "%s:0:0x1000:0x400", f->path);
        assert_ok(swb_uboot_open(f->place, f->initial, &uboot, &err), &err);
        assert_fault(swb_boot_uboot.store(uboot, &flags, &err), &err, SWB_FAULT_BOOT);
        assert_non_null(strstr(err.text, "no room"));
        swb_boot_uboot.close(uboot);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(stores_in_turn, setup, teardown),
                cmocka_unit_test_setup_teardown(a_torn_write_leaves_the_old_flags, setup, teardown),
                cmocka_unit_test_setup_teardown(every_subset_of_sectors_leaves_old_or_new_flags,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(counts_on_over_the_wrap, setup, teardown),
                cmocka_unit_test_setup_teardown(heals_garbage, setup, teardown),
                cmocka_unit_test_setup_teardown(a_fresh_environment_gets_the_defaults, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(a_file_that_is_missing_or_short_is_healed, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(a_second_file_that_was_never_made_costs_no_flags,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(refuses_what_cannot_work, setup, teardown),
                cmocka_unit_test_setup_teardown(says_when_the_environment_is_full, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
