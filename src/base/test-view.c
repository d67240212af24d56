/* SPDX-License-Identifier: Apache-2.0 */
#include "base/view.h"

#include <string.h>

#include "base/test.h"

#define N_BYTES (3 * SWB_VIEW_PAGE_BYTES * SWB_VIEW_PAGES / 2 + 5)

static uint8_t byte_at(uint64_t offset)
{
        return (uint8_t)(offset * 7 + offset / 251);
}

struct source {
        uint64_t fails_from;
        size_t n_reads;
};

static int read_source(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        struct source *source = context;

        source->n_reads++;
        assert_true(offset + n <= N_BYTES);
        if (offset + n > source->fails_from)
                return -EIO;
        for (size_t i = 0; i < n; i++)
                data[i] = byte_at(offset + i);
        return 0;
}

static void check(struct swb_view *view, uint64_t offset, size_t n)
{
        const uint8_t *p = swb_view_at(view, offset, n);

        assert_non_null(p);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(p[i], byte_at(offset + i));
}

static void test_everywhere(void **state)
{
        struct source source = {.fails_from = UINT64_MAX};
        _cleanup_(swb_view_done) struct swb_view view = SWB_VIEW_OF(read_source, &source, N_BYTES);
        uint64_t offset = 12345;

        (void)state;
        for (size_t i = 0; i < 5000; i++) {
                offset = (offset * 6364136223846793005u + 1442695040888963407u) >> 8;
                offset %= N_BYTES - SWB_VIEW_SPAN_BYTES + 1;
                check(&view, offset, 1 + i % SWB_VIEW_SPAN_BYTES);
        }
        check(&view, SWB_VIEW_PAGE_BYTES - 1, SWB_VIEW_SPAN_BYTES); /* over a page's end */
        check(&view, N_BYTES - 1, 1);
        check(&view, N_BYTES, 0);
        assert_null(swb_view_at(&view, N_BYTES, 1));
        assert_null(swb_view_at(&view, UINT64_MAX, 2));
        assert_int_equal(swb_view_error(&view), 0);
}

static void test_pages_are_kept(void **state)
{
        struct source source = {.fails_from = UINT64_MAX};
        _cleanup_(swb_view_done) struct swb_view view = SWB_VIEW_OF(read_source, &source, N_BYTES);

        (void)state;
        for (uint64_t i = 0; i < SWB_VIEW_PAGE_BYTES; i++)
                check(&view, i, 4);
        assert_int_equal(source.n_reads, 1);
}

static void test_error_stays(void **state)
{
        struct source source = {.fails_from = 2 * SWB_VIEW_PAGE_BYTES + SWB_VIEW_SPAN_BYTES};
        _cleanup_(swb_view_done) struct swb_view view = SWB_VIEW_OF(read_source, &source, N_BYTES);

        (void)state;
        check(&view, 0, 8);
        assert_null(swb_view_at(&view, 2 * SWB_VIEW_PAGE_BYTES, 8));
        assert_int_equal(swb_view_error(&view), -EIO);
        assert_null(swb_view_at(&view, 0, 8));
}

static void test_memory(void **state)
{
        static const uint8_t bytes[] = {1, 2, 3};
        struct swb_view view = SWB_VIEW_OF_MEMORY(bytes, sizeof(bytes));

        (void)state;
        assert_ptr_equal(swb_view_at(&view, 1, 2), bytes + 1);
        assert_null(swb_view_at(&view, 1, 3));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_everywhere),
                cmocka_unit_test(test_pages_are_kept),
                cmocka_unit_test(test_error_stays),
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
