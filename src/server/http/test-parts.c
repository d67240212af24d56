/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/parts.h"

#include <sys/mman.h>

#include "base/error.h"
#include "base/test.h"

static void test_parse(void **state)
{
        struct swb_range ranges[SWB_RANGES_MAX];

        (void)state;
        assert_int_equal(swb_parts_parse("bytes=0-1,5-6", 7, ranges), 2);
        assert_int_equal(ranges[1].start, 5);
        assert_int_equal(ranges[1].end, 7);
        assert_int_equal(swb_parts_parse(NULL, 7, ranges), 0);
        assert_int_equal(swb_parts_parse("bytes=0-1", 7, ranges), 0);
        assert_int_equal(swb_parts_parse("bytes=0-1,5-7", 7, ranges), 0);
        assert_int_equal(swb_parts_parse("bytes=5-6,0-1", 7, ranges), 0);
        assert_int_equal(swb_parts_parse("bytes=0-1,-2", 7, ranges), 0);
}

static const char whole[] = "\r\n--B\r\nContent-Type: application/octet-stream\r\n"
                            "Content-Range: bytes 1-3/10\r\n\r\n123"
                            "\r\n--B\r\nContent-Type: application/octet-stream\r\n"
                            "Content-Range: bytes 9-9/10\r\n\r\n9\r\n--B--\r\n";

static void test_read(void **state)
{
        struct swb_parts parts = {.fd = memfd_create("parts", MFD_CLOEXEC),
                                  .n_file_bytes = 10,
                                  .ranges = {{1, 4}, {9, 10}},
                                  .n = 2,
                                  .boundary = "B"};
        char text[sizeof(whole)] = "";

        (void)state;
        assert_int_equal(write(parts.fd, "0123456789", 10), 10);
        assert_int_equal(swb_parts_bytes(&parts), sizeof(whole) - 1);
        for (size_t step = 1; step < sizeof(whole); step += 13) {
                for (size_t at = 0; at < sizeof(whole) - 1;) {
                        ssize_t n = swb_parts_read(&parts, at, text + at,
                                                   SWB_MIN(step, sizeof(whole) - 1 - at));

                        assert_true(n > 0);
                        at += (size_t)n;
                }
                assert_string_equal(text, whole);
        }
        assert_int_equal(ftruncate(parts.fd, 5), 0);
        assert_int_equal(swb_parts_read(&parts, sizeof(whole) - 11, text, 1), -EIO);
        (void)close(parts.fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
