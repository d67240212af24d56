/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/config/facts.h"

struct fixture {
        char folder[32];
        char id[64], release[64], cmdline[64];
        struct swb_config config;
};

static void make_file(const char *path, const char *text)
{
        _cleanup_fclose_ FILE *file = fopen(path, "w");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
}

static void write_good(const struct fixture *f)
{
        make_file(f->id, "0123456789abcdef0123456789abcdef\n");
        make_file(f->release, "ID=debian\nVERSION_ID=\"12\"\n");
        make_file(f->cmdline, "quiet root=/dev/x swb.slot=B swb.boot=1 panic=-1\n");
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        (void)snprintf(f->folder, sizeof(f->folder), "/tmp/swb-facts-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->id, sizeof(f->id), "%s/id", f->folder);
        (void)snprintf(f->release, sizeof(f->release), "%s/release", f->folder);
        (void)snprintf(f->cmdline, sizeof(f->cmdline), "%s/cmdline", f->folder);
        f->config.device.device_id_file = f->id;
        f->config.device.release_file = f->release;
        f->config.device.cmdline_file = f->cmdline;
        write_good(f);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        (void)unlink(f->id);
        (void)unlink(f->release);
        (void)unlink(f->cmdline);
        assert_int_equal(rmdir(f->folder), 0);
        free(f);
        return 0;
}

static void reads_them(void **state)
{
        struct fixture *f = *state;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_facts facts;

        assert_ok(swb_facts_load(&f->config, &facts, &err), &err);
        assert_string_equal(facts.device_id, "0123456789abcdef0123456789abcdef");
        assert_string_equal(facts.version, "12");
        assert_int_equal(facts.slot, SWB_SLOT_B);
        assert_int_equal(facts.boot_contract, 1);
}

static void reads_other_forms(void **state)
{
        struct fixture *f = *state;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_facts facts;

        make_file(f->release, "XVERSION_ID=1\nVERSION_ID=12\nSWB_VERSION='2.3.4'");
        make_file(f->cmdline, "swb.slot=B xswb.boot=7 swb.slot=A");
        make_file(f->id, "serial-17  \r\nmore\n");
        assert_ok(swb_facts_load(&f->config, &facts, &err), &err);
        assert_string_equal(facts.version, "2.3.4");
        assert_string_equal(facts.device_id, "serial-17");
        assert_int_equal(facts.slot, SWB_SLOT_A);
        assert_int_equal(facts.boot_contract, 0);
}

static void refuses(void **state)
{
        struct fixture *f = *state;
        const struct {
                const char *path, *text, *want;
        } cases[] = {
                {f->id, "\n", "the device id is empty"},
                {f->id, "caf\xc3\xa9\n", "is not plain ASCII"},
                {f->release, "NAME=x\n", "neither SWB_VERSION= nor VERSION_ID="},
                {f->release, "VERSION_ID=\"\"\n", "the version is empty"},
                {f->release,
                 "VERSION_ID=1234567890123456789012345678901234567890123456789012345678901234\n",
                 "longer than 63"},
                {f->cmdline, "quiet\n", "swb.slot= is missing"},
                {f->cmdline, "swb.slot=C\n", "swb.slot=C is neither"},
                {f->cmdline, "swb.slot=A swb.boot=x\n", "swb.boot=x is not a number"},
        };

        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                struct swb_error err = SWB_ERROR_INIT;
                struct swb_facts facts;

                write_good(f);
                make_file(cases[i].path, cases[i].text);
                assert_fault(swb_facts_load(&f->config, &facts, &err), &err, SWB_FAULT_CONFIG);
                assert_non_null(strstr(err.text, cases[i].path));
                if (!strstr(err.text, cases[i].want))
                        fail_msg("case %zu: '%s' lacks '%s'", i, err.text, cases[i].want);
        }
}

static void names_a_missing_file(void **state)
{
        struct fixture *f = *state;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_facts facts;

        assert_int_equal(unlink(f->release), 0);
        assert_fault(swb_facts_load(&f->config, &facts, &err), &err, SWB_FAULT_NOT_FOUND);
        assert_non_null(strstr(err.text, f->release));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(reads_them, setup, teardown),
                cmocka_unit_test_setup_teardown(reads_other_forms, setup, teardown),
                cmocka_unit_test_setup_teardown(refuses, setup, teardown),
                cmocka_unit_test_setup_teardown(names_a_missing_file, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
