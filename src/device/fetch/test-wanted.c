/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/wanted.h"

#include <sys/socket.h>

#include "base/endian.h"
#include "base/test.h"
#include "payload/format.h"

#define TOTAL (2u << 20)

struct fixture {
        int ends[2]; /* theirs, ours */
        struct swb_buf got;
        struct swb_wanted *wanted;
        struct swb_error err;
};

static int put(void *context, const void *data, size_t n, struct swb_error *err)
{
        struct fixture *f = context;

        (void)err;
        return swb_buf_append(&f->got, data, n);
}

static void waiting(void *context)
{
        (void)context;
}

static void start(struct fixture *f, uint64_t offset, const char *lines)
{
        struct swb_wanted_config config = {
                .offset = offset, .total = TOTAL, .put = put, .waiting = waiting, .context = f};

        *f = (struct fixture){.got = SWB_BUF_INIT(TOTAL)};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, f->ends), 0);
        assert_int_equal(write(f->ends[0], lines, strlen(lines)), strlen(lines));
        assert_int_equal(shutdown(f->ends[0], SHUT_WR), 0);
        config.socket = f->ends[1];
        assert_ok(swb_wanted_new(&config, &f->wanted, &f->err), &f->err);
}

static void stop(struct fixture *f)
{
        f->wanted = swb_wanted_free(f->wanted);
        swb_buf_done(&f->got);
        (void)close(f->ends[0]);
        (void)close(f->ends[1]);
}

static void assert_wants(const struct fixture *f, uint64_t start, uint64_t end)
{
        struct swb_range ranges[SWB_RANGES_MAX];

        assert_int_equal(swb_wanted_ranges(f->wanted, ranges), 1);
        assert_int_equal(ranges[0].start, start);
        assert_int_equal(ranges[0].end, end);
}

static int take(struct fixture *f, uint64_t offset, const char *data)
{
        return swb_wanted_take(f->wanted, offset, data, strlen(data), &f->err);
}

static void test_stream(void **state)
{
        struct fixture f;

        (void)state;
        start(&f, 1000, "stream\n");
        assert_int_equal(swb_wanted_next(f.wanted, &f.err), 1);
        assert_wants(&f, 1000, TOTAL);
        assert_int_equal(take(&f, 998, "__abc"), 0);
        assert_wants(&f, 1003, TOTAL);
        assert_int_equal(f.got.n_bytes, 3);
        assert_int_equal(swb_wanted_next(f.wanted, &f.err), 0);
        stop(&f);
}

/* The first bytes of a payload, whose manifest has nothing but a minor version, and is long. */
static void make_head(uint8_t *head, uint8_t minor_low)
{
        memset(head, 0, 200);
        memcpy(head, SWB_PAYLOAD_MAGIC, 4);
        swb_put_be64(head + 4, 2);
        swb_put_be64(head + 12, 5000);
        swb_put_be32(head + 20, 300);
        memcpy(head + 24, (uint8_t[]){12 << 3, minor_low | 0x80, 7, 13 << 3 | 2}, 4);
}

static void test_looks_at_the_head(void **state)
{
        uint8_t head[200];
        struct fixture f;

        (void)state;
        for (int pieces = 0; pieces < 2; pieces++) {
                make_head(head, pieces ? 1002 - 7 * 128 : 1001 - 7 * 128);
                start(&f, 0, "stream\nget 9000-9001\nend\n");
                assert_int_equal(swb_wanted_next(f.wanted, &f.err), 1);
                assert_wants(&f, 0, 128);
                assert_int_equal(swb_wanted_take(f.wanted, 0, head, 50, &f.err), 0);
                assert_int_equal(f.got.n_bytes, 0);
                assert_int_equal(swb_wanted_take(f.wanted, 50, head + 50, 78, &f.err), 0);
                assert_int_equal(swb_wanted_next(f.wanted, &f.err), 1);
                assert_int_equal(f.got.n_bytes, 128);
                assert_wants(&f, 128, pieces ? 5324 : TOTAL);
                stop(&f);
        }
}

static void test_ranges(void **state)
{
        struct swb_range ranges[SWB_RANGES_MAX];
        struct fixture f;

        (void)state;
        start(&f, 0, "pieces\nget 10-12,20-20\nget 5-6\nend\n");
        assert_int_equal(swb_wanted_next(f.wanted, &f.err), 1);
        assert_int_equal(swb_wanted_ranges(f.wanted, ranges), 2);
        assert_int_equal(take(&f, 10, "abc"), 0);
        assert_int_equal(take(&f, 20, "d"), 0);
        assert_int_equal(swb_wanted_ranges(f.wanted, ranges), 0);
        assert_int_equal(swb_wanted_next(f.wanted, &f.err), 1);
        assert_wants(&f, 5, 7);
        assert_int_equal(take(&f, 5, "ef"), 0);
        assert_int_equal(swb_wanted_next(f.wanted, &f.err), 0);
        assert_int_equal(swb_wanted_next(f.wanted, &f.err), 0);
        assert_memory_equal(f.got.data, "abcdef", 6);
        stop(&f);
}

/* A server that sends the whole file: the next line's bytes come by, those of the third have. */
static void test_whole_file(void **state)
{
        struct fixture f;

        (void)state;
        start(&f, 0, "pieces\nget 2-3\nget 6-6\nget 4-4\nend\n");
        assert_int_equal(swb_wanted_next(f.wanted, &f.err), 1);
        assert_int_equal(take(&f, 0, "01234"), 0);
        assert_int_equal(take(&f, 5, "56789"), 1);
        assert_wants(&f, 4, 5);
        assert_int_equal(take(&f, 0, "0123456"), 1);
        assert_memory_equal(f.got.data, "2364", 4);
        assert_int_equal(swb_wanted_next(f.wanted, &f.err), 0);
        stop(&f);
}

static void test_left_out(void **state)
{
        struct fixture f;

        (void)state;
        start(&f, 0, "pieces\nget 2-3\n");
        assert_int_equal(swb_wanted_next(f.wanted, &f.err), 1);
        assert_fault(take(&f, 3, "3"), &f.err, SWB_FAULT_PROTOCOL);
        assert_false(swb_wanted_is_abandoned(f.wanted));
        stop(&f);
}

static void test_rubbish(void **state)
{
        static const char *const lines[] = {
                "hello\n",
                "pieces\nget\n",
                "pieces\nget 5\n",
                "pieces\nget 5-4\n",
                "pieces\nget 0-99999999\n",
                "pieces\nend \n",
                "pieces\n\n",
        };
        struct fixture f;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(lines); i++) {
                start(&f, 0, lines[i]);
                assert_fault(swb_wanted_next(f.wanted, &f.err), &f.err, SWB_FAULT_PROTOCOL);
                assert_true(swb_wanted_is_abandoned(f.wanted));
                stop(&f);
        }
        start(&f, 0, "pieces\nget 1-");
        assert_fault(swb_wanted_next(f.wanted, &f.err), &f.err, SWB_FAULT_CANCELLED);
        stop(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stream),   cmocka_unit_test(test_looks_at_the_head),
                cmocka_unit_test(test_ranges),   cmocka_unit_test(test_whole_file),
                cmocka_unit_test(test_left_out), cmocka_unit_test(test_rubbish),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
