/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "server/fleet/device.h"

static const struct swb_catalog_channel channel = {.name = "stable"};
static const struct swb_catalog_release release_2 = {.version = "2.0"};
static const struct swb_catalog_release release_3 = {.version = "3.0"};

static int64_t now = 1000;

static void event(struct swb_device *device, int type, int result, const char *previous)
{
        struct swb_omaha_event e = {.type = type,
                                    .result = result,
                                    .previousversion = previous,
                                    .nextversion = "",
                                    .fault = "",
                                    .text = "",
                                    .slot = ""};

        swb_device_apply_event(device, &e, ++now);
}

static void fail_with(struct swb_device *device, int errorcode, const char *fault, const char *text)
{
        struct swb_omaha_event e = {.type = 3,
                                    .errorcode = errorcode,
                                    .previousversion = "",
                                    .nextversion = "",
                                    .fault = fault,
                                    .text = text,
                                    .slot = "b"};

        swb_device_apply_event(device, &e, ++now);
}

static const char *reads = "";

static void contact(struct swb_device *device, const char *version, bool is_check)
{
        struct swb_omaha_app app = {.version = version,
                                    .from_version = "",
                                    .board = "b",
                                    .hardware_class = "h",
                                    .reads = reads,
                                    .has_update_check = is_check};

        swb_device_apply_app(device, &app, ++now);
}

/* It asks for an update. */
static void say(struct swb_device *device, const char *version)
{
        contact(device, version, true);
}

static void decide(struct swb_device *device, enum swb_select_outcome outcome,
                   const struct swb_catalog_release *release)
{
        struct swb_decision d = {.outcome = outcome, .channel = &channel, .release = release};

        swb_device_apply_decision(device, &d, ++now);
}

static void test_chrome_os(void **state)
{
        struct swb_device d = {0};

        (void)state;
        say(&d, "1.0");
        assert_int_equal(d.state, SWB_DEVICE_NEW);
        decide(&d, SWB_SELECT_UPDATE, &release_2);
        assert_int_equal(d.state, SWB_DEVICE_OFFERED);
        assert_string_equal(d.channel, "stable");
        assert_int_equal(d.granted_at, now);
        event(&d, 13, 1, "");
        assert_int_equal(d.state, SWB_DEVICE_DOWNLOADING);
        event(&d, 14, 1, "");
        assert_int_equal(d.state, SWB_DEVICE_DOWNLOADING);
        event(&d, 3, 1, "");
        assert_int_equal(d.state, SWB_DEVICE_INSTALLED);
        say(&d, "1.0"); /* asks once more before it reboots */
        decide(&d, SWB_SELECT_UPDATE, &release_2);
        assert_int_equal(d.state, SWB_DEVICE_INSTALLED);
        say(&d, "2.0");
        event(&d, 54, 1, "1.0");
        decide(&d, SWB_SELECT_UP_TO_DATE, &release_2);
        assert_int_equal(d.state, SWB_DEVICE_UP_TO_DATE);
        assert_true(d.updated_at > d.granted_at);
        assert_string_equal(d.granted_version, "");
}

static void test_flatcar(void **state)
{
        struct swb_device d = {0};

        (void)state;
        say(&d, "1.0");
        event(&d, 3, 2, "0.0.0.0"); /* first boot ever, not an update */
        assert_int_equal(d.updated_at, 0);
        assert_int_equal(d.state, SWB_DEVICE_NEW);
        event(&d, 3, 2, "");
        assert_int_equal(d.updated_at, 0);
        event(&d, 3, 2, "0.9");
        assert_int_equal(d.updated_at, now);
        assert_int_equal(d.state, SWB_DEVICE_UP_TO_DATE);
        event(&d, 800, 1, "");
        assert_int_equal(d.state, SWB_DEVICE_INSTALLED);
}

/* The event that reports the completion was lost. */
static void test_completed_by_version(void **state)
{
        struct swb_device d = {0};

        (void)state;
        say(&d, "1.0");
        decide(&d, SWB_SELECT_UPDATE, &release_2);
        event(&d, 13, 1, "");
        say(&d, "2.0.0");
        assert_int_equal(d.state, SWB_DEVICE_UP_TO_DATE);
        assert_int_equal(d.updated_at, now);
}

/* The new system reports that it failed its health checks, and is left. */
static void test_unwell(void **state)
{
        struct swb_device d = {0};

        (void)state;
        say(&d, "1.0");
        decide(&d, SWB_SELECT_UPDATE, &release_2);
        event(&d, 3, 1, "");
        contact(&d, "2.0", false);
        assert_int_equal(d.state, SWB_DEVICE_INSTALLED);
        fail_with(&d, 5, "health", "");
        say(&d, "1.0");
        decide(&d, SWB_SELECT_UPDATE, &release_2);
        assert_int_equal(d.state, SWB_DEVICE_FAILED);
        assert_int_equal(d.updated_at, 0);
}

