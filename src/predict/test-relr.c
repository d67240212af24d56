/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/relr.h"

#include <string.h>

#include "base/endian.h"
#include "base/test.h"

#define ADDRESS 0x10000u

/* Three words one behind the other, three behind a gap, and one far off. */
static const uint64_t table[] = {ADDRESS, 3 << 1 | 1, ADDRESS + 0x1000, 1 | 1 << 1 | 1 << 3,
                                 UINT64_C(1) << 40};

static void fill(uint8_t *p, const uint64_t *words, size_t n)
{
        for (size_t i = 0; i < n; i++)
                swb_put_le64(p + i * 8, words[i]);
}

static void test_walk(void **state)
{
        static const uint64_t places[] = {ADDRESS,          ADDRESS + 8,      ADDRESS + 16,
                                          ADDRESS + 0x1000, ADDRESS + 0x1008, ADDRESS + 0x1018,
                                          UINT64_C(1) << 40};
        uint8_t bytes[sizeof(table)];
        struct swb_view view = SWB_VIEW_OF_MEMORY(bytes, sizeof(bytes));
        struct swb_relr_walk walk = {.end = sizeof(bytes)};

        (void)state;
        fill(bytes, table, SWB_ELEMENTS(table));
        for (size_t i = 0; i < SWB_ELEMENTS(places); i++) {
                assert_true(swb_relr_next(&view, &walk));
                assert_true(walk.place == places[i]);
        }
        assert_false(swb_relr_next(&view, &walk));
        assert_false(walk.there);
}

/* All 63 bits, twice, and a word that is cut. */
static void test_walk_full(void **state)
{
        static const uint64_t words[] = {0x2000, UINT64_MAX, UINT64_MAX, 1};
        uint8_t bytes[sizeof(words)];
        struct swb_view view = SWB_VIEW_OF_MEMORY(bytes, sizeof(bytes) - 1);
        struct swb_relr_walk walk = {.end = sizeof(bytes)};

        (void)state;
        fill(bytes, words, SWB_ELEMENTS(words));
        for (uint64_t i = 0; i < 127; i++) {
                assert_true(swb_relr_next(&view, &walk));
                assert_true(walk.place == 0x2000 + i * 8);
        }
        assert_false(swb_relr_next(&view, &walk));
}

static uint64_t next_word(struct swb_relr *relr, struct swb_place *place, uint64_t is)
{
        uint64_t predicted = 77;

        assert_true(swb_relr_predict(relr, place, &predicted));
        swb_relr_learn(relr, place, is);
        place->old += 8;
        place->new += 8;
        return predicted;
}

/* What is expected tells all words; one that came out another way moves the rest. */
static void test_table(void **state)
{
        uint32_t expected[] = {0x100, 0x108, 0x118, 0x300 + 0x110, 0x1000, 0x1004};
        struct swb_relr relr = {.expected = expected,
                                .n = SWB_ELEMENTS(expected),
                                .origin = ADDRESS,
                                .first = 64,
                                .next = UINT64_MAX};
        struct swb_place place = {.old = 64, .new = 128};
        uint64_t predicted;

        (void)state;
        assert_true(next_word(&relr, &place, ADDRESS + 0x100) == ADDRESS + 0x100);
        assert_true(next_word(&relr, &place, 0xb) == (1 | 1 << 1 | 1 << 3));
        assert_true(next_word(&relr, &place, 1) == (1 | UINT64_C(1) << (0x110 / 8 + 1)));
        assert_true(next_word(&relr, &place, ADDRESS + 0xff8) == ADDRESS + 0x1000);
        /* 4 is no multiple of 8. */
        assert_true(next_word(&relr, &place, 3) == 3);
        assert_true(next_word(&relr, &place, ADDRESS + 0xf0) == 1);
        /* From an even word on all begins anew. */
        assert_true(next_word(&relr, &place, 0) == (1 | 1 << 2 | 1 << 3 | 1 << 5));
        place.new += 8;
        assert_false(swb_relr_predict(&relr, &place, &predicted));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_walk),
                cmocka_unit_test(test_walk_full),
                cmocka_unit_test(test_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
