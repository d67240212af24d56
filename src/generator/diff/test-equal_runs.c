/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "generator/diff/equal_runs.h"

#define KIB ((size_t)1 << 10)

/* The same bytes for the same seed, everywhere. */
static uint8_t *noise(size_t n, uint64_t seed)
{
        uint8_t *data = malloc(n);

        assert_non_null(data);
        for (size_t i = 0; i < n; i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                data[i] = (uint8_t)(seed >> 56);
        }
        return data;
}

static void find(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
                 struct swb_span_list *ret)
{
        const struct swb_patch_span all = {0, n_old, 0, n_new};

        assert_int_equal(swb_equal_runs_find(old, new, &all, ret), 0);
        for (size_t i = 0; i < ret->n; i++) {
                const struct swb_patch_span *run = &ret->items[i], *before = run - 1;

                assert_int_equal(run->n_old, run->n_new);
                assert_true(swb_span_old_end(run) <= n_old && swb_span_new_end(run) <= n_new);
                assert_memory_equal(old + run->old, new + run->new, run->n_new);
                assert_true(i == 0 || (run->old >= swb_span_old_end(before) &&
                                       run->new >= swb_span_new_end(before)));
        }
}

/* New bytes in front and in the middle, and a few in between that changed. */
static void test_shifted(void **state _unused_)
{
        _cleanup_free_ uint8_t *old = noise(1024 * KIB, 1), *more = noise(100 * KIB, 2);
        _cleanup_free_ uint8_t *new = malloc(1124 * KIB);
        _cleanup_(swb_span_list_done) struct swb_span_list runs = {0};

        assert_non_null(new);
        memcpy(new, more, 77);
        memcpy(new + 77, old, 500 * KIB);
        memcpy(new + 77 + 500 * KIB, more, 50 * KIB);
        memcpy(new + 77 + 550 * KIB, old + 500 * KIB, 524 * KIB);
        new[300 * KIB] ^= 1;
        find(old, 1024 * KIB, new, 77 + 1074 * KIB, &runs);
        assert_int_equal(runs.n, 3);
        assert_int_equal(runs.items[0].new, 77);
        assert_int_equal(swb_span_new_end(&runs.items[0]), 300 * KIB);
        assert_int_equal(swb_span_new_end(&runs.items[1]), 77 + 500 * KIB);
        assert_int_equal(runs.items[2].old, 500 * KIB);
        assert_int_equal(runs.items[2].n_new, 524 * KIB);
}

/* Of what changed places the heavier part stays. */
static void test_swapped(void **state _unused_)
{
        _cleanup_free_ uint8_t *old = noise(500 * KIB, 3), *new = malloc(500 * KIB);
        _cleanup_(swb_span_list_done) struct swb_span_list runs = {0};

        assert_non_null(new);
        memcpy(new, old + 200 * KIB, 300 * KIB);
        memcpy(new + 300 * KIB, old, 200 * KIB);
        find(old, 500 * KIB, new, 500 * KIB, &runs);
        assert_int_equal(runs.n, 1);
        assert_int_equal(runs.items[0].n_new, 300 * KIB);
}

/* What repeats itself, or is nothing but zeros, takes no longer than other bytes. */
static void test_repeated(void **state _unused_)
{
        const size_t n = 4096 * KIB;
        _cleanup_free_ uint8_t *period = noise(4096, 4), *old = calloc(1, n), *new = calloc(1, n);
        _cleanup_(swb_span_list_done) struct swb_span_list runs = {0}, zeros = {0};

        assert_true(old && new);
        find(old, n, new, n, &zeros);
        for (size_t at = 0; at < n; at += 4096) {
                memcpy(old + at, period, 4096);
                memcpy(new + at, period, 4096);
        }
        memset(new + n / 2, 0, KIB);
        find(old, n, new, n, &runs);
        assert_true(runs.n > 0);
}

static void test_short(void **state _unused_)
{
        _cleanup_free_ uint8_t *old = noise(100 * KIB, 5), *other = noise(100 * KIB, 6);
        _cleanup_(swb_span_list_done) struct swb_span_list runs = {0};

        find(old, 0, other, 100 * KIB, &runs);
        find(old, 100 * KIB, other, 0, &runs);
        find(old, 60 * KIB, old, 60 * KIB, &runs);
        find(old, 100 * KIB, other, 100 * KIB, &runs);
        assert_int_equal(runs.n, 0);
        find(old, 100 * KIB, old, 100 * KIB, &runs);
        assert_int_equal(runs.n, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_shifted),
                cmocka_unit_test(test_swapped),
                cmocka_unit_test(test_repeated),
                cmocka_unit_test(test_short),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
