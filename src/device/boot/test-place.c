/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/boot/place.h"

static void reads_the_short_form(void **state)
{
        struct swb_uboot_copy copies[SWB_UBOOT_COPIES];
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_ok(swb_uboot_place_parse("/dev/mmcblk0:0x100000:1114112:0x1000", copies, &err),
                  &err);
        assert_string_equal(copies[0].device, "/dev/mmcblk0");
        assert_int_equal(copies[0].offset, 0x100000);
        assert_int_equal(copies[1].offset, 0x110000);
        assert_int_equal(copies[1].n_bytes, 0x1000);
        assert_int_equal(copies[1].sector_bytes, 0);
        assert_ok(swb_uboot_place_parse("/dev/mtd0:0:0x20000:0x10000:0X10000", copies, &err), &err);
        assert_int_equal(copies[0].sector_bytes, 0x10000);
        assert_int_equal(copies[0].n_bytes, 0x10000);
        assert_ok(swb_uboot_place_parse("/dev/disk/by-path/pci-0000:00:1f.2:0:0x1000:0x1000",
                                        copies, &err),
                  &err);
        assert_string_equal(copies[0].device, "/dev/disk/by-path/pci-0000:00:1f.2");
}

static void refuses_wrong_short_forms(void **state)
{
        static const char *const places[] = {
                "/dev/x:0:0x1000",             /* no size */
                "/dev/x:0x1000",               /* one number */
                ":0:0x1000:0x1000",            /* no device */
                "/dev/x:0:0x800:0x1000",       /* overlap */
                "/dev/x:0x800:0:0x1000",       /* overlap the other way round */
                "/dev/x:0:0:0x1000",           /* twice the same */
                "/dev/x:0:0x1000:255",         /* too small */
                "/dev/x:0:0x1000000:0x800000", /* too large */
                "/dev/x:0x8000000000000000:0:0x1000",
                "/dev/x:0:0xffffffffffffffff:0x1000",
        };
        struct swb_uboot_copy copies[SWB_UBOOT_COPIES];
        struct swb_error err;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(places); i++) {
                assert_fault(swb_uboot_place_parse(places[i], copies, &err), &err,
                             SWB_FAULT_CONFIG);
                assert_non_null(strstr(err.text, places[i]));
        }
        assert_fault(swb_uboot_place_parse("/dev/x:0:0x1000:0xzz", copies, &err), &err,
                     SWB_FAULT_NOT_FOUND); /* the path of a file, then */
}

static int parse_text(const char *text, struct swb_uboot_copy *copies, struct swb_error *err)
{
        char path[] = "/tmp/swb-place-XXXXXX";
        int fd = mkstemp(path), r;

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        (void)close(fd);
        *err = SWB_ERROR_INIT;
        r = swb_uboot_place_parse(path, copies, err);
        (void)unlink(path);
        return r;
}

static void reads_fw_env_config(void **state)
{
        struct swb_uboot_copy copies[SWB_UBOOT_COPIES];
        struct swb_error err;

        (void)state;
        assert_ok(parse_text("# Device\tOffset\tSize\n\n  \n/dev/mmcblk0 0x100000\t1000\r\n"
                             "/dev/mmcblk1 1114112 0x1000 20000 2\n",
                             copies, &err),
                  &err);
        assert_string_equal(copies[0].device, "/dev/mmcblk0");
        assert_int_equal(copies[0].offset, 0x100000);
        assert_int_equal(copies[0].n_bytes, 0x1000);
        assert_string_equal(copies[1].device, "/dev/mmcblk1");
        assert_int_equal(copies[1].offset, 0x110000);
        assert_int_equal(copies[1].sector_bytes, 0x20000);
        assert_int_equal(copies[1].n_sectors, 2);
}

static void refuses_wrong_configs(void **state)
{
        static const char *const texts[] = {
                "",
                "/dev/x 0 0x1000\n",                                      /* one copy */
                "/dev/x 0 0x1000\n/dev/x 0x1000 0x1000\n/dev/y 0 1000\n", /* three */
                "/dev/x 0 0x1000\n/dev/x 0x1000 0x2000\n",                /* sizes differ */
                "/dev/x 0\n/dev/x 0x1000 0x1000\n",
                "/dev/x 0 size\n/dev/x 0x1000 0x1000\n",
                "/dev/x -0x1000 0x1000\n/dev/x 0x1000 0x1000\n",
                "/dev/x 0 0x00000000000000000000000000001000\n/dev/x 0x1000 0x1000\n",
        };
        struct swb_uboot_copy copies[SWB_UBOOT_COPIES];
        struct swb_error err;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(texts); i++)
                assert_fault(parse_text(texts[i], copies, &err), &err, SWB_FAULT_CONFIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_the_short_form),
                cmocka_unit_test(refuses_wrong_short_forms),
                cmocka_unit_test(reads_fw_env_config),
                cmocka_unit_test(refuses_wrong_configs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
