/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "generator/explain/account.h"

static enum swb_class class_of(const char *path, size_t offset, const char *bytes, size_t n)
{
        uint8_t head[SWB_BLOCK_BYTES] = {0};

        memcpy(head + offset, bytes, n);
        return swb_class_of(path, head, sizeof(head));
}

static void test_by_content(void **state _unused_)
{
        assert_int_equal(class_of("/boot/x", 0x202, "HdrS", 4), SWB_CLASS_KERNEL);
        assert_int_equal(class_of("/boot/x", 56, "ARMd", 4), SWB_CLASS_KERNEL);
        assert_int_equal(class_of("/a.img", 0, "hsqs", 4), SWB_CLASS_IMAGE);
        assert_int_equal(class_of("", 1080, "\x53\xef", 2), SWB_CLASS_IMAGE);
        assert_int_equal(class_of("/x", 0, "070701", 6), SWB_CLASS_INITRD);
        assert_int_equal(class_of("/x", 0, "PK\x03\x04", 4), SWB_CLASS_COMPRESSED);
        assert_int_equal(class_of("/usr/bin/x", 0, "\177ELF", 4), SWB_CLASS_PROGRAM);
        assert_int_equal(class_of("/etc/x", 0, "a = \xc3\xa4\n\t#\r\n", 10), SWB_CLASS_TEXT);
        assert_int_equal(class_of("/etc/x", 0, "a\0b", 3), SWB_CLASS_OTHER);
        assert_int_equal(class_of("/etc/x", 0, "", 0), SWB_CLASS_OTHER);
}

static void test_by_name(void **state _unused_)
{
        assert_int_equal(class_of("/lib/x.ko", 0, "\177ELF", 4), SWB_CLASS_MODULE);
        assert_int_equal(class_of("/lib/x.ko.xz", 0, "\xfd\x37zXZ", 6), SWB_CLASS_MODULE);
        assert_int_equal(class_of("/lib/x.kojak", 0, "\177ELF", 4), SWB_CLASS_PROGRAM);
        assert_int_equal(class_of("/boot/initrd.img", 0, "\x1f\x8b\x08", 3), SWB_CLASS_INITRD);
        assert_int_equal(class_of("/boot/Image.gz", 0, "\x1f\x8b\x08", 3), SWB_CLASS_KERNEL);
        assert_int_equal(class_of("/usr/x.gz", 0, "\x1f\x8b\x08", 3), SWB_CLASS_COMPRESSED);
        assert_int_equal(class_of("/var/lib/dpkg/status", 0, "Package: x", 10), SWB_CLASS_PACKAGES);
        /* a text stays one, whatever its name */
        assert_int_equal(class_of("/etc/initramfs.conf", 0, "a=b\n", 4), SWB_CLASS_TEXT);
}

static void test_names(void **state _unused_)
{
        for (int i = 0; i < _SWB_CLASS_MAX; i++)
                assert_non_null(swb_class_to_string((enum swb_class)i));
        for (int i = 0; i < _SWB_LOT_MAX; i++)
                assert_non_null(swb_lot_to_string((enum swb_lot)i));
        for (unsigned i = 0; i < SWB_ACCOUNT_STREAMS; i++) {
                assert_non_null(swb_account_stream_name(i));
                assert_non_null(swb_account_group_to_string(swb_account_group_of(i)));
                assert_int_equal(swb_account_stream_kind(i) != NULL,
                                 swb_account_group_of(i) == SWB_GROUP_CORRECTIONS);
        }
}

static void test_sums(void **state _unused_)
{
        _cleanup_free_ struct swb_account *account = calloc(1, sizeof(*account));
        struct swb_share share = {.lot = SWB_LOT_CODE};

        share.packed[SWB_SWD2_MOVES] = 3;
        share.packed[SWB_SWD2_CORRECTIONS + 2] = 4;
        share.packed[SWB_SHARE_HEADS] = 5;
        swb_account_add_share(account, SWB_CLASS_MODULE, &share);
        swb_account_add(account, SWB_CLASS_TEXT, SWB_LOT_WHOLE, SWB_ACCOUNT_PACKED, 10);
        assert_int_equal(swb_account_sum(account, SWB_CLASS_MODULE, _SWB_LOT_MAX), 12);
        assert_int_equal(swb_account_sum(account, SWB_CLASS_MODULE, SWB_LOT_DATA), 0);
        assert_int_equal(swb_account_sum(account, _SWB_CLASS_MAX, _SWB_LOT_MAX), 22);
        assert_int_equal(
                swb_account_of_group(account, SWB_CLASS_MODULE, SWB_LOT_CODE, SWB_GROUP_CONTROL),
                3);
        assert_int_equal(
                swb_account_of_group(account, _SWB_CLASS_MAX, _SWB_LOT_MAX, SWB_GROUP_CORRECTIONS),
                4);
        assert_int_equal(
                swb_account_of_stream(account, _SWB_CLASS_MAX, SWB_LOT_WHOLE, SWB_ACCOUNT_PACKED),
                10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_by_content),
                cmocka_unit_test(test_by_name),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_sums),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
