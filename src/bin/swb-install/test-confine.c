/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/ioprio.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/test.h"
#include "bin/swb-install/confine.h"
#include "os/file.h"

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

/* Runs the check in a child, for what it does can't be undone. Its result is the exit status. */
static int in_child(int (*check)(const char *folder), const char *folder)
{
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0)
                _exit(check(folder));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int try_create(const char *path)
{
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0)
                return -errno;
        swb_close(fd);
        return unlink(path) < 0 ? -errno : 0;
}

/* 0 right; 77 the kernel has no Landlock; else the number of the check that failed. */
static int check_files(const char *folder)
{
        static const char text[] = "x";
        int fd = open("outside", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        struct swb_buf buf = SWB_BUF_INIT(10);
        char byte;
        int r;

        if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return 1;
        r = confine_rest(folder, NULL);
        if (r < 0 || !(r & CONFINED_FILES))
                return r < 0 ? 2 : 77;
        if (write(fd, text, 1) != 1 || pread(fd, &byte, 1, 0) != 1)
                return 3; /* what is open stays open */
        if (try_create("new") != -EACCES || open("outside", O_RDWR | O_CLOEXEC) >= 0)
                return 4;
        if (unlink("outside") == 0 || rename("outside", "moved") == 0)
                return 5;
        if (folder && try_create("inside/new") < 0)
                return 6;
        if (folder && swb_write_file_durable("inside/file", text, 1, 0600, NULL) < 0)
                return 7;
        if (folder && swb_read_file("inside/file", &buf, NULL) < 0)
                return 8;
        swb_buf_done(&buf);
        if (!folder && try_create("inside/new") != -EACCES)
                return 9;
        return open("outside", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES ? 0 : 10;
}

static void test_files(void **state)
{
        char dir[] = "/tmp/swb-test-confine-XXXXXX";

        (void)state;
        assert_non_null(mkdtemp(dir));
        assert_int_equal(chdir(dir), 0);
        assert_int_equal(mkdir("inside", 0700), 0);
        if (in_child(check_files, "inside") != 77) {
                assert_int_equal(in_child(check_files, "inside"), 0);
                assert_int_equal(in_child(check_files, NULL), 0);
                assert_int_equal(unlink("inside/file"), 0);
        }
        assert_int_equal(unlink("outside"), 0);
        assert_int_equal(rmdir("inside"), 0);
        assert_int_equal(chdir("/"), 0);
        assert_int_equal(rmdir(dir), 0);
}

static void *nothing(void *argument)
{
        return argument;
}

static int check_thread(void)
{
        pthread_t thread;

        if (pthread_create(&thread, NULL, nothing, NULL) != 0)
                return -1;
        return pthread_join(thread, NULL) == 0 ? 0 : -1;
}

static int check_calls(const char *folder)
{
        char *const argv[] = {(char *)"/bin/true", NULL};
        pid_t parent = getppid();
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC), r;

        (void)folder;
        if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return 1;
        r = confine_rest(NULL, NULL);
        if (r < 0 || !(r & CONFINED_CALLS))
                return 2;
        if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_INET6, SOCK_DGRAM, 0) >= 0 ||
            socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || socket(AF_NETLINK, SOCK_RAW, 0) >= 0)
                return 3;
        if (execv(argv[0], argv) == 0 || kill(parent, 0) == 0)
                return 4;
        if (mount("/", "/", NULL, MS_BIND, NULL) == 0 || unshare(CLONE_NEWNS) == 0 ||
            syscall(SYS_bpf, 0, NULL, 0) >= 0 || can_trace())
                return 5;
        if (ioctl(fd, BLKRRPART) == 0 || errno != ENOSYS)
                return 6; /* a request that is not in the list never gets to the device */
        errno = 0;
        if (ioctl(fd, BLKDISCARD, NULL) == 0 || errno == ENOSYS)
                return 7;
        return check_thread() < 0 ? 8 : 0;
}

static void test_calls(void **state)
{
        (void)state;
        assert_int_equal(in_child(check_calls, NULL), 0);
}

#ifndef SWB_SANITIZED /* their own machinery takes both */
static int check_code(const char *folder)
{
        (void)folder;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || confine_rest(NULL, NULL) < 0)
                return 1;
        if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
            MAP_FAILED)
                return 2;
        return fork() < 0 ? 0 : 3;
}

static void test_code(void **state)
{
        (void)state;
        assert_int_equal(in_child(check_code, NULL), 0);
}
#endif

static int check_process(const char *folder)
{
        struct rlimit limit;

        (void)folder;
        if (confine_process(false, NULL) < 0)
                return 1;
        if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
                return 2;
        if (getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_max != 0)
                return 3;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max != 64)
                return 4;
        if (getrlimit(RLIMIT_CPU, &limit) < 0 || limit.rlim_max != 6 * 3600)
                return 5;
        if (syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) !=
            IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0))
                return 6;
        return getpriority(PRIO_PROCESS, 0) == 19 ? 0 : 7;
}

static void test_process(void **state)
{
        (void)state;
        assert_int_equal(in_child(check_process, NULL), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files),
                cmocka_unit_test(test_calls),
#ifndef SWB_SANITIZED
                cmocka_unit_test(test_code),
#endif
                cmocka_unit_test(test_process),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
