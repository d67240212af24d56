/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/bsdiff.h"

#include "base/endian.h"
#include "base/test.h"
#include "codec/test-memory.h"

/* Some readers go wrong when the source position leaves the source, even if nothing is read there.
 */
static void assert_position_stays(const struct swb_buf *patch, size_t n_old)
{
        _cleanup_(swb_decoder_freep) struct swb_decoder *decoder = NULL;
        const uint8_t *in = patch->data + SWB_BSDIFF_HEADER_BYTES;
        size_t n_in = (size_t)swb_get_le64(patch->data + 8);
        uint64_t position = 0, z;

        assert_int_equal(swb_decoder_new(SWB_CODEC_BZ2, SWB_DECODER_MEMORY_BYTES, &decoder), 0);
        for (;;) {
                uint8_t entry[24], *out = entry;
                size_t n_out = sizeof(entry);

                if (swb_decoder_step(decoder, &in, &n_in, &out, &n_out) < 0 || n_out > 0)
                        return;
                z = swb_get_le64(entry + 16);
                position += swb_get_le64(entry);
                position += z >> 63 ? -(z & INT64_MAX) : z;
                assert_true(position <= n_old);
        }
}

/* Makes a patch, applies it, returns its size. */
static size_t round_trip(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
                         enum swb_bsdiff_format format)
{
        _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT(1 << 24);
        struct memory memory = {old, n_old, SWB_BUF_INIT(1 << 24)};
        const struct swb_bspatch_io io = memory_io(&memory);

        assert_int_equal(swb_bsdiff(old, n_old, new, n_new, format, &patch), 0);
        if (format == SWB_BSDIFF40)
                assert_position_stays(&patch, n_old);
        assert_int_equal(
                swb_bspatch(patch.data, patch.n_bytes, n_old, n_new, SWB_DECODER_MEMORY_BYTES, &io),
                0);
        assert_int_equal(memory.target.n_bytes, n_new);
        if (n_new > 0)
                assert_memory_equal(memory.target.data, new, n_new);
        swb_buf_done(&memory.target);
        return patch.n_bytes;
}

static void both_ways(const void *old, size_t n_old, const void *new, size_t n_new)
{
        (void)round_trip(old, n_old, new, n_new, SWB_BSDIFF40);
        (void)round_trip(new, n_new, old, n_old, SWB_BSDF2);
}

static uint32_t next_random(uint32_t *x)
{
        *x = *x * 1664525 + 1013904223;
        return *x >> 16;
}

static void test_small(void **state)
{
        static const uint8_t zeros[5000];

        (void)state;
        both_ways("", 0, "", 0);
        both_ways("", 0, "x", 1);
        both_ways("abc", 3, "abc", 3);
        both_ways("aaaaaaaaaaaaaaaaaaaaaaaaaa", 26, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 32);
        both_ways("0123456789abcdefghijklmnopqrstuvwxyz", 36, "nopqrstuvwxyz0123456789abcdef", 29);
        both_ways("0123456789abcdefghijklmnopqrstuvwxyz", 36, "ghijklmnopqr_0123456789a", 24);
        both_ways(zeros, sizeof(zeros), "", 0);
        both_ways(zeros, sizeof(zeros), zeros, 100);
}

/* Few letters, so that matches of all kinds overlap; pieces moved, bytes changed. */
static void test_random(void **state)
{
        uint8_t old[400], new[400];
        uint32_t x = 7;

        (void)state;
        for (int round = 0; round < 100; round++) {
                size_t n_old = next_random(&x) % sizeof(old), n_new = 0;
                uint32_t letters = 1 + next_random(&x) % 4;

                for (size_t i = 0; i < n_old; i++)
                        old[i] = (uint8_t)('a' + next_random(&x) % letters);
                while (n_old > 0 && n_new < 300) {
                        size_t from = next_random(&x) % n_old, n = next_random(&x) % 100;

                        n = SWB_MIN(n, n_old - from);
                        memcpy(new + n_new, old + from, n);
                        n_new += n;
                        new[n_new++] = (uint8_t)next_random(&x);
                }
                both_ways(old, n_old, new, n_new);
        }
}

/* A program whose addresses moved: every 16th word is a little larger, a piece was put in. */
static void make_program(uint8_t *old, uint8_t *new, size_t n, size_t inserted)
{
        uint32_t x = 3;

        for (size_t i = 0; i < n; i++)
                old[i] = (uint8_t)next_random(&x);
        memcpy(new, old, n / 2);
        for (size_t i = 0; i < inserted; i++)
                new[n / 2 + i] = (uint8_t)next_random(&x);
        memcpy(new + n / 2 + inserted, old + n / 2, n - n / 2);
        for (size_t i = 0; i < n + inserted; i += 16)
                new[i] = (uint8_t)(new[i] + 4);
}

static void test_finds_the_likeness(void **state)
{
        static uint8_t old[100000], new[100300];
        size_t n_40, n_2;

        (void)state;
        make_program(old, new, sizeof(old), 300);
        n_40 = round_trip(old, sizeof(old), new, sizeof(new), SWB_BSDIFF40);
        n_2 = round_trip(old, sizeof(old), new, sizeof(new), SWB_BSDF2);
        assert_in_range(n_40, 300, 1200);
        assert_in_range(n_2, 300, n_40);
}

/* Long runs once made the matching quadratic. */
static void test_runs_are_fast(void **state)
{
        _cleanup_free_ uint8_t *old = calloc(1, 1 << 20), *new = calloc(1, 1 << 20);

        (void)state;
        assert_true(old && new);
        for (size_t i = 0; i < 1 << 20; i += 5000)
                new[i] = 1;
        for (size_t i = 0; i < 1 << 20; i += 7000)
                old[i] = 1;
        assert_true(round_trip(old, 1 << 20, new, 1 << 20, SWB_BSDIFF40) < 8000);
}

static void test_deterministic(void **state)
{
        static uint8_t old[20000], new[20100];
        _cleanup_(swb_buf_done) struct swb_buf one = SWB_BUF_INIT(1 << 20),
                                               two = SWB_BUF_INIT(1 << 20);

        (void)state;
        make_program(old, new, sizeof(old), 100);
        assert_int_equal(swb_bsdiff(old, sizeof(old), new, sizeof(new), SWB_BSDF2, &one), 0);
        assert_int_equal(swb_bsdiff(old, sizeof(old), new, sizeof(new), SWB_BSDF2, &two), 0);
        assert_int_equal(one.n_bytes, two.n_bytes);
        assert_memory_equal(one.data, two.data, one.n_bytes);
}

static void test_ceiling(void **state)
{
        static uint8_t old[20000], new[20100];
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(100);

        (void)state;
        make_program(old, new, sizeof(old), 100);
        for (buf.max_bytes = 3; buf.max_bytes < 150; buf.max_bytes += 20) {
                assert_int_equal(swb_buf_append(&buf, "abc", 3), 0);
                assert_int_equal(swb_bsdiff(old, sizeof(old), new, sizeof(new), SWB_BSDF2, &buf),
                                 -E2BIG);
                assert_int_equal(buf.n_bytes, 3);
                swb_buf_reset(&buf);
        }
        assert_true(swb_bsdiff_memory(1 << 20, 1 << 20) >= 6 << 20);
        assert_true(swb_bsdiff_memory((uint64_t)2 << 30, 0) >= (uint64_t)16 << 30);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_small),
                cmocka_unit_test(test_random),
                cmocka_unit_test(test_finds_the_likeness),
                cmocka_unit_test(test_runs_are_fast),
                cmocka_unit_test(test_deterministic),
                cmocka_unit_test(test_ceiling),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
