/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/map.h"

#include "base/test.h"

/* One section at 100 .. 1100, which the new file has at 200 .. 1400. */
static struct swb_section sections[] = {
        {0}, {.offset = 100, .spot = 100, .n_bytes = 1000, .role = SWB_ROLE_CODE}};
static uint32_t by_spot[] = {1};
static struct swb_layout_section places[] = {{0}, {.offset = 200, .n_bytes = 1200, .index = 1}};
static const struct swb_elf elf = {
        .sections = sections, .n_sections = 2, .by_spot = by_spot, .n_by_spot = 1};
static const struct swb_layout layout = {.sections = places};

static int64_t shift(const struct swb_map *map, uint32_t spot)
{
        return swb_map_shift(map, 100, spot, 1000000);
}

static void test_longer_is_believed(void **state)
{
        const struct swb_copy copies[] = {
                {150, 260, 100}, /* 150 .. 250 by 110 */
                {200, 700, 500}, /* 200 .. 700 by 500, longer */
                {650, 300, 60},  /* mostly under the longer one */
                {900, 1000, 50},
        };
        struct swb_map map;

        (void)state;
        assert_int_equal(swb_map_init(&map, &elf, &layout, copies, 4, 10000), 0);
        assert_int_equal(shift(&map, 100), 1000000);
        assert_int_equal(shift(&map, 150), 110);
        assert_int_equal(shift(&map, 199), 110);
        assert_int_equal(shift(&map, 200), 500);
        assert_int_equal(shift(&map, 699), 500);
        assert_int_equal(shift(&map, 705), -350);
        assert_int_equal(shift(&map, 800), -350); /* behind the last piece */
        assert_int_equal(shift(&map, 920), 100);
        swb_map_done(&map);
}

static void test_only_inside_of_the_section(void **state)
{
        const struct swb_copy copies[] = {
                {0, 0, 110},      /* its last bytes go before the section's new place */
                {500, 5000, 100}, /* elsewhere */
                {50, 190, 60},    /* 110 .. is outside; 100 .. 110 goes to 240 */
                {UINT64_MAX - 5, 3, 10},
                {1050, 1350, 100}, /* 1050 .. 1100 */
        };
        struct swb_map map;

        (void)state;
        assert_int_equal(swb_map_init(&map, &elf, &layout, copies, 5, 10000), 0);
        assert_int_equal(map.n_pieces, 2);
        assert_int_equal(shift(&map, 100), 140);
        assert_int_equal(map.pieces[0].n, 10);
        assert_int_equal(map.pieces[1].old, 1050);
        assert_int_equal(map.pieces[1].n, 50);
        swb_map_done(&map);
        assert_int_equal(swb_map_init(&map, &elf, &layout, copies, 5, 10), -E2BIG);
        swb_map_done(&map);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_longer_is_believed),
                cmocka_unit_test(test_only_inside_of_the_section),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
