/* SPDX-License-Identifier: Apache-2.0 */
#include "os/multipart.h"

#include "base/buf.h"
#include "base/test.h"

#define TYPE "multipart/byteranges; boundary=sep"

static int note(void *context, uint64_t offset, const void *data, size_t n, struct swb_error *err)
{
        (void)err;
        for (size_t i = 0; i < n; i++)
                assert_int_equal(swb_buf_printf(context, "%u%c ", (unsigned)(offset + i),
                                                ((const char *)data)[i]),
                                 0);
        return 0;
}

/* What the sink saw of a body that comes in steps; the code of a failure otherwise. */
static int feed(const char *type, const char *body, size_t n, size_t step, struct swb_buf *seen)
{
        struct swb_multipart m;
        struct swb_error err = SWB_ERROR_INIT;
        int r = swb_multipart_init(&m, type, 100, &err);

        for (size_t i = 0; i < n && r >= 0; i += step)
                r = swb_multipart_feed(&m, body + i, SWB_MIN(step, n - i), note, seen, &err);
        if (r < 0)
                assert_int_equal(err.fault, SWB_FAULT_PROTOCOL);
        return r < 0 ? r : swb_multipart_is_whole(&m);
}

static const char good[] = "\r\n--sep\r\nContent-Type: text/plain\r\ncontent-range: bytes 3-5/100"
                           "\r\n\r\nabc\r\n--sep \r\nContent-Range:bytes 20-21/100\r\n\r\n-\n"
                           "\r\n--sep--\r\nepilogue";

static void test_parts(void **state)
{
        (void)state;
        for (size_t step = 1; step < sizeof(good); step++) {
                _cleanup_(swb_buf_done) struct swb_buf seen = SWB_BUF_INIT(1000);

                assert_int_equal(feed(TYPE, good, sizeof(good) - 1, step, &seen), 1);
                assert_string_equal((char *)seen.data, "3a 4b 5c 20- 21\n ");
        }
}

static void test_boundaries(void **state)
{
        static const char *const types[] = {"Multipart/ByteRanges;a=b;boundary=\"sep\"",
                                            "multipart/byteranges; BOUNDARY=sep; c=d"};
        static const char *const bad[] = {
                "text/plain", "multipart/byteranges",
                "multipart/byteranges; boundary=", "multipart/byteranges; boundary=\"\""};

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(types); i++) {
                _cleanup_(swb_buf_done) struct swb_buf seen = SWB_BUF_INIT(1000);

                assert_int_equal(feed(types[i], good, sizeof(good) - 1, 7, &seen), 1);
        }
        for (size_t i = 0; i < SWB_ELEMENTS(bad); i++)
                assert_int_equal(feed(bad[i], "", 0, 1, NULL), -EPROTO);
}

static void test_refused(void **state)
{
        static const char *const bodies[] = {
                "--sep\r\n\r\nabc",
                "--sep\r\nContent-Range: bytes 3-5/101\r\n\r\nabc",
                "--sep\r\nContent-Range: bytes 5-3/100\r\n\r\nabc",
                "--sep\r\nContent-Range: bytes 98-100/100\r\n\r\nabc",
                "--sep\r\nContent-Range: bytes */100\r\n\r\nabc",
                "--sep\r\nContent-Range: bytes 3-5/100 \r\n\r\nabc",
                "--sep\r\nContent-Range: bytes 3-99999999999999999999999/100\r\n\r\nabc",
        };
        char endless[6000];

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(bodies); i++)
                if (feed(TYPE, bodies[i], strlen(bodies[i]), 5, NULL) != -EPROTO)
                        fail_msg("'%s' passes", bodies[i]);
        memset(endless, 'x', sizeof(endless));
        assert_int_equal(feed(TYPE, endless, 600, 7, NULL), -EPROTO);
        for (size_t i = 50; i < sizeof(endless); i += 50)
                endless[i] = '\n';
        assert_int_equal(feed(TYPE, endless, sizeof(endless), 1000, NULL), -EPROTO);
}

static void test_cut(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf seen = SWB_BUF_INIT(1000);

        (void)state;
        assert_int_equal(feed(TYPE, good, sizeof(good) - 20, 9, &seen), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parts),
                cmocka_unit_test(test_boundaries),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
