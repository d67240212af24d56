/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "device/install/verify.h"

static struct swb_manifest make_manifest(void)
{
        return (struct swb_manifest){
                .max_timestamp = 1000,
                .signatures_size = 267,
                .n_partitions = 3,
                .partitions = {{.name = "root", .version = "2.0", .has_new = true},
                               {.name = "boot", .version = "2.0", .has_new = true},
                               {.name = "data", .has_new = true}},
        };
}

static void test_version(void **state)
{
        struct swb_manifest manifest = make_manifest();
        struct swb_install_config config = {0};
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_ok(swb_verify_manifest(&manifest, &config, &err), &err);
        config.expect_version = "";
        assert_ok(swb_verify_manifest(&manifest, &config, &err), &err);
        config.expect_version = "2.0";
        assert_ok(swb_verify_manifest(&manifest, &config, &err), &err);
        manifest.partitions[1].version[2] = '1';
        assert_fault(swb_verify_manifest(&manifest, &config, &err), &err, SWB_FAULT_DOWNGRADE);
        assert_non_null(strstr(err.text, "boot"));
        config.expect_version = "2";
        assert_fault(swb_verify_manifest(&manifest, &config, &err), &err, SWB_FAULT_DOWNGRADE);
}

static void test_timestamp(void **state)
{
        struct swb_manifest manifest = make_manifest();
        struct swb_install_config config = {.min_timestamp = 1000};
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_ok(swb_verify_manifest(&manifest, &config, &err), &err);
        config.min_timestamp = 1001;
        assert_fault(swb_verify_manifest(&manifest, &config, &err), &err, SWB_FAULT_DOWNGRADE);
        manifest.max_timestamp = 0; /* not given: it could be of any time */
        config.min_timestamp = 1;
        assert_fault(swb_verify_manifest(&manifest, &config, &err), &err, SWB_FAULT_DOWNGRADE);
        config.min_timestamp = 0;
        assert_ok(swb_verify_manifest(&manifest, &config, &err), &err);
}

static void test_what_must_be_there(void **state)
{
        _cleanup_(swb_keyring_freep) struct swb_keyring *keys = NULL;
        struct swb_manifest manifest = make_manifest();
        struct swb_install_config config = {0};
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        manifest.partitions[2].has_new = false;
        assert_fault(swb_verify_manifest(&manifest, &config, &err), &err, SWB_FAULT_FORMAT);
        manifest.partitions[2].has_new = true;
        manifest.signatures_size = 0;
        assert_ok(swb_verify_manifest(&manifest, &config, &err), &err);
        assert_ok(swb_keyring_new(&keys, &err), &err);
        config.keys = keys;
        assert_fault(swb_verify_manifest(&manifest, &config, &err), &err, SWB_FAULT_SIGNATURE);
}

static void test_blob(void **state)
{
        static const uint8_t blob[] = "data";
        struct swb_operation operation = {.data_length = sizeof(blob), .has_data_hash = true};
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        swb_sha256(blob, sizeof(blob), operation.data_hash);
        assert_ok(swb_verify_blob(&operation, blob, &err), &err);
        operation.data_hash[31] ^= 1;
        assert_fault(swb_verify_blob(&operation, blob, &err), &err, SWB_FAULT_HASH);
        operation.has_data_hash = false;
        assert_ok(swb_verify_blob(&operation, blob, &err), &err);
        operation = (struct swb_operation){.has_data_hash = true};
        assert_ok(swb_verify_blob(&operation, NULL, &err), &err);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_version),
                cmocka_unit_test(test_timestamp),
                cmocka_unit_test(test_what_must_be_there),
                cmocka_unit_test(test_blob),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
