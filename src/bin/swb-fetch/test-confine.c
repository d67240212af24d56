/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/test.h"
#include "bin/swb-fetch/confine.h"

#ifdef SWB_SANITIZED
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

/* The sanitizers need it themselves. */
static bool can_trace(void)
{
        return !IS_SANITIZED && ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

/* In a child, for what it does can't be undone. Return: its exit status, 0 if all was right. */
static int in_child(int (*check)(int confined))
{
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                int r = confine("", NULL);

                _exit(r < 0 ? 100 : check(r));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int check_files(int confined)
{
        if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0)
                return 2;
        if (!(confined & CONFINED_FILES))
                return 0;
        if (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
                return 3;
        if (open("/tmp/swb-test-fetch", O_RDWR | O_CREAT | O_CLOEXEC, 0600) >= 0)
                return 4;
        if (open("/etc/passwd", O_RDWR | O_CLOEXEC) >= 0)
                return 5;
        return unlink("/etc/swb-test-fetch") < 0 && errno != ENOENT ? 0 : 6;
}

static void test_files(void **state)
{
        (void)state;
        assert_int_equal(in_child(check_files), 0);
}

static int check_calls(int confined)
{
        char *const argv[] = {(char *)"/bin/true", NULL};

        if (!(confined & CONFINED_CALLS))
                return 1;
        if (execv(argv[0], argv) == 0 || kill(getppid(), 0) == 0 || setuid(0) == 0)
                return 2;
        if (mount("/", "/", NULL, MS_BIND, NULL) == 0 || unshare(CLONE_NEWUSER) == 0 ||
            syscall(SYS_bpf, 0, NULL, 0) >= 0 || can_trace() ||
            mknod("/tmp/swb-test-fetch", S_IFBLK | 0600, 0x100) == 0)
                return 3;
        if (socket(AF_PACKET, SOCK_RAW, 0) >= 0 || socket(AF_VSOCK, SOCK_STREAM, 0) >= 0)
                return 4;
        return 0;
}

static void test_calls(void **state)
{
        (void)state;
        assert_int_equal(in_child(check_calls), 0);
}

/* What it is there for still goes: names and connections, but nobody can connect to it. */
static int check_network(int confined)
{
        const struct sockaddr_in nowhere = {.sin_family = AF_INET,
                                            .sin_port = htons(9),
                                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        struct addrinfo *found = NULL;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || getaddrinfo("localhost", "80", NULL, &found) != 0)
                return 1;
        freeaddrinfo(found);
        if ((confined & CONFINED_CALLS) && listen(fd, 1) == 0)
                return 2;
        if (connect(fd, (const struct sockaddr *)&nowhere, sizeof(nowhere)) < 0 &&
            errno != ECONNREFUSED)
                return 3;
        return close(fd) < 0 ? 4 : 0;
}

static void test_network(void **state)
{
        (void)state;
        assert_int_equal(in_child(check_network), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files),
                cmocka_unit_test(test_calls),
                cmocka_unit_test(test_network),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
