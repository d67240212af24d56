/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/suffix_array.h"

#include "base/test.h"

#define N_TEXT_MAX 3000u

static uint32_t next_random(uint32_t *state)
{
        *state = *state * 1664525u + 1013904223u;
        return *state >> 8;
}

/* Few letters: much occurs many times. */
static void fill(uint8_t *text, size_t n, unsigned n_letters, uint32_t *state)
{
        for (size_t i = 0; i < n; i++)
                text[i] = (uint8_t)(next_random(state) % n_letters * 85);
}

static size_t longest_by_hand(const uint8_t *text, size_t n, const uint8_t *wanted, size_t n_wanted)
{
        size_t best = 0;

        for (size_t i = 0; i < n; i++) {
                size_t k = 0;

                while (i + k < n && k < n_wanted && text[i + k] == wanted[k])
                        k++;
                best = SWB_MAX(best, k);
        }
        return best;
}

static void assert_finds(const struct swb_suffix_array *index, const uint8_t *wanted,
                         size_t n_wanted)
{
        struct swb_match match = swb_suffix_array_longest(index, wanted, n_wanted);

        assert_int_equal(match.n_bytes, longest_by_hand(index->text, index->n, wanted, n_wanted));
        assert_memory_equal(index->text + match.pos, wanted, match.n_bytes);
        if (match.n_bytes >= SWB_SUFFIX_GRAM_BYTES)
                assert_true(swb_suffix_array_may_have(index, wanted, n_wanted));
}

/* Texts with and without samples, of what is there and what is not. */
static void test_longest(void **state)
{
        static const size_t sizes[] = {1, 2, 7, 15, 16, 17, 33, 200, N_TEXT_MAX};
        uint8_t text[N_TEXT_MAX], wanted[64];
        uint32_t random = 1;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(sizes); i++)
                for (unsigned n_letters = 1; n_letters <= 4; n_letters++) {
                        struct swb_suffix_array index;

                        fill(text, sizes[i], n_letters, &random);
                        assert_int_equal(swb_suffix_array_init(&index, text, sizes[i]), 0);
                        for (size_t n = 1; n <= sizeof(wanted); n++) {
                                size_t at = next_random(&random) % sizes[i];
                                size_t kept = SWB_MIN(n / 2, sizes[i] - at);

                                fill(wanted, n, 4, &random);
                                memcpy(wanted, text + at, kept);
                                assert_finds(&index, wanted, n);
                        }
                        swb_suffix_array_done(&index);
                }
}

/* Below and above everything, and where a short end looks like zeros that are not there. */
static void test_ends(void **state)
{
        static const uint8_t text[] = "bbbbbbbbbbbbbbbbbbbb\1\2bbbbbbbbbbbbbbbbbb\1";
        static const uint8_t low[16] = {0}, end[16] = {1}, high[16] = "\377\377\377";
        static const uint8_t highest[] = "\377\377\377\377\377\377\377\377\377";
        struct swb_suffix_array index;

        (void)state;
        assert_int_equal(swb_suffix_array_init(&index, text, sizeof(text) - 1), 0);
        assert_finds(&index, low, sizeof(low));
        assert_finds(&index, end, sizeof(end));
        assert_finds(&index, high, sizeof(high));
        assert_finds(&index, highest, sizeof(highest) - 1);
        swb_suffix_array_done(&index);
        assert_int_equal(swb_suffix_array_init(&index, highest, sizeof(highest) - 1), 0);
        assert_finds(&index, highest, sizeof(highest) - 1);
        assert_finds(&index, low, sizeof(low));
        swb_suffix_array_done(&index);
}

static void test_empty(void **state)
{
        struct swb_suffix_array index;

        (void)state;
        assert_int_equal(swb_suffix_array_init(&index, (const uint8_t *)"", 0), 0);
        assert_int_equal(swb_suffix_array_longest(&index, (const uint8_t *)"ab", 2).n_bytes, 0);
        assert_false(swb_suffix_array_may_have(&index, (const uint8_t *)"abcdefgh", 8));
        swb_suffix_array_done(&index);
}

static void test_common(void **state)
{
        uint8_t a[40] = {0}, b[40] = {0};

        (void)state;
        for (size_t n = 0; n < sizeof(a); n++)
                for (size_t at = 0; at < sizeof(a); at++) {
                        b[at] = 7;
                        assert_int_equal(swb_common_bytes(a, b, n), SWB_MIN(n, at));
                        b[at] = 0;
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_longest),
                cmocka_unit_test(test_ends),
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_common),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
