/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "open/deflate_code.h"

static uint32_t next_random(uint32_t *state)
{
        *state = *state * 1103515245u + 12345u;
        return *state >> 16;
}

/* Few and many symbols, equals, weights that grow as fast as makes words long. */
static void make_counts(uint32_t seed, unsigned n, uint32_t *counts)
{
        uint32_t state = seed, a = 1, b = 1;

        for (unsigned i = 0; i < n; i++) {
                uint32_t next = a + b;

                counts[i] = seed % 3 == 0   ? next_random(&state) % 4
                            : seed % 3 == 1 ? next_random(&state) % 2000 >> next_random(&state) % 12
                            : i % 7 == 0    ? b
                                            : 0;
                if (counts[i] == b && b < 10000) {
                        a = b;
                        b = next;
                }
        }
}

/* Return: bits of all symbols. */
static uint64_t check(const uint8_t *lengths, const uint32_t *counts, unsigned n, unsigned limit)
{
        uint64_t words = 0, bits = 0;

        for (unsigned i = 0; i < n; i++) {
                assert_in_range(lengths[i], counts[i] > 0, limit);
                words += lengths[i] > 0 ? UINT64_C(1) << (limit - lengths[i]) : 0;
                bits += (uint64_t)lengths[i] * counts[i];
        }
        assert_int_equal(words, 1u << limit);
        return bits;
}

/* Codes without words to spare, none too long; without a limit that counts all are as good, and no
 * other way is better than packages. */
static void test_codes(void **state)
{
        static const unsigned sizes[] = {SWB_DEFLATE_LITERALS, SWB_DEFLATE_DISTANCES,
                                         SWB_DEFLATE_LENGTHS};

        (void)state;
        for (uint32_t seed = 0; seed < 60; seed++)
                for (unsigned limit = 9; limit <= SWB_HUFFMAN_BITS; limit++) {
                        unsigned n = sizes[seed / 3 % 3];
                        uint32_t counts[SWB_DEFLATE_LITERALS];
                        uint8_t lengths[_SWB_CODE_MAX][SWB_DEFLATE_LITERALS];
                        uint64_t bits[_SWB_CODE_MAX];
                        unsigned longest = 0;

                        make_counts(seed, n, counts);
                        for (unsigned way = 0; way < _SWB_CODE_MAX; way++) {
                                swb_code_lengths((enum swb_code_way)way, counts, n, limit,
                                                 lengths[way]);
                                bits[way] = check(lengths[way], counts, n, limit);
                        }
                        for (unsigned i = 0; i < n; i++)
                                longest = SWB_MAX(longest, lengths[SWB_CODE_SORTED][i]);
                        assert_true(bits[SWB_CODE_PACKAGES] <= bits[SWB_CODE_SORTED]);
                        assert_true(bits[SWB_CODE_PACKAGES] <= bits[SWB_CODE_HEAP]);
                        if (longest < limit)
                                assert_int_equal(bits[SWB_CODE_PACKAGES], bits[SWB_CODE_SORTED]);
                }
}

/* The second word goes to somebody that does not occur. */
static void check_two(enum swb_code_way way, unsigned symbol)
{
        uint32_t counts[SWB_DEFLATE_DISTANCES] = {0};
        uint8_t lengths[SWB_DEFLATE_DISTANCES];
        bool is_none = symbol == SWB_DEFLATE_DISTANCES;
        unsigned first = way == SWB_CODE_HEAP && symbol == 1 ? 1 : 0;
        unsigned second = is_none ? 1 : SWB_MAX(symbol, 1u) + first;

        if (!is_none)
                counts[symbol] = 7;
        swb_code_lengths(way, counts, SWB_DEFLATE_DISTANCES, SWB_HUFFMAN_BITS, lengths);
        for (unsigned i = 0; i < SWB_DEFLATE_DISTANCES; i++)
                assert_int_equal(lengths[i], i == first || i == second);
}

static void test_few_symbols(void **state)
{
        (void)state;
        for (unsigned way = 0; way < _SWB_CODE_MAX; way++)
                for (unsigned symbol = 0; symbol <= SWB_DEFLATE_DISTANCES; symbol++)
                        check_two((enum swb_code_way)way, symbol);
}

/* More symbols than there are words so short. */
static void test_no_room(void **state)
{
        uint32_t counts[SWB_DEFLATE_LITERALS];
        uint8_t lengths[SWB_DEFLATE_LITERALS];

        (void)state;
        for (unsigned i = 0; i < SWB_DEFLATE_LITERALS; i++)
                counts[i] = i;
        for (unsigned way = 0; way < _SWB_CODE_MAX; way++)
                for (unsigned limit = 1; limit <= 8; limit++) {
                        swb_code_lengths((enum swb_code_way)way, counts, SWB_DEFLATE_LITERALS,
                                         limit, lengths);
                        for (unsigned i = 0; i < SWB_DEFLATE_LITERALS; i++)
                                assert_int_equal(lengths[i], i > 0 ? limit : 0);
                }
}

static void test_symbols(void **state)
{
        (void)state;
        assert_int_equal(swb_length_symbol(3), 0);
        assert_int_equal(swb_length_symbol(257), 27);
        assert_int_equal(swb_length_symbol(258), 28);
        assert_int_equal(swb_distance_symbol(1), 0);
        assert_int_equal(swb_distance_symbol(6), 4);
        assert_int_equal(swb_distance_symbol(32768), 29);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_codes),
                cmocka_unit_test(test_few_symbols),
                cmocka_unit_test(test_no_room),
                cmocka_unit_test(test_symbols),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
