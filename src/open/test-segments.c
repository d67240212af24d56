/* SPDX-License-Identifier: Apache-2.0 */
#include "open/segments.h"

#include <string.h>

#include "base/test.h"

static void write_two(struct swb_buf *buf)
{
        struct swb_segment items[] = {{(const uint8_t *)"first", 5, 100},
                                      {(const uint8_t *)"other", 5, 23}};
        const struct swb_segments segments = {items, 2};

        assert_int_equal(swb_segments_write(&segments, buf), 0);
}

static void test_round_trip(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1000);
        _cleanup_(swb_segments_done) struct swb_segments segments = {0};

        (void)state;
        write_two(&buf);
        assert_int_equal(swb_segments_read(buf.data, buf.n_bytes, 123, &segments), 0);
        assert_int_equal(segments.n, 2);
        assert_int_equal(segments.items[0].n_target, 100);
        assert_memory_equal(segments.items[1].data, "other", 5);
}

/* A single difference is not put into a list, and read as what it is. */
static void test_single(void **state)
{
        struct swb_segment item = {(const uint8_t *)"SWD1 and more", 13, 7};
        const struct swb_segments one = {&item, 1};
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1000);
        _cleanup_(swb_segments_done) struct swb_segments segments = {0};

        (void)state;
        assert_int_equal(swb_segments_write(&one, &buf), 0);
        assert_int_equal(buf.n_bytes, 13);
        assert_int_equal(swb_segments_read(buf.data, buf.n_bytes, 7, &segments), 0);
        assert_int_equal(segments.n, 1);
        assert_int_equal(segments.items[0].n_bytes, 13);
}

static void expect_refusal(const struct swb_buf *buf, size_t n, uint64_t n_target, int refusal)
{
        struct swb_segments segments = {0};

        assert_int_equal(swb_segments_read(buf->data, n, n_target, &segments), refusal);
        assert_null(segments.items);
}

static void test_wrong_lists(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1000);

        (void)state;
        write_two(&buf);
        for (size_t n = 8; n < buf.n_bytes; n++)
                expect_refusal(&buf, n, 123, -EBADMSG);
        expect_refusal(&buf, buf.n_bytes, 122, -EBADMSG);
        expect_refusal(&buf, buf.n_bytes, 124, -EBADMSG);
        buf.data[8] = 0; /* makes nothing */
        expect_refusal(&buf, buf.n_bytes, 23, -EBADMSG);
        buf.data[6] = 1; /* 65 538 of them */
        expect_refusal(&buf, buf.n_bytes, 123, -E2BIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_single),
                cmocka_unit_test(test_wrong_lists),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
