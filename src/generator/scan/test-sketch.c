/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "generator/scan/sketch.h"

#define N_BYTES ((size_t)1 << 16)

static uint8_t a[N_BYTES], b[N_BYTES];

static void fill(uint8_t *data, size_t n, uint64_t seed)
{
        for (size_t i = 0; i < n; i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                data[i] = (uint8_t)(seed >> 56);
        }
}

static unsigned similarity(const uint8_t *x, size_t n_x, const uint8_t *y, size_t n_y)
{
        struct swb_sketch p = SWB_SKETCH_INIT, q = SWB_SKETCH_INIT;

        swb_sketch_update(&p, x, n_x);
        swb_sketch_update(&q, y, n_y);
        return swb_sketch_similarity(&p, &q);
}

static void test_similarity(void **state)
{
        (void)state;
        fill(a, N_BYTES, 1);
        fill(b, N_BYTES, 2);
        assert_true(similarity(a, N_BYTES, a, N_BYTES) == SWB_SIMILARITY_MAX);
        assert_true(similarity(a, N_BYTES, b, N_BYTES) == 0);
        /* the same at another offset */
        memcpy(b + 1000, a, N_BYTES - 1000);
        assert_true(similarity(a, N_BYTES, b, N_BYTES) > 800);
        /* a half in common: a third of what both have */
        fill(b, N_BYTES, 2);
        memcpy(b, a, N_BYTES / 2);
        assert_true(similarity(a, N_BYTES, b, N_BYTES) > 150);
        assert_true(similarity(a, N_BYTES, b, N_BYTES) < 550);
}

static void test_no_content_resembles_nothing(void **state)
{
        static const uint8_t zeros[1000];

        (void)state;
        fill(a, N_BYTES, 1);
        assert_true(similarity(a, 0, a, N_BYTES) == 0);
        assert_true(similarity(a, 31, a, 31) == 0); /* shorter than a feature */
        assert_true(similarity(a, 32, a, 32) == SWB_SIMILARITY_MAX);
        assert_true(similarity(zeros, 1000, a, N_BYTES) == 0);
}

static void test_pieces_make_the_same_sketch(void **state)
{
        struct swb_sketch whole = SWB_SKETCH_INIT, pieces = SWB_SKETCH_INIT;

        (void)state;
        fill(a, N_BYTES, 3);
        swb_sketch_update(&whole, a, N_BYTES);
        for (size_t done = 0, n = 1; done < N_BYTES; done += n, n = n % 97 + 1)
                swb_sketch_update(&pieces, a + done, SWB_MIN(n, N_BYTES - done));
        assert_int_equal(whole.n, SWB_SKETCH_FEATURES);
        assert_memory_equal(whole.features, pieces.features, sizeof(whole.features));
}

struct found {
        size_t n;
        uint64_t first;
        size_t first_offset;
};

static void on_feature(void *context, uint64_t feature, size_t offset)
{
        struct found *found = context;

        if (found->n++ == 0) {
                found->first = feature;
                found->first_offset = offset;
        }
}

static void test_samples(void **state)
{
        struct found here = {0}, there = {0};

        (void)state;
        fill(a, N_BYTES, 4);
        swb_sketch_sample(a, N_BYTES, 6, on_feature, &here);
        assert_in_range(here.n, N_BYTES / 64 / 2, N_BYTES / 64 * 2);
        swb_sketch_sample(a + 100, N_BYTES - 100, 6, on_feature, &there);
        if (here.first_offset >= 132) {
                assert_int_equal(here.first, there.first);
                assert_int_equal(here.first_offset, there.first_offset + 100);
        }
        assert_in_range(here.n - there.n, 0, 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_similarity),
                cmocka_unit_test(test_no_content_resembles_nothing),
                cmocka_unit_test(test_pieces_make_the_same_sketch),
                cmocka_unit_test(test_samples),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
