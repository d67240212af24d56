/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/test.h"
#include "device/install/slots.h"
#include "os/file.h"

/* A folder with files a, b, c of 8192 bytes, `link` to a, and `hard`, another name of b. */
static int make_dir(void **state)
{
        static const uint8_t content[8192];
        char *dir = strdup("/tmp/swb-test-slots-XXXXXX");

        *state = dir;
        if (!dir || !mkdtemp(dir) || chdir(dir) < 0)
                return -1;
        for (const char *name = "a\0b\0c\0"; *name; name += 2)
                if (swb_write_file_durable(name, content, sizeof(content), 0600, NULL) < 0)
                        return -1;
        return symlink("a", "link") < 0 || link("b", "hard") < 0 || mkdir("folder", 0700) < 0 ? -1
                                                                                              : 0;
}

static int remove_dir(void **state)
{
        static const char *const names[] = {"a", "b", "c", "new", "link", "hard"};

        for (size_t i = 0; i < SWB_ELEMENTS(names); i++)
                (void)unlink(names[i]);
        (void)rmdir("folder");
        (void)rmdir(*state);
        free(*state);
        return 0;
}

static int try_open(const struct swb_install_slot *config, size_t n, bool create,
                    struct swb_error *err)
{
        _cleanup_(swb_slots_done) struct swb_slots slots = {0};

        return swb_slots_open(&slots, config, n, create, err);
}

static void test_same_thing(void **state)
{
        const struct swb_install_slot bad[][2] = {
                {{"root", "a", "a"}, {"boot", "c", NULL}},
                {{"root", "a", "link"}, {"boot", "c", NULL}},
                {{"root", "b", "hard"}, {"boot", "c", NULL}},
                {{"root", "a", NULL}, {"boot", "link", NULL}},
                {{"root", "a", "b"}, {"boot", "c", "a"}},
                {{"root", "a", "b"}, {"boot", "hard", NULL}},
                {{"root", "a", NULL}, {"root", "c", NULL}},
                {{"root", "folder", NULL}, {"boot", "c", NULL}},
                {{"root", "/dev/null", NULL}, {"boot", "c", NULL}},
                {{"root", "a", "/dev/zero"}, {"boot", "c", NULL}},
        };
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(bad); i++)
                if (try_open(bad[i], 2, false, &err) >= 0)
                        fail_msg("pair %zu was accepted", i);
        assert_fault(try_open(bad[0], 2, false, &err), &err, SWB_FAULT_CONFIG);
        assert_fault(try_open(bad[5], 2, false, &err), &err, SWB_FAULT_CONFIG);
        assert_fault(try_open(bad[0], 0, false, &err), &err, SWB_FAULT_CONFIG);
        assert_ok(try_open((struct swb_install_slot[]){{"root", "a", "b"}, {"boot", "c", "b"}}, 2,
                           false, &err),
                  &err);
}

static void test_missing(void **state)
{
        const struct swb_install_slot fresh = {"root", "new", NULL};
        const struct swb_install_slot sourceless = {"root", "a", "nothing"};
        const struct swb_install_slot optional = {"root", "a", "nothing", true};
        struct swb_error err = SWB_ERROR_INIT;
        struct stat st;

        (void)state;
        assert_fault(try_open(&fresh, 1, false, &err), &err, SWB_FAULT_NOT_FOUND);
        assert_int_equal(stat("new", &st), -1);
        assert_ok(try_open(&fresh, 1, true, &err), &err);
        assert_int_equal(stat("new", &st), 0);
        assert_fault(try_open(&sourceless, 1, false, &err), &err, SWB_FAULT_NOT_FOUND);
        assert_ok(try_open(&optional, 1, false, &err), &err);
}

