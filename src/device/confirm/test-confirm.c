/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <poll.h>
#include <time.h>

#include "device/confirm/confirm.h"

#define MSEC 1000ull

/* Up for long, two checks a time of 20 ms apart, and 300 ms for all. */
static struct swb_config config_of(const char *first, const char *second)
{
        struct swb_config config = {.health = {.timeout_usec = 300 * MSEC,
                                               .interval_usec = 20 * MSEC,
                                               .check_timeout_usec = 10000 * MSEC}};

        config.health.checks[0] =
                (struct swb_config_check){(char *)"first", (char *)first, SWB_CHECK_COMMAND};
        config.health.checks[1] =
                (struct swb_config_check){(char *)"second", (char *)second, SWB_CHECK_COMMAND};
        config.health.n_checks = (size_t)((first != NULL) + (second != NULL));
        return config;
}

static int drive(const struct swb_config *config, struct swb_confirm_result *ret)
{
        _cleanup_(swb_confirm_freep) struct swb_confirm *confirm = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct pollfd wait = {.events = POLLIN};
        int r;

        assert_ok(swb_confirm_new(config, &confirm, &err), &err);
        wait.fd = swb_confirm_fd(confirm);
        do {
                assert_int_equal(poll(&wait, 1, 20000), 1);
                r = swb_confirm_step(confirm, ret, &err);
                if (r < 0)
                        fail_msg("%s", err.text);
        } while (r == SWB_CONFIRM_MORE);
        return r;
}

static void passes(void **state)
{
        struct swb_config config = config_of("true", "echo well");
        struct swb_confirm_result result;

        (void)state;
        assert_int_equal(drive(&config, &result), SWB_CONFIRM_PASSED);
        config = config_of(NULL, NULL);
        assert_int_equal(drive(&config, &result), SWB_CONFIRM_PASSED);
}

static void names_the_failing_check(void **state)
{
        struct swb_config config = config_of("true", "echo no answer; exit 4");
        struct swb_confirm_result result;

        (void)state;
        assert_int_equal(drive(&config, &result), SWB_CONFIRM_FAILED);
        assert_string_equal(result.check, "second");
        assert_string_equal(result.text, "exit status 4: no answer");
}

static void ends_a_check_that_hangs(void **state)
{
        struct swb_config config = config_of("sleep 60", NULL);
        struct swb_confirm_result result;

        (void)state;
        assert_int_equal(drive(&config, &result), SWB_CONFIRM_FAILED);
        assert_string_equal(result.check, "first");
        assert_string_equal(result.text, "not done when its time was over");
        config.health.timeout_usec = 60000 * MSEC;
        config.health.interval_usec = 60000 * MSEC;
        config.health.check_timeout_usec = 100 * MSEC;
        assert_int_equal(drive(&config, &result), SWB_CONFIRM_FAILED);
}

/* The second check fails once; then the first must have run twice. */
static void tries_again_from_the_start(void **state)
{
        char folder[] = "/tmp/swb-confirm-XXXXXX", first[128], second[128], file[64];
        struct swb_confirm_result result;
        struct swb_config config;
        char text[8] = "";
        FILE *counter;

        (void)state;
        assert_non_null(mkdtemp(folder));
        (void)snprintf(file, sizeof(file), "%s/n", folder);
        (void)snprintf(first, sizeof(first), "printf x >>%s", file);
        (void)snprintf(second, sizeof(second), "test \"$(cat %s)\" = xx", file);
        config = config_of(first, second);
        config.health.timeout_usec = 10000 * MSEC;
        assert_int_equal(drive(&config, &result), SWB_CONFIRM_PASSED);
        counter = fopen(file, "r");
        assert_non_null(counter);
        assert_non_null(fgets(text, sizeof(text), counter));
        assert_string_equal(text, "xx");
        (void)fclose(counter);
        (void)unlink(file);
        (void)rmdir(folder);
}

static void waits_for_the_uptime(void **state)
{
        struct swb_config config = config_of("true", NULL);
        _cleanup_(swb_confirm_freep) struct swb_confirm *confirm = NULL;
        struct swb_confirm_result result;
        struct swb_error err = SWB_ERROR_INIT;
        struct pollfd wait = {.events = POLLIN};
        struct timespec now;

        (void)state;
        assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &now), 0);
        config.health.min_uptime_usec =
                (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 + 150 * MSEC;
        assert_ok(swb_confirm_new(&config, &confirm, &err), &err);
        wait.fd = swb_confirm_fd(confirm);
        assert_int_equal(poll(&wait, 1, 50), 0);
        assert_int_equal(swb_confirm_step(confirm, &result, &err), SWB_CONFIRM_MORE);
        assert_int_equal(drive(&config, &result), SWB_CONFIRM_PASSED);
        assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &now), 0);
        assert_true((uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 >=
                    config.health.min_uptime_usec);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(passes),
                cmocka_unit_test(names_the_failing_check),
                cmocka_unit_test(ends_a_check_that_hangs),
                cmocka_unit_test(tries_again_from_the_start),
                cmocka_unit_test(waits_for_the_uptime),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
