/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"
#include "base/test.h"

static bool flag;
static const char *path;
static uint64_t size, timeout_usec;
static struct swb_opt_list list;
static int n_seen;
static bool quiet;
static const char *log_file;

static const struct swb_opt options[] = {
        {'f', "flag", SWB_OPT_FLAG, &flag, NULL, false, "a flag"},
        {'o', "output", SWB_OPT_STRING, &path, "FILE", true, "where to"},
        {0, "memory", SWB_OPT_SIZE, &size, "SIZE", false, "how much"},
        {0, "timeout", SWB_OPT_DURATION, &timeout_usec, "TIME", false, "how long"},
        {0, "key", SWB_OPT_LIST, &list, "FILE", false, "several"},
        {0},
};

static int run(int n_args, char **args, struct swb_error *err)
{
        n_seen = n_args;
        if (n_args == 2 && strcmp(args[1], "fail") == 0)
                return swb_fail(err, -EIO, SWB_FAULT_IO, "as asked");
        return 0;
}

static const struct swb_verb verbs[] = {
        {"make", "[OLD] NEW", 1, 2, "makes it", options, run},
        {0},
};

static const struct swb_opt global[] = {
        {'q', "quiet", SWB_OPT_FLAG, &quiet, NULL, false, "say nothing"},
        {0, "log", SWB_OPT_STRING, &log_file, "FILE", true, "where to say it"},
        {0},
};

static const struct swb_program program = {
        .name = "tool", .summary = "A tool.", .verbs = verbs, .options = global};

#define RUN(...)                                                                                   \
        ({                                                                                         \
                char *argv_[] = {(char *)"tool", __VA_ARGS__, NULL};                               \
                swb_program_main(&program, (int)SWB_ELEMENTS(argv_) - 1, argv_);                   \
        })

static void test_values(void **state)
{
        (void)state;
        assert_int_equal(RUN("make", "-f", "--log=l", "--output=x", "--memory", "2M", "a",
                             "--timeout=5m", "--key=1", "--key=2", "b"),
                         SWB_EXIT_OK);
        assert_true(flag);
        assert_string_equal(path, "x");
        assert_int_equal(size, 2 << 20);
        assert_int_equal(timeout_usec, 300000000);
        assert_int_equal(list.n, 2);
        assert_string_equal(list.items[1], "2");
        assert_int_equal(n_seen, 2);
}

static void test_exit_status(void **state)
{
        (void)state;
        assert_int_equal(RUN("make", "--log=l", "--output=x", "a", "fail"), SWB_EXIT_FAILURE);
        assert_int_equal(RUN("make", "--log=l", "a"), SWB_EXIT_USAGE);
        assert_int_equal(RUN("make", "--log=l", "--output=x"), SWB_EXIT_USAGE);
        assert_int_equal(RUN("make", "--log=l", "--output=x", "a", "b", "c"), SWB_EXIT_USAGE);
        assert_int_equal(RUN("make", "--log=l", "--output=x", "--memory=much", "a"),
                         SWB_EXIT_USAGE);
        assert_int_equal(RUN("make", "--nonsense"), SWB_EXIT_USAGE);
        assert_int_equal(RUN("make", "--output"), SWB_EXIT_USAGE);
        assert_int_equal(RUN("break"), SWB_EXIT_USAGE);
        assert_int_equal(RUN("--help"), SWB_EXIT_OK);
        assert_int_equal(RUN("make", "--help"), SWB_EXIT_OK);
        assert_int_equal(RUN("--version"), SWB_EXIT_OK);
}

static void test_global_options_before_and_behind_the_verb(void **state)
{
        (void)state;
        quiet = false;
        assert_int_equal(RUN("-q", "--log=one", "make", "--output=x", "a"), SWB_EXIT_OK);
        assert_true(quiet);
        assert_string_equal(log_file, "one");
        quiet = false;
        assert_int_equal(RUN("--log", "one", "make", "--output=x", "a", "-q"), SWB_EXIT_OK);
        assert_true(quiet);
        assert_int_equal(n_seen, 1);
        assert_int_equal(RUN("--log=one", "make", "--output=x", "--log=two", "a"), SWB_EXIT_OK);
        assert_string_equal(log_file, "two");
        assert_int_equal(RUN("make", "--output=x", "a"), SWB_EXIT_USAGE); /* no --log */
        assert_int_equal(RUN("--output=x", "--log=one", "make", "a"), SWB_EXIT_USAGE);
        assert_int_equal(RUN("-q"), SWB_EXIT_USAGE);
        assert_int_equal(RUN("-q", "help"), SWB_EXIT_OK);
        assert_int_equal(RUN("-q", "--version"), SWB_EXIT_OK);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_exit_status),
                cmocka_unit_test(test_global_options_before_and_behind_the_verb),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
