/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/test.h"
#include "bin/swb-install/confine.h"
#include "os/file.h"

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
static int check_writes(const char *folder)
{
        static const char text[] = "x";
        int fd = open("outside", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        struct swb_buf buf = SWB_BUF_INIT(10);
        int r;

        if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return 1;
        r = confine_writes(folder, NULL);
        if (r <= 0)
                return r < 0 ? 2 : 77;
        if (write(fd, text, 1) != 1)
                return 3; /* what is open stays open */
        if (try_create("new") != -EACCES || open("outside", O_RDWR | O_CLOEXEC) >= 0)
                return 4;
        if (unlink("outside") == 0 || rename("outside", "moved") == 0)
                return 5;
        if (folder && try_create("inside/new") < 0)
                return 6;
        if (folder && swb_write_file_durable("inside/file", text, 1, 0600, NULL) < 0)
                return 7;
        if (!folder && try_create("inside/new") != -EACCES)
                return 8;
        r = swb_read_file("outside", &buf, NULL);
        swb_buf_done(&buf);
        return r < 0 ? 9 : 0;
}

static void test_writes(void **state)
{
        char dir[] = "/tmp/swb-test-confine-XXXXXX";

        (void)state;
        assert_non_null(mkdtemp(dir));
        assert_int_equal(chdir(dir), 0);
        assert_int_equal(mkdir("inside", 0700), 0);
        if (in_child(check_writes, "inside") != 77) {
                assert_int_equal(in_child(check_writes, "inside"), 0);
                assert_int_equal(in_child(check_writes, NULL), 0);
                assert_int_equal(unlink("inside/file"), 0);
        }
        assert_int_equal(unlink("outside"), 0);
        assert_int_equal(rmdir("inside"), 0);
        assert_int_equal(chdir("/"), 0);
        assert_int_equal(rmdir(dir), 0);
}

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
        return getpriority(PRIO_PROCESS, 0) == 19 ? 0 : 5;
}

static void test_process(void **state)
{
        (void)state;
        assert_int_equal(in_child(check_process, NULL), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_writes),
                cmocka_unit_test(test_process),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