static void test_failures(void **state)
{
        struct swb_device d = {0};

        (void)state;
        say(&d, "1.0");
        decide(&d, SWB_SELECT_UPDATE, &release_2);
        fail_with(&d, 268437959, "", "");
        assert_int_equal(d.state, SWB_DEVICE_FAILED);
        assert_string_equal(d.reason, "HTTP status 503");
        assert_string_equal(d.slot, "b");
        decide(&d, SWB_SELECT_UPDATE, &release_2); /* still failed, with the reason */
        assert_int_equal(d.state, SWB_DEVICE_FAILED);
        fail_with(&d, 47, "readback", "slot b differs at 4096");
        assert_string_equal(d.reason, "readback: slot b differs at 4096");
        event(&d, 13, 1, ""); /* tries again */
        assert_int_equal(d.state, SWB_DEVICE_DOWNLOADING);
        assert_string_equal(d.reason, "");
        fail_with(&d, 44, "", "");
        decide(&d, SWB_SELECT_UPDATE, &release_3); /* something new */
        assert_int_equal(d.state, SWB_DEVICE_OFFERED);
        assert_string_equal(d.granted_version, "3.0");
}

/* Updated, then booted back: the failure must not be hidden by the next offer. */
static void test_fell_back_later(void **state)
{
        struct swb_device d = {0};

        (void)state;
        say(&d, "1.0");
        decide(&d, SWB_SELECT_UPDATE, &release_2);
        say(&d, "2.0");
        decide(&d, SWB_SELECT_UP_TO_DATE, &release_2);
        say(&d, "1.0");
        fail_with(&d, 44, "", "");
        decide(&d, SWB_SELECT_UPDATE, &release_2);
        assert_int_equal(d.state, SWB_DEVICE_FAILED);
        assert_string_equal(d.reason, "fell back to the old system");
}

static void test_no_change(void **state)
{
        struct swb_device d = {.state = SWB_DEVICE_OFFERED};

        (void)state;
        event(&d, 3, 9, "");  /* deferred */
        event(&d, 3, 4, "");  /* cancelled */
        event(&d, 99, 1, ""); /* nothing that we know */
        event(&d, 54, 0, "");
        assert_int_equal(d.state, SWB_DEVICE_FAILED);
        assert_int_equal(d.last_event_type, 54);
        d.state = SWB_DEVICE_OFFERED;
        event(&d, 3, 9, "");
        assert_int_equal(d.state, SWB_DEVICE_OFFERED);
}

static void test_held(void **state)
{
        struct swb_device d = {0};

        (void)state;
        say(&d, "1.0");
        decide(&d, SWB_SELECT_HELD, NULL);
        assert_int_equal(d.state, SWB_DEVICE_HELD);
        assert_string_equal(d.reason, "held-by-group");
        decide(&d, SWB_SELECT_UPDATE, &release_2);
        assert_int_equal(d.state, SWB_DEVICE_OFFERED);
        event(&d, 13, 1, "");
        decide(&d, SWB_SELECT_EMPTY_CHANNEL, NULL); /* what it does, it goes on to do */
        assert_int_equal(d.state, SWB_DEVICE_DOWNLOADING);
}

/* Texts of any length, cut between characters. */
static void test_bounds(void **state)
{
        struct swb_device d = {0};
        char text[4001], cut[4];

        (void)state;
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        say(&d, text);
        fail_with(&d, 1, text, text);
        assert_int_equal(strlen(d.version), SWB_VERSION_MAX);
        assert_int_equal(strlen(d.reason), SWB_TEXT_MAX);
        swb_copy_bounded(cut, "a\xe2\x82\xac", 3);
        assert_string_equal(cut, "a");
        swb_copy_bounded(cut, "\xe2\x82\xac", 3);
        assert_string_equal(cut, "\xe2\x82\xac");
        swb_copy_bounded(cut, NULL, 3);
        assert_string_equal(cut, "");
}

static void test_abilities(void **state)
{
        struct swb_device device = {0};

        (void)state;
        reads = "1004 26 1024 gzip xz";
        contact(&device, "1.0", false); /* a report says nothing of it */
        assert_string_equal(device.abilities, "");
        contact(&device, "1.0", true);
        assert_string_equal(device.abilities, reads);
        reads = "1004 26 <script>";
        contact(&device, "1.0", false);
        assert_string_equal(device.abilities, "1004 26 1024 gzip xz");
        contact(&device, "1.0", true);
        assert_string_equal(device.abilities, "");
        reads = "";
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_chrome_os),
                cmocka_unit_test(test_flatcar),
                cmocka_unit_test(test_completed_by_version),
                cmocka_unit_test(test_unwell),
                cmocka_unit_test(test_failures),
                cmocka_unit_test(test_fell_back_later),
                cmocka_unit_test(test_no_change),
                cmocka_unit_test(test_held),
                cmocka_unit_test(test_abilities),
                cmocka_unit_test(test_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
