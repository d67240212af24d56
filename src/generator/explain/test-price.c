/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "generator/explain/price.h"

#define BYTES 4096u

static void noise(uint8_t *data, size_t n, uint64_t seed)
{
        for (size_t i = 0; i < n; i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                data[i] = (uint8_t)(seed >> 56);
        }
}

static void test_prices(void **state _unused_)
{
        _cleanup_(swb_price_done) struct swb_price price = {0};
        uint8_t data[BYTES], zeros[BYTES] = {0}, sparse[BYTES] = {0};
        double of_sparse;

        assert_int_equal(swb_price_init(&price), 0);
        noise(data, sizeof(data), 1);
        for (size_t i = 0; i < BYTES; i += 64)
                sparse[i] = (uint8_t)(1 + i % 3);
        assert_true(swb_price_of(&price, zeros, BYTES) < 20);
        assert_true(swb_price_of(&price, data, BYTES) > BYTES * 0.95);
        assert_true(swb_price_of(&price, zeros, BYTES) < 30);
        of_sparse = swb_price_of(&price, sparse, BYTES);
        assert_true(of_sparse > 64 && of_sparse < 200);
        /* what was seen, and seen again */
        for (int i = 0; i < 3; i++)
                (void)swb_price_of(&price, data, BYTES);
        assert_true(swb_price_of(&price, data, BYTES) < BYTES * 0.25);
        noise(data, sizeof(data), 2);
        assert_true(swb_price_of(&price, data, BYTES) > BYTES * 0.95);
}

/* The same, however it is cut. */
static void test_pieces(void **state _unused_)
{
        _cleanup_(swb_price_done) struct swb_price whole = {0};
        _cleanup_(swb_price_done) struct swb_price pieces = {0};
        uint8_t data[BYTES];
        double sum = 0, once;

        assert_int_equal(swb_price_init(&whole), 0);
        assert_int_equal(swb_price_init(&pieces), 0);
        noise(data, sizeof(data), 3);
        memset(data + 1000, 0, 1000);
        once = swb_price_of(&whole, data, BYTES);
        for (size_t i = 0; i < BYTES; i += 512)
                sum += swb_price_of(&pieces, data + i, 512);
        assert_true(sum > once - 0.001 && sum < once + 0.001);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_prices),
                cmocka_unit_test(test_pieces),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
