/* SPDX-License-Identifier: Apache-2.0 */
#include "os/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/test.h"

static char folder[] = "/tmp/swb-test-file-XXXXXX";

static char *in_folder(const char *name)
{
        char *path;

        assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
        return path;
}

static int make_folder(void **state)
{
        (void)state;
        return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
        _cleanup_closedir_ DIR *dir = opendir(folder);

        (void)state;
        for (struct dirent *e = readdir(dir); e; e = readdir(dir))
                (void)unlinkat(dirfd(dir), e->d_name, 0);
        return rmdir(folder);
}

static void test_durable(void **state)
{
        _cleanup_free_ char *path = in_folder("state"), *temporary = in_folder("state.tmp");
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(7);
        struct swb_error err;
        struct stat st;

        (void)state;
        assert_ok(swb_write_file_durable(path, "first one", 9, 0644, &err), &err);
        /* what a cut left behind is in nobody's way */
        assert_ok(swb_write_file_durable(temporary, "rubbish", 7, 0666, &err), &err);
        assert_ok(swb_write_file_durable(path, "second", 6, 0600, &err), &err);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(access(temporary, F_OK), -1);
        assert_ok(swb_read_file(path, &buf, &err), &err);
        assert_int_equal(buf.n_bytes, 6);
        assert_memory_equal(buf.data, "second", 6);
        assert_fault(swb_read_file(path, &buf, &err), &err, SWB_FAULT_LIMIT);
        assert_ok(swb_remove_file_durable(path, &err), &err);
        assert_ok(swb_remove_file_durable(path, &err), &err);
        assert_fault(swb_read_file(path, &buf, &err), &err, SWB_FAULT_NOT_FOUND);
        assert_non_null(strstr(err.text, "state"));
}

static void test_failed_write_keeps_the_old(void **state)
{
        _cleanup_free_ char *path = in_folder("keep"), *temporary = in_folder("keep.tmp");
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(16);
        struct swb_error err;

        (void)state;
        assert_ok(swb_write_file_durable(path, "old", 3, 0600, &err), &err);
        assert_int_equal(symlink(path, temporary), 0);
        /* O_NOFOLLOW: a planted link can't turn the write on another file */
        assert_fault(swb_write_file_durable(path, "new", 3, 0600, &err), &err, SWB_FAULT_IO);
        assert_ok(swb_read_file(path, &buf, &err), &err);
        assert_memory_equal(buf.data, "old", 3);
        assert_ok(swb_remove_file_durable(path, &err), &err);
}

static void test_positions(void **state)
{
        _cleanup_free_ char *path = in_folder("data");
        _cleanup_close_ int fd = -EBADF;
        struct swb_error err;
        uint64_t n_bytes;
        char data[8];

        (void)state;
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_ok(swb_pwrite(fd, path, "0123456789", 10, 4, &err), &err);
        assert_ok(swb_fd_size(fd, path, &n_bytes, &err), &err);
        assert_int_equal(n_bytes, 14);
        assert_ok(swb_pread(fd, path, data, 8, 6, &err), &err);
        assert_memory_equal(data, "23456789", 8);
        assert_fault(swb_pread(fd, path, data, 8, 7, &err), &err, SWB_FAULT_IO);
        assert_non_null(strstr(err.text, "ends at byte 14"));
        assert_fault(swb_pread(fd, path, data, 8, UINT64_MAX, &err), &err, SWB_FAULT_IO);
        assert_fault(swb_pwrite(-1, "gone", "x", 1, 0, &err), &err, SWB_FAULT_IO);
}

static void test_pipe(void **state)
{
        struct swb_error err;
        uint64_t n_bytes;
        char data[8];
        int ends[2];

        (void)state;
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        assert_ok(swb_write_all(ends[1], "pipe", "abc", 3, &err), &err);
        assert_int_equal(swb_read_some(ends[0], "pipe", data, sizeof(data), &err), 3);
        assert_fault(swb_fd_size(ends[0], "pipe", &n_bytes, &err), &err, SWB_FAULT_IO);
        ends[1] = swb_close(ends[1]);
        assert_int_equal(swb_read_some(ends[0], "pipe", data, sizeof(data), &err), 0);
        ends[0] = swb_close(ends[0]);
}

static void test_dirs(void **state)
{
        _cleanup_free_ char *file = in_folder("file"), *below = in_folder("file/x");
        _cleanup_free_ char *deep = in_folder("a//b/c/"), *b = in_folder("a/b"),
                            *a = in_folder("a");
        struct swb_error err;

        (void)state;
        assert_ok(swb_make_dirs(deep, 0700, &err), &err);
        assert_ok(swb_make_dirs(deep, 0700, &err), &err);
        assert_int_equal(rmdir(deep), 0);
        assert_int_equal(rmdir(b), 0);
        assert_int_equal(rmdir(a), 0);
        assert_ok(swb_write_file_durable(file, "", 0, 0600, &err), &err);
        assert_fault(swb_make_dirs(below, 0700, &err), &err, SWB_FAULT_IO);
}

/* Made once, then found. */
static void test_open_folder(void **state)
{
        _cleanup_free_ char *made = in_folder("made"), *parent = in_folder("");
        struct swb_error err;
        struct stat st;
        int fd;

        (void)state;
        for (int i = 0; i < 2; i++) {
                assert_ok(swb_open_folder(parent, "made", 0700, &fd, &err), &err);
                assert_int_equal(fstat(fd, &st), 0);
                assert_true(S_ISDIR(st.st_mode));
                assert_int_equal(st.st_mode & 0777, 0700);
                (void)swb_close(fd);
        }
        assert_ok(swb_sync_folder_of(made, &err), &err);
        assert_int_equal(rmdir(made), 0);
        assert_ok(swb_write_file_durable(made, "", 0, 0600, &err), &err);
        assert_fault(swb_open_folder(parent, "made", 0700, &fd, &err), &err, SWB_FAULT_IO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_durable),   cmocka_unit_test(test_failed_write_keeps_the_old),
                cmocka_unit_test(test_positions), cmocka_unit_test(test_pipe),
                cmocka_unit_test(test_dirs),      cmocka_unit_test(test_open_folder),
        };

        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
