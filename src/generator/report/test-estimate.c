/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "generator/report/content.h"
#include "generator/report/estimate.h"

#define BLOCKS 64u
#define BYTES ((size_t)BLOCKS * SWB_BLOCK_BYTES)

/* Noise, the same every time. */
static void fill(uint8_t *data, size_t n, uint64_t seed)
{
        for (size_t i = 0; i < n; i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                data[i] = (uint8_t)(seed >> 56);
        }
}

static uint64_t estimate(const uint8_t *old, const uint8_t *new)
{
        const struct swb_task_part part = {old ? BLOCKS : 0, BLOCKS};
        uint64_t bytes;

        assert_int_equal(swb_estimate(old, new, &part, 1, false, &bytes), 0);
        return bytes;
}

static void test_kinds(void **state _unused_)
{
        _cleanup_free_ uint8_t *old = malloc(BYTES), *new = malloc(BYTES);

        fill(old, BYTES, 1);
        fill(new, BYTES, 2);
        assert_in_range(estimate(NULL, new), BYTES * 9 / 10, BYTES);
        assert_in_range(estimate(old, old), 0, 500);
        /* Moved by a few bytes, and one in 64 changed. */
        memcpy(new + 100, old, BYTES - 100);
        for (size_t i = 0; i < BYTES; i += 64)
                new[i] ^= 0x55;
        assert_in_range(estimate(old, new), 100, BYTES / 8);
        memset(new, 0, BYTES);
        assert_in_range(estimate(NULL, new), 0, 500);
}

/* What two parts have in common is paid once. */
static void test_parts_share(void **state _unused_)
{
        _cleanup_free_ uint8_t *old = calloc(2, BYTES), *new = malloc(2 * BYTES);
        const struct swb_task_part parts[] = {{0, BLOCKS}, {0, BLOCKS}};
        uint64_t bytes[2];

        fill(new, BYTES, 3);
        memcpy(new + BYTES, new, BYTES);
        assert_int_equal(swb_estimate(old, new, parts, 2, false, bytes), 0);
        assert_in_range(bytes[0] + bytes[1], BYTES * 9 / 10, BYTES * 11 / 10);
        assert_int_equal(bytes[0], bytes[1]);
}

static void test_empty(void **state _unused_)
{
        const struct swb_task_part part = {0, 0};
        const uint8_t nothing[1] = {0};
        uint64_t bytes = 1;

        assert_int_equal(swb_estimate(nothing, nothing, &part, 1, false, &bytes), 0);
        assert_int_equal(bytes, 0);
        assert_true(swb_estimate_memory(&part, 1) > 0);
}

static void test_packed(void **state _unused_)
{
        uint8_t head[SWB_PACKED_HEAD_BYTES] = {0x1f, 0x8b, 8};

        assert_string_equal(swb_packed_find(head, sizeof(head))->name, "gzip");
        assert_null(swb_packed_find(head, 2));
        memset(head, 0, sizeof(head));
        assert_null(swb_packed_find(head, sizeof(head)));
        memcpy(head + 0x202, "HdrS", 4);
        assert_non_null(strstr(swb_packed_find(head, sizeof(head))->name, "kernel"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_parts_share),
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_packed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
