/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/stream_pack.h"

#include "base/test.h"
#include "codec/stream_table.h"

#define MEMORY ((size_t)16 << 20)

static const struct swb_pack_limits limits = {.dictionary_bytes = 1u << 20};

static struct swb_buf make(size_t n, unsigned zeros_of_256)
{
        struct swb_buf buf = SWB_BUF_INIT(n);
        uint32_t random = 1;

        assert_int_equal(swb_buf_reserve(&buf, n), 0);
        for (buf.n_bytes = 0; buf.n_bytes < n; buf.n_bytes++) {
                random = random * 1664525u + 1013904223u;
                buf.data[buf.n_bytes] = random >> 24 < zeros_of_256 ? 0 : (uint8_t)(random >> 16);
        }
        return buf;
}

/* Whatever way was chosen, it decodes, and is no longer than the usual one but for what is told. */
static void assert_packs(size_t n, unsigned zeros_of_256)
{
        _cleanup_(swb_buf_done) struct swb_buf in = make(n, zeros_of_256);
        _cleanup_(swb_buf_done) struct swb_buf packed = SWB_BUF_INIT(SIZE_MAX);
        _cleanup_(swb_buf_done) struct swb_buf usual = SWB_BUF_INIT(SIZE_MAX);
        _cleanup_free_ uint8_t *back = malloc(n);
        enum swb_codec codec;
        uint8_t number;

        assert_int_equal(swb_stream_pack(&in, &limits, &number, &packed), 0);
        assert_int_equal(swb_stream_codec(number, &codec), 0);
        assert_int_equal(swb_decode(codec, MEMORY, packed.data, packed.n_bytes, back, n), 0);
        assert_memory_equal(back, in.data, n);
        assert_int_equal(swb_encode_xz(limits.dictionary_bytes, SWB_XZ_USUAL, in.data, n, &usual),
                         0);
        assert_true(packed.n_bytes <= usual.n_bytes + usual.n_bytes / 50);
}

static void test_ways(void **state)
{
        (void)state;
        assert_packs(1000, 0);
        assert_packs(1000, 240);
        assert_packs((size_t)257 << 10, 128);
        assert_packs((size_t)1025 << 10, 255);
}

/* What gets no shorter stays as it is. */
static void test_as_it_is(void **state)
{
        struct swb_buf in = {.data = (uint8_t[]){1, 2, 3}, .n_bytes = 3, .max_bytes = 3};
        _cleanup_(swb_buf_done) struct swb_buf packed = SWB_BUF_INIT(SIZE_MAX);
        uint8_t number;

        (void)state;
        assert_int_equal(swb_stream_pack(&in, &limits, &number, &packed), 0);
        assert_int_equal(number, SWB_STREAM_NONE);
        assert_int_equal(packed.n_bytes, 3);
        assert_memory_equal(packed.data, in.data, 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ways),
                cmocka_unit_test(test_as_it_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
