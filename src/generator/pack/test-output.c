/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/test.h"
#include "generator/pack/output.h"
#include "os/file.h"

static char folder[64];

static int make_folder(void **state)
{
        (void)state;
        (void)snprintf(folder, sizeof(folder), "/tmp/swb-output-XXXXXX");
        return mkdtemp(folder) ? 0 : -1;
}

static const char *in_folder(const char *name, char *path)
{
        (void)snprintf(path, 128, "%s/%s", folder, name);
        return path;
}

static size_t count_files(void)
{
        _cleanup_closedir_ DIR *dir = opendir(folder);
        size_t n = 0;

        assert_non_null(dir);
        while (readdir(dir))
                n++;
        return n - 2; /* . and .. */
}

static int remove_folder(void **state)
{
        char path[128];

        (void)state;
        (void)unlink(in_folder("file", path));
        return rmdir(folder);
}

static void write_output(const char *text, bool commit)
{
        _cleanup_(swb_output_freep) struct swb_output *output = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        char path[128], current[64];
        struct stat by_path, by_fd;

        assert_ok(swb_output_new(in_folder("file", path), &output, &err), &err);
        assert_string_equal(swb_output_path(output), path);
        assert_ok(swb_write_all(swb_output_fd(output), path, text, strlen(text), &err), &err);
        assert_int_equal(stat(swb_output_current_path(output, current), &by_path), 0);
        assert_int_equal(fstat(swb_output_fd(output), &by_fd), 0);
        assert_int_equal(by_path.st_ino, by_fd.st_ino);
        if (commit)
                assert_ok(swb_output_commit(output, &err), &err);
}

static void check_content(const char *text)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(100);
        struct swb_error err = SWB_ERROR_INIT;
        char path[128];

        assert_ok(swb_read_file(in_folder("file", path), &buf, &err), &err);
        assert_int_equal(buf.n_bytes, strlen(text));
        assert_memory_equal(buf.data, text, buf.n_bytes);
}

static void test_it_appears_at_the_commit(void **state)
{
        (void)state;
        write_output("dropped", false);
        assert_int_equal(count_files(), 0);
        write_output("first", true);
        check_content("first");
        write_output("dropped", false);
        check_content("first");
        write_output("second", true);
        check_content("second");
        assert_int_equal(count_files(), 1);
}

static void test_bad_names(void **state)
{
        _cleanup_(swb_output_freep) struct swb_output *output = NULL;
        struct swb_error err;

        (void)state;
        assert_fault(swb_output_new("", &output, &err), &err, SWB_FAULT_USAGE);
        assert_fault(swb_output_new("folder/", &output, &err), &err, SWB_FAULT_USAGE);
        assert_fault(swb_output_new("/dev/null", &output, &err), &err, SWB_FAULT_USAGE);
        assert_fault(swb_output_new(folder, &output, &err), &err, SWB_FAULT_USAGE);
        assert_fault(swb_output_new("/nonexistent/file", &output, &err), &err, SWB_FAULT_NOT_FOUND);
        assert_null(output);
}

static void test_unnamed(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;
        _cleanup_close_ int fd = -EBADF;

        (void)state;
        assert_ok(swb_open_unnamed(folder, &fd, &err), &err);
        assert_ok(swb_write_all(fd, "it", "x", 1, &err), &err);
        assert_int_equal(count_files(), 0);
        assert_fault(swb_open_unnamed("/nonexistent", &fd, &err), &err, SWB_FAULT_NOT_FOUND);
}

static void check_folder(const char *path, const char *wanted)
{
        _cleanup_free_ char *found = swb_folder_of(path);

        assert_string_equal(found, wanted);
}

static void test_folder_of(void **state)
{
        (void)state;
        check_folder("file", ".");
        check_folder("/file", "/");
        check_folder("a/b/c", "a/b");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_it_appears_at_the_commit, make_folder,
                                                remove_folder),
                cmocka_unit_test_setup_teardown(test_bad_names, make_folder, remove_folder),
                cmocka_unit_test_setup_teardown(test_unnamed, make_folder, remove_folder),
                cmocka_unit_test(test_folder_of),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
