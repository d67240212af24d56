/* SPDX-License-Identifier: Apache-2.0 */
#include "base/control.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "base/kv.h"
#include "base/test.h"

static void make_pair(int type, int ends[2], char *option, size_t size)
{
        assert_int_equal(socketpair(AF_UNIX, type, 0, ends), 0);
        (void)snprintf(option, size, "%d", ends[0]);
}

static void close_pair(int ends[2])
{
        (void)swb_close(ends[0]);
        (void)swb_close(ends[1]);
}

static void test_open(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;
        char option[16];
        int ends[2], fd = 7;

        (void)state;
        assert_ok(swb_control_open(NULL, &fd, &err), &err);
        assert_int_equal(fd, -EBADF);
        assert_fault(swb_control_open("stdin", &fd, &err), &err, SWB_FAULT_USAGE);
        assert_fault(swb_control_open("4294967296", &fd, &err), &err, SWB_FAULT_USAGE);
        make_pair(SOCK_STREAM, ends, option, sizeof(option));
        assert_fault(swb_control_open(option, &fd, &err), &err, SWB_FAULT_USAGE);
        close_pair(ends);
        assert_fault(swb_control_open(option, &fd, &err), &err, SWB_FAULT_USAGE);
        make_pair(SOCK_SEQPACKET, ends, option, sizeof(option));
        assert_ok(swb_control_open(option, &fd, &err), &err);
        assert_int_equal(fd, ends[0]);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close_pair(ends);
}

/* What is dropped is no failure; what may not be lost is, when nobody listens. */
static void test_send(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf message = SWB_BUF_INIT(1000);
        char option[16], got[1000];
        int ends[2];

        (void)state;
        assert_int_equal(swb_kv_put(&message, "TYPE", "progress"), 0);
        make_pair(SOCK_SEQPACKET, ends, option, sizeof(option));
        assert_int_equal(swb_control_send(ends[0], &message, false), 0);
        assert_int_equal(recv(ends[1], got, sizeof(got), 0), message.n_bytes);
        assert_memory_equal(got, message.data, message.n_bytes);
        while (send(ends[0], message.data, message.n_bytes, MSG_DONTWAIT) >= 0)
                ;
        assert_int_equal(swb_control_send(ends[0], &message, true), 0);
        close_pair(ends);
        make_pair(SOCK_SEQPACKET, ends, option, sizeof(option));
        ends[1] = swb_close(ends[1]);
        assert_int_equal(swb_control_send(ends[0], &message, false), -EPIPE);
        close_pair(ends);
}

static void assert_text(const struct swb_error *failure, const char *text)
{
        _cleanup_(swb_buf_done) struct swb_buf message = SWB_BUF_INIT(1000);

        assert_int_equal(swb_control_put_outcome(&message, failure), 0);
        assert_int_equal(message.n_bytes, strlen(text));
        assert_memory_equal(message.data, text, message.n_bytes);
}

static void test_outcome(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_text(NULL, "TYPE=outcome\nRESULT=ok\n");
        (void)!swb_fail(&err, -EIO, SWB_FAULT_IO, "read '%s'", "x\ny");
        assert_text(&err, "TYPE=outcome\nRESULT=failed\nFAULT=io\nCODE=-5\nTEXT=read 'x\\ny'\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_open),
                cmocka_unit_test(test_send),
                cmocka_unit_test(test_outcome),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
