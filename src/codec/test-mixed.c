/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "codec/mixed_encoder.h"

#define MEMORY_BYTES ((size_t)8 << 20)
#define SAMPLE_BYTES 20000

static uint8_t sample[SAMPLE_BYTES], room[SAMPLE_BYTES];

static uint32_t next_random(uint32_t *x)
{
        *x = *x * 1664525 + 1013904223;
        return *x >> 8;
}

/* Mostly zeros; what is between repeats itself, and is noise in the middle. */
static int make_sample(void **state)
{
        uint32_t x = 1;

        (void)state;
        for (size_t i = 0; i < sizeof(sample); i++) {
                if (i >= 8000 && i < 9000)
                        sample[i] = (uint8_t)next_random(&x);
                else
                        sample[i] =
                                i % 50 < 47 ? 0 : (uint8_t)(0x7f + i % 50 + next_random(&x) % 3);
        }
        return 0;
}

static size_t size_of(enum swb_mix_mode mode, size_t n)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1 << 20);

        assert_int_equal(swb_encode_mixed(mode, SWB_MIX_SLOTS_LOG_MAX, sample, n, &buf), 0);
        memset(room, 0xaa, sizeof(room));
        assert_int_equal(swb_decode(SWB_CODEC_MIXED, MEMORY_BYTES, buf.data, buf.n_bytes, room, n),
                         0);
        assert_memory_equal(room, sample, n);
        return buf.n_bytes;
}

/* At each length, so that numbers and runs are cut. */
static void test_comes_back(void **state)
{
        (void)state;
        for (int mode = 0; mode < _SWB_MIX_MODE_MAX; mode++) {
                for (size_t n = 0; n < 120; n++)
                        size_of((enum swb_mix_mode)mode, n);
                size_of((enum swb_mix_mode)mode, sizeof(sample));
        }
}

static void test_is_small(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf xz = SWB_BUF_INIT(1 << 20);

        (void)state;
        assert_int_equal(swb_encode(SWB_CODEC_XZ, 0, sample, sizeof(sample), &xz), 0);
        assert_in_range(size_of(SWB_MIX_DIFFERENCES, sizeof(sample)), 1000, xz.n_bytes * 9 / 10);
        assert_in_range(size_of(SWB_MIX_NUMBERS, sizeof(sample)), 1000, xz.n_bytes);
}

static void put_number_bytes(uint8_t *data, size_t n, uint8_t last)
{
        memset(data, 0xff, n - 1);
        data[n - 1] = last;
}

/* Numbers of all lengths, and such as are written longer than need be. */
static void test_long_numbers(void **state)
{
        static uint8_t saved[SAMPLE_BYTES];

        (void)state;
        memcpy(saved, sample, sizeof(sample));
        for (size_t n = 1; n < 12; n++) {
                put_number_bytes(sample, n, 0);
                size_of(SWB_MIX_NUMBERS, n);
                put_number_bytes(sample + 20, n, 0xff);
                size_of(SWB_MIX_NUMBERS, 60);
                memset(sample, 0x80, n);
                size_of(SWB_MIX_NUMBERS, 20);
        }
        memcpy(sample, saved, sizeof(sample));
}

static int decode(const uint8_t *in, size_t n_in, size_t max_bytes, size_t n_out)
{
        return swb_decode(SWB_CODEC_MIXED, max_bytes, in, n_in, room, n_out);
}

static void test_refused(void **state)
{
        static const uint8_t no_mode[] = {3 << 5 | 10, 1, 0, 0, 0, 0}, few[] = {9, 1, 0, 0, 0, 0};
        static const uint8_t many[] = {20, 1, 0, 0, 0, 0}, large[] = {19, 1, 0, 0, 0, 0};
        static const uint8_t long_size[] = {10, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 0, 0};
        static const uint8_t too_much[] = {10, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0};
        /* all bits are 1: a run of 2^32 bytes */
        static const uint8_t endless[] = {10, 1, 0, 0, 0, 0, 0, 0, 0, 0};

        (void)state;
        assert_int_equal(decode(no_mode, sizeof(no_mode), MEMORY_BYTES, 1), -EBADMSG);
        assert_int_equal(decode(few, sizeof(few), MEMORY_BYTES, 1), -EBADMSG);
        assert_int_equal(decode(many, sizeof(many), MEMORY_BYTES, 1), -EBADMSG);
        assert_int_equal(decode(large, sizeof(large), (size_t)1 << 20, 1), -E2BIG);
        assert_int_equal(decode(long_size, sizeof(long_size), MEMORY_BYTES, 1), -EBADMSG);
        assert_int_equal(decode(too_much, sizeof(too_much), MEMORY_BYTES, 1), -EBADMSG);
        assert_int_equal(decode(endless, sizeof(endless), MEMORY_BYTES, 1), -EBADMSG);
}

/* A number of more than five bytes, which no maker writes, and an exponent of 63. */
static void test_bit_by_bit(void **state)
{
        _cleanup_(swb_mix_freep) struct swb_mix *mix = NULL;
        uint64_t symbol = 0;
        bool is_complete = false;

        (void)state;
        assert_int_equal(swb_mix_new(SWB_MIX_NUMBERS, 10, &mix), 0);
        assert_int_equal(swb_mix_kind(mix), SWB_MIX_RUN);
        for (unsigned i = 0; i < 5 && !is_complete; i++) {
                assert_in_range(swb_mix_predict(mix), 1, 65535);
                is_complete = swb_mix_learn(mix, false, &symbol);
        }
        assert_true(is_complete && symbol == 0 && swb_mix_kind(mix) == SWB_MIX_NUMBER);
        is_complete = false;
        for (unsigned i = 0; i < 6 + 63; i++) {
                assert_false(is_complete);
                assert_in_range(swb_mix_predict(mix), 1, 65535);
                is_complete = swb_mix_learn(mix, true, &symbol);
        }
        assert_true(is_complete && symbol == UINT64_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_comes_back),   cmocka_unit_test(test_is_small),
                cmocka_unit_test(test_long_numbers), cmocka_unit_test(test_refused),
                cmocka_unit_test(test_bit_by_bit),
        };

        return cmocka_run_group_tests(tests, make_sample, NULL);
}
