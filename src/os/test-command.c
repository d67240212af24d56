/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "os/command.h"

#define SECOND 1000000ull

static struct swb_command_result run(const char *line, uint64_t timeout_usec)
{
        const char *argv[] = {"/bin/sh", "-c", line, NULL};
        struct swb_command_result result;
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_command_run(argv, timeout_usec, &result, &err), &err);
        return result;
}

static void keeps_output_and_status(void **state)
{
        struct swb_command_result result;
        char text[SWB_COMMAND_TEXT];

        (void)state;
        result = run("echo out; echo err >&2; cat", 20 * SECOND);
        assert_true(swb_command_succeeded(&result));
        assert_string_equal(result.output, "out\nerr\n");
        result = run("exit 3", 20 * SECOND);
        assert_false(swb_command_succeeded(&result));
        assert_int_equal(result.exit_status, 3);
        assert_string_equal(swb_command_describe(&result, text), "exit status 3");
        result = run("kill -SEGV $$", 20 * SECOND);
        assert_false(swb_command_succeeded(&result));
        assert_int_equal(result.signal, SIGSEGV);
        assert_non_null(strstr(swb_command_describe(&result, text), "signal 11"));
}

static void keeps_the_end_of_long_output(void **state)
{
        struct swb_command_result result =
                run("i=0; while [ $i -lt 4000 ]; do echo line $i; i=$((i+1)); done; printf 'a\\0z'",
                    20 * SECOND);
        char *start;

        (void)state;
        assert_true(swb_command_succeeded(&result));
        assert_int_equal(result.n_output, SWB_COMMAND_OUTPUT_MAX);
        assert_string_equal(result.output + result.n_output - 13, "line 3999\na?z");
        start = strchr(result.output, '\n');
        assert_non_null(start);
        assert_true(strncmp(start + 1, "line 39", 6) == 0);
}

/* Nobody of the group holds the pipe any more: it gets to its end. */
static void assert_pipe_ends(int fd)
{
        char byte;

        alarm(10);
        assert_int_equal(read(fd, &byte, 1), 0);
        alarm(0);
}

static void kills_the_whole_group_in_time(void **state)
{
        struct swb_command_result result;
        char line[128], text[SWB_COMMAND_TEXT];
        char folder[] = "/tmp/swb-command-XXXXXX", fifo[64];
        int fd;

        (void)state;
        assert_non_null(mkdtemp(folder));
        (void)snprintf(fifo, sizeof(fifo), "%s/f", folder);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        fd = open(fifo, O_RDONLY | O_NONBLOCK);
        assert_true(fd >= 0);
        (void)snprintf(line, sizeof(line), "(sleep 60) >%s & echo begun; wait", fifo);
        result = run(line, SECOND / 5);
        assert_true(result.timed_out);
        assert_false(swb_command_succeeded(&result));
        assert_string_equal(result.output, "begun\n");
        assert_non_null(strstr(swb_command_describe(&result, text), "time was over"));
        assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
        assert_pipe_ends(fd);

        /* and what a command leaves behind at its end */
        (void)snprintf(line, sizeof(line), "(sleep 60) >%s & sleep 0.05; echo done", fifo);
        result = run(line, 20 * SECOND);
        assert_true(swb_command_succeeded(&result));
        assert_string_equal(result.output, "done\n");
        assert_pipe_ends(fd);
        close(fd);
        assert_int_equal(unlink(fifo), 0);
        assert_int_equal(rmdir(folder), 0);
}

static void an_endless_talker_is_stopped(void **state)
{
        struct swb_command_result result = run("while :; do echo y; done", SECOND / 5);

        (void)state;
        assert_true(result.timed_out);
        assert_int_equal(result.n_output, SWB_COMMAND_OUTPUT_MAX);
}

static void steps_without_blocking(void **state)
{
        const char *argv[] = {"/bin/sh", "-c", "sleep 0.1; echo x", NULL};
        _cleanup_(swb_command_freep) struct swb_command *command = NULL;
        struct swb_command_result result;
        struct swb_error err = SWB_ERROR_INIT;
        struct pollfd wait = {.events = POLLIN};
        int steps = 0;

        (void)state;
        assert_ok(swb_command_start(argv, 0, &command, &err), &err);
        wait.fd = swb_command_fd(command);
        assert_int_equal(swb_command_step(command, &result), SWB_COMMAND_RUNNING);
        do {
                assert_int_equal(poll(&wait, 1, 10000), 1);
                steps++;
        } while (swb_command_step(command, &result) == SWB_COMMAND_RUNNING);
        assert_true(steps <= 4); /* it does not spin */
        assert_string_equal(result.output, "x\n");
        assert_false(result.timed_out);
}

static void freeing_kills(void **state)
{
        const char *argv[] = {"/bin/sh", "-c", "sleep 60", NULL};
        struct swb_command *command;
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_ok(swb_command_start(argv, 0, &command, &err), &err);
        swb_command_free(command);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
        assert_int_equal(errno, ECHILD);
}

static void what_cannot_start_says_why(void **state)
{
        const char *argv[] = {"/nonexistent/check", NULL};
        struct swb_command_result result;
        struct swb_error err;

        (void)state;
        assert_fault(swb_command_run(argv, 0, &result, &err), &err, SWB_FAULT_NOT_FOUND);
        assert_non_null(strstr(err.text, "/nonexistent/check"));
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keeps_output_and_status),
                cmocka_unit_test(keeps_the_end_of_long_output),
                cmocka_unit_test(kills_the_whole_group_in_time),
                cmocka_unit_test(an_endless_talker_is_stopped),
                cmocka_unit_test(steps_without_blocking),
                cmocka_unit_test(freeing_kills),
                cmocka_unit_test(what_cannot_start_says_why),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
