/* SPDX-License-Identifier: Apache-2.0 */
#include "payload/peek.h"

#include "base/test.h"
#include "payload/test_payload.h"

static void test_whole_and_cut(void **state)
{
        struct test_payload *p = malloc(sizeof(*p));
        struct swb_payload_peek peek;
        struct swb_buf file;

        (void)state;
        assert_non_null(p);
        test_payload_init(p, 1001);
        file = test_payload_write(p);
        assert_true(swb_payload_peek(file.data, SWB_PAYLOAD_PEEK_BYTES, &peek));
        assert_int_equal(peek.minor, 1001);
        assert_true(peek.metadata_bytes > 200 && peek.metadata_bytes < file.n_bytes);
        for (size_t n = 0; n < SWB_PAYLOAD_HEADER_BYTES; n++)
                assert_false(swb_payload_peek(file.data, n, &peek));
        assert_true(swb_payload_peek(file.data, SWB_PAYLOAD_HEADER_BYTES, &peek));
        assert_int_equal(peek.minor, 0);
        file.data[0] ^= 1;
        assert_false(swb_payload_peek(file.data, SWB_PAYLOAD_PEEK_BYTES, &peek));
        swb_buf_done(&file);
        free(p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole_and_cut)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
