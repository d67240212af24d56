/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "os/file.h"
#include "os/process.h"

static int status_of(pid_t pid)
{
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

/* Runs a shell line with its output on a pipe; returns what it wrote, NUL-terminated. */
static int run_shell(const char *line, int extra, char *output, size_t room)
{
        const char *argv[] = {"/bin/sh", "-c", line, NULL};
        struct swb_process process = SWB_PROCESS_INIT;
        struct swb_error err = SWB_ERROR_INIT;
        size_t used = 0;
        ssize_t n;
        pid_t pid;
        int ends[2];

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        process.argv = argv;
        process.output = ends[1];
        process.extra = extra;
        assert_ok(swb_process_start(&process, &pid, &err), &err);
        close(ends[1]);
        while ((n = swb_read_some(ends[0], "pipe", output + used, room - 1 - used, &err)) > 0)
                used += (size_t)n;
        assert_int_equal(n, 0);
        output[used] = '\0';
        close(ends[0]);
        return status_of(pid);
}

static void output_and_status_arrive(void **state)
{
        char text[64];

        (void)state;
        assert_int_equal(WEXITSTATUS(run_shell("echo hello; exit 7", -EBADF, text, sizeof(text))),
                         7);
        assert_string_equal(text, "hello\n");
}

static void only_named_descriptors_are_passed_on(void **state)
{
        int leaked = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
        int extra = open("/dev/null", O_RDWR | O_CLOEXEC);
        char text[256];

        (void)state;
        assert_true(leaked >= 0 && extra >= 0);
        (void)run_shell(
                "for fd in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$fd ] && echo $fd; done", extra,
                text, sizeof(text));
        assert_string_equal(text, "0\n1\n2\n3\n");
        close(leaked);
        close(extra);
}

static void signals_are_reset(void **state)
{
        sigset_t set;
        char text[64];

        (void)state;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, NULL);
        signal(SIGPIPE, SIG_IGN);
        assert_int_equal(
                WTERMSIG(run_shell("kill -TERM $$; echo alive", -EBADF, text, sizeof(text))),
                SIGTERM);
        assert_int_equal(
                WTERMSIG(run_shell("kill -PIPE $$; echo alive", -EBADF, text, sizeof(text))),
                SIGPIPE);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
        signal(SIGPIPE, SIG_DFL);
}

static void has_a_process_group_of_its_own(void **state)
{
        const char *argv[] = {"/bin/sh", "-c", "sleep 30 & wait", NULL};
        struct swb_process process = SWB_PROCESS_INIT;
        struct swb_error err = SWB_ERROR_INIT;
        pid_t pid;

        (void)state;
        process.argv = argv;
        assert_ok(swb_process_start(&process, &pid, &err), &err);
        assert_int_equal(getpgid(pid), pid);
        assert_int_equal(kill(-pid, SIGKILL), 0);
        assert_int_equal(WTERMSIG(status_of(pid)), SIGKILL);
}

static void dies_with_its_parent(void **state)
{
        const char *argv[] = {"/bin/sh", "-c", "exec sleep 30", NULL};
        struct swb_process process = SWB_PROCESS_INIT;
        int ends[2];
        char byte;
        pid_t parent;

        (void)state;
        /* The sleeper holds the pipe's other end: it is gone when the read ends. */
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        parent = fork();
        assert_true(parent >= 0);
        if (parent == 0) {
                pid_t pid;

                process.argv = argv;
                process.output = ends[1];
                _exit(swb_process_start(&process, &pid, NULL) < 0 ? 1 : 0);
        }
        close(ends[1]);
        assert_int_equal(WEXITSTATUS(status_of(parent)), 0);
        alarm(10);
        assert_int_equal(read(ends[0], &byte, 1), 0);
        alarm(0);
        close(ends[0]);
}

static void what_cannot_start_says_why(void **state)
{
        const char *missing[] = {"/nonexistent/program", NULL};
        const char *folder[] = {"/etc", NULL};
        struct swb_process process = SWB_PROCESS_INIT;
        struct swb_error err;
        pid_t pid;

        (void)state;
        process.argv = missing;
        assert_fault(swb_process_start(&process, &pid, &err), &err, SWB_FAULT_NOT_FOUND);
        assert_non_null(strstr(err.text, "/nonexistent/program"));
        process.argv = folder;
        assert_fault(swb_process_start(&process, &pid, &err), &err, SWB_FAULT_DENIED);
        process.user = "no-such-user-here";
        assert_fault(swb_process_start(&process, &pid, &err), &err, SWB_FAULT_CONFIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(output_and_status_arrive),
                cmocka_unit_test(only_named_descriptors_are_passed_on),
                cmocka_unit_test(signals_are_reset),
                cmocka_unit_test(has_a_process_group_of_its_own),
                cmocka_unit_test(dies_with_its_parent),
                cmocka_unit_test(what_cannot_start_says_why),
        };

        return cmocka_run_group_tests_name("os/process", tests, NULL, NULL);
}
