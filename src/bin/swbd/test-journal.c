/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/uio.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/log.h"
#include "base/test.h"
#include "bin/swbd/journal.h"

static char taken[4096]; /* fields of the last entry, a line each */
static int answer;

/* In place of libsystemd's. */
__attribute__((visibility("default"))) int sd_journal_sendv(const struct iovec *fields, int n)
{
        taken[0] = '\0';
        for (int i = 0; i < n; i++) {
                size_t used = strlen(taken);

                (void)snprintf(taken + used, sizeof(taken) - used, "%.*s\n", (int)fields[i].iov_len,
                               (const char *)fields[i].iov_base);
        }
        return answer;
}

/* Standard error is a file for a while. Returns what was on it. */
static int use_file(char *path, bool is_journal)
{
        int saved = dup(STDERR_FILENO), fd = mkstemp(path);
        char stream[64];
        struct stat st;

        assert_true(saved >= 0 && fd >= 0 && fstat(fd, &st) == 0);
        assert_true(dup2(fd, STDERR_FILENO) >= 0);
        (void)close(fd);
        (void)snprintf(stream, sizeof(stream), "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)st.st_dev,
                       (uintmax_t)st.st_ino + !is_journal);
        assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
        swb_log_init("swbd", SWB_LOG_INFO);
        swb_log_set_sink(NULL);
        swbd_journal_start();
        return saved;
}

static void give_back(int saved, const char *path, char *text, size_t n_text)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        assert_true(dup2(saved, STDERR_FILENO) >= 0 && fd >= 0);
        n = read(fd, text, n_text - 1);
        assert_true(n >= 0);
        text[n] = '\0';
        (void)close(saved);
        (void)close(fd);
        (void)unlink(path);
        (void)unsetenv("JOURNAL_STREAM");
}

static void log_a_failure(void)
{
        struct swb_error err = SWB_ERROR_INIT;
        const struct swb_status status = {.state = SWB_ENGINE_DOWNLOADING,
                                          .slot = SWB_SLOT_B,
                                          .current_version = "1.0",
                                          .available_version = ""};

        swbd_journal_tell(&status);
        (void)swb_fail(&err, -EBADMSG, SWB_FAULT_HASH, "operation 3 differs");
        (void)swb_log_failure(SWB_LOG_WARNING, &err, "install");
}

static void test_fields(void **state _unused_)
{
        char path[] = "/tmp/swb-journal-XXXXXX", text[256];
        int saved = use_file(path, true);

        answer = 0;
        log_a_failure();
        give_back(saved, path, text, sizeof(text));
        assert_string_equal(text, "");
        assert_string_equal(taken, "MESSAGE=install: operation 3 differs [hash]\nPRIORITY=4\n"
                                   "SYSLOG_IDENTIFIER=swbd\nSWB_FAULT=hash\nSWB_STATE=downloading\n"
                                   "SWB_SLOT=B\nSWB_VERSION=1.0\n");
}

/* The journal does not take it: nothing is lost. */
static void test_journal_is_gone(void **state _unused_)
{
        char path[] = "/tmp/swb-journal-XXXXXX", text[256];
        int saved = use_file(path, true);

        answer = -ENOENT;
        log_a_failure();
        give_back(saved, path, text, sizeof(text));
        assert_string_equal(text, "<4>install: operation 3 differs [hash]\n");
}

/* The variable was inherited, standard error is something else. */
static void test_other_stream(void **state _unused_)
{
        char path[] = "/tmp/swb-journal-XXXXXX", text[256];
        int saved = use_file(path, false);

        taken[0] = '\0';
        answer = 0;
        swb_log(SWB_LOG_INFO, "hello");
        give_back(saved, path, text, sizeof(text));
        assert_string_equal(text, "<6>hello\n");
        assert_string_equal(taken, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fields),
                cmocka_unit_test(test_journal_is_gone),
                cmocka_unit_test(test_other_stream),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