static void test_busy(void **state)
{
        _cleanup_(swb_slots_done) struct swb_slots slots = {0};
        const struct swb_install_slot config = {"root", "a", "b"};
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_ok(swb_slots_open(&slots, &config, 1, false, &err), &err);
        assert_fault(try_open(&config, 1, false, &err), &err, SWB_FAULT_BUSY);
        swb_slots_done(&slots);
        assert_ok(try_open(&config, 1, false, &err), &err);
}

static void test_fit(void **state)
{
        _cleanup_(swb_slots_done) struct swb_slots slots = {0};
        const struct swb_install_slot config[] = {{"root", "a", "b"}, {"boot", "c", NULL}};
        struct swb_partition partition = {.name = "root", .new_bytes = 8192};
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_slot *root, *boot;
        struct stat st;

        (void)state;
        assert_ok(swb_slots_open(&slots, config, 2, false, &err), &err);
        root = swb_slots_find(&slots, "root");
        boot = swb_slots_find(&slots, "boot");
        assert_non_null(root);
        assert_non_null(boot);
        assert_null(swb_slots_find(&slots, "other"));
        assert_ok(swb_slot_fit(root, &partition, false, &err), &err);
        partition.new_bytes = 8193;
        assert_fault(swb_slot_fit(root, &partition, false, &err), &err, SWB_FAULT_NO_SPACE);
        assert_non_null(strstr(err.text, "8193"));
        assert_non_null(strstr(err.text, "8192"));
        assert_ok(swb_slot_fit(root, &partition, true, &err), &err);
        assert_int_equal(stat("a", &st), 0);
        assert_int_equal(st.st_size, 8193);
        partition = (struct swb_partition){
                .name = "x", .new_bytes = 4096, .has_old = true, .old_bytes = 8192};
        assert_ok(swb_slot_fit(root, &partition, false, &err), &err);
        assert_fault(swb_slot_fit(boot, &partition, false, &err), &err, SWB_FAULT_SOURCE);
        partition.old_bytes = 8193;
        assert_fault(swb_slot_fit(root, &partition, false, &err), &err, SWB_FAULT_SOURCE);
}

static void test_source(void **state)
{
        static const uint8_t content[8192];
        _cleanup_(swb_slots_done) struct swb_slots slots = {0};
        const struct swb_install_slot config = {"root", "a", "b"};
        struct swb_partition partition = {.name = "root", .has_old = true, .old_bytes = 8192};
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_ok(swb_slots_open(&slots, &config, 1, false, &err), &err);
        assert_fault(swb_slot_check_source(&slots.slots[0], &partition, &err), &err,
                     SWB_FAULT_SOURCE);
        swb_sha256(content, sizeof(content), partition.old_hash);
        assert_ok(swb_slot_check_source(&slots.slots[0], &partition, &err), &err);
        assert_true(slots.slots[0].source_trusted);
}

static void test_digest(void **state)
{
        const struct swb_install_slot configs[][1] = {
                {{"root", "a", "b"}}, {{"root", "c", "b"}}, {{"boot", "a", "b"}}};
        uint8_t digests[3][SWB_SHA256_BYTES], again[SWB_SHA256_BYTES];
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                _cleanup_(swb_slots_done) struct swb_slots slots = {0};

                assert_ok(swb_slots_open(&slots, configs[i], 1, false, &err), &err);
                swb_slots_digest(&slots, digests[i]);
                swb_slots_digest(&slots, again);
                assert_memory_equal(digests[i], again, sizeof(again));
        }
        assert_memory_not_equal(digests[0], digests[1], sizeof(again));
        assert_memory_not_equal(digests[0], digests[2], sizeof(again));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_same_thing, make_dir, remove_dir),
                cmocka_unit_test_setup_teardown(test_missing, make_dir, remove_dir),
                cmocka_unit_test_setup_teardown(test_busy, make_dir, remove_dir),
                cmocka_unit_test_setup_teardown(test_fit, make_dir, remove_dir),
                cmocka_unit_test_setup_teardown(test_source, make_dir, remove_dir),
                cmocka_unit_test_setup_teardown(test_digest, make_dir, remove_dir),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
