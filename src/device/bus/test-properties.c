/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/bus/properties.h"

static void expect_mended(const char *in, const char *want)
{
        char text[64];

        (void)snprintf(text, sizeof(text), "%s", in);
        swb_bus_mend_utf8(text);
        assert_string_equal(text, want);
}

static void text_is_mended_to_utf8(void **state)
{
        (void)state;
        expect_mended("", "");
        expect_mended("plain", "plain");
        expect_mended("38 \xc2\xb0"
                      "C \xe2\x82\xac \xf0\x9f\x98\x80",
                      "38 \xc2\xb0"
                      "C \xe2\x82\xac \xf0\x9f\x98\x80");
        expect_mended("a\nb\x1b[1m\x7f", "a?b?[1m?");
        expect_mended("\xff\xfe", "??");
        expect_mended("cut \xe2\x82", "cut ??");
        expect_mended("\xc0\xaf", "??");           /* overlong */
        expect_mended("\xed\xa0\x80", "???");      /* surrogate */
        expect_mended("\xf4\x90\x80\x80", "????"); /* above U+10FFFF */
        expect_mended("\xc2\xc2\xb0", "?\xc2\xb0");
}

static void each_change_is_named(void **state)
{
        struct swb_status was = {.current_version = "1",
                                 .available_version = "",
                                 .channel = "stable",
                                 .deferral_reason = ""},
                          is = was;
        const char *names[SWB_BUS_PROPERTIES + 1];

        (void)state;
        assert_int_equal(swb_bus_changed_properties(&was, &is, names), 0);
        is.progress = 0.5;
        is.needs_reboot = true;
        is.available_version = "2";
        assert_int_equal(swb_bus_changed_properties(&was, &is, names), 3);
        assert_string_equal(names[0], "Progress");
        assert_string_equal(names[1], "AvailableVersion");
        assert_string_equal(names[2], "NeedsReboot");
        assert_null(names[3]);
        is = (struct swb_status){SWB_ENGINE_UPDATED,
                                 1,
                                 1,
                                 1,
                                 1,
                                 "x",
                                 "y",
                                 SWB_SLOT_B,
                                 1,
                                 1,
                                 {.fault = SWB_FAULT_IO, .text = "t"},
                                 true,
                                 1,
                                 "beta",
                                 1,
                                 1,
                                 "a call",
                                 1,
                                 1,
                                 {{.allow = true}},
                                 1};
        assert_int_equal(swb_bus_changed_properties(&was, &is, names), SWB_BUS_PROPERTIES);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_is_mended_to_utf8),
                cmocka_unit_test(each_change_is_named),
        };

        return cmocka_run_group_tests_name("device/bus/properties", tests, NULL, NULL);
}
