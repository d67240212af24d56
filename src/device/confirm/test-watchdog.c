/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <sys/stat.h>

#include "device/confirm/watchdog.h"
#include "os/file.h"

#define MINUTE 60000000ull

/* The fake is a file that keeps what was written. */
static void assert_written(const char *path, const char *wanted)
{
        struct swb_buf text = SWB_BUF_INIT(64);

        assert_int_equal(swb_read_file(path, &text, NULL), 0);
        assert_int_equal(text.n_bytes, strlen(wanted));
        assert_memory_equal(text.data, wanted, text.n_bytes);
        swb_buf_done(&text);
}

static void is_fed_and_stopped(void **state)
{
        char path[] = "/tmp/swb-watchdog-XXXXXX";
        _cleanup_(swb_watchdog_freep) struct swb_watchdog *watchdog = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        _cleanup_close_ int fd = mkstemp(path);

        (void)state;
        assert_true(fd >= 0);
        assert_ok(swb_watchdog_open(path, MINUTE, &watchdog, &err), &err);
        assert_int_equal(swb_watchdog_timeout(watchdog), MINUTE);
        assert_ok(swb_watchdog_feed(watchdog, &err), &err);
        assert_ok(swb_watchdog_feed(watchdog, &err), &err);
        assert_written(path, "ww");
        assert_int_equal(swb_watchdog_stop(watchdog, &err), 0);
        watchdog = swb_watchdog_free(watchdog);
        assert_written(path, "wwV");
        /* One that is only let go of is not stopped. */
        assert_ok(swb_watchdog_open(path, MINUTE, &watchdog, &err), &err);
        watchdog = swb_watchdog_free(watchdog);
        assert_written(path, "wwV");
        (void)unlink(path);
}

static void says_what_is_missing(void **state)
{
        struct swb_watchdog *watchdog = NULL;
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_fault(swb_watchdog_open("/nonexistent/watchdog", MINUTE, &watchdog, &err), &err,
                     SWB_FAULT_NOT_FOUND);
        assert_non_null(strstr(err.text, "/nonexistent/watchdog"));
}

/* A device that does not tell whether it can be stopped is not started: it would bite. */
static void devices_without_a_way_out_are_not_started(void **state)
{
        struct swb_watchdog *watchdog = NULL;
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_fault(swb_watchdog_open("/dev/null", MINUTE, &watchdog, &err), &err,
                     SWB_FAULT_UNSUPPORTED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(is_fed_and_stopped),
                cmocka_unit_test(says_what_is_missing),
                cmocka_unit_test(devices_without_a_way_out_are_not_started),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
