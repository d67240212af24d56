/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "generator/plan/pair.h"
#include "generator/plan/sources.h"

/* Images as rows of letters, a block each; '.' is a block of zeros. */
struct row {
        struct swb_block_id ids[64];
        struct swb_blocks blocks;
};

static struct row *row(struct row *r, const char *text)
{
        r->blocks = (struct swb_blocks){.ids = r->ids, .n = strlen(text)};
        for (size_t i = 0; text[i]; i++) {
                r->ids[i] = (struct swb_block_id){.words = {(uint64_t)text[i] * 77, 1}};
                if (text[i] == '.')
                        r->ids[i] = swb_block_id_zero();
        }
        return r;
}

#define Z SWB_SOURCE_ZERO
#define D SWB_SOURCE_DATA

static void check_sources(const char *old_text, const char *new_text, uint32_t minor,
                          const uint32_t *wanted)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_block_index index;
        struct row old, new;
        struct swb_rules rules;
        uint32_t sources[64];

        row(&old, old_text);
        row(&new, new_text);
        assert_ok(swb_rules_init(&rules, SWB_PROFILE_SWITCHBACK, true, minor, &err), &err);
        assert_int_equal(swb_block_index_init(&index, &old.blocks), 0);
        swb_sources_find(&rules, &new.blocks, &index, sources);
        swb_sources_join(&new.blocks, &index, sources);
        for (size_t i = 0; i < new.blocks.n; i++)
                assert_int_equal(sources[i], wanted[i]);
        swb_block_index_done(&index);
}

static void test_copies_zeros_and_data(void **state)
{
        (void)state;
        check_sources("ab.c", "c.xa", 1000, (const uint32_t[]){3, Z, D, 0});
        check_sources("ab.c", "c.xa", 2, (const uint32_t[]){3, 2, D, 0}); /* no ZERO there */
        check_sources("abc", "..", 2, (const uint32_t[]){D, D});
}

static void test_long_runs_win(void **state)
{
        (void)state;
        /* 'a' stands alone first, then before "bcd" */
        check_sources("axabcd", "abcd", 1000, (const uint32_t[]){2, 3, 4, 5});
        /* a run goes on although its blocks also stand earlier */
        check_sources("cbaabc", "zzabc", 1000, (const uint32_t[]){D, D, 3, 4, 5});
        /* the same place, when a run begins there too */
        check_sources("abab", "..ab", 1000, (const uint32_t[]){Z, Z, 2, 3});
}

static void test_index_lists_all_in_order(void **state)
{
        struct swb_block_index index;
        struct row old;
        uint32_t block;

        (void)state;
        row(&old, "ab.a.a");
        assert_int_equal(swb_block_index_init(&index, &old.blocks), 0);
        block = swb_block_index_first(&index, &old.ids[0]);
        assert_int_equal(block, 0);
        block = swb_block_index_next(&index, block);
        assert_int_equal(block, 3);
        block = swb_block_index_next(&index, block);
        assert_int_equal(block, 5);
        assert_int_equal(swb_block_index_next(&index, block), SWB_BLOCK_NONE);
        block = swb_block_index_first(&index, &old.ids[2]);
        assert_int_equal(block, 2);
        assert_int_equal(swb_block_index_next(&index, block),
                         SWB_BLOCK_NONE); /* zeros: first only */
        swb_block_index_done(&index);
}

/* One file on each side that owns all blocks. */
static void check_absorbed(const char *old_text, const char *new_text, const uint32_t *wanted)
{
        struct swb_image old_image = {.n_blocks = strlen(old_text)};
        struct swb_image new_image = {.n_blocks = strlen(new_text)};
        uint32_t owner[64] = {0}, sources[64], partner = 0;
        struct swb_file file = {.path = (char *)"/f", .kind = SWB_FILE_REGULAR};
        struct swb_scan old_scan = {.image = &old_image, .owner = owner};
        struct swb_scan new_scan = {.image = &new_image, .files = &file, .n_files = 1};
        struct swb_rules rules = {.zero = true};
        struct swb_block_index index;
        struct row old, new;

        row(&old, old_text);
        row(&new, new_text);
        assert_int_equal(swb_extent_list_add(&file.blocks, 0, new.blocks.n), 0);
        assert_int_equal(swb_block_index_init(&index, &old.blocks), 0);
        swb_sources_find(&rules, &new.blocks, &index, sources);
        assert_int_equal(swb_sources_absorb(&old_scan, &new_scan, &index, &partner, sources), 0);
        for (size_t i = 0; i < new.blocks.n; i++)
                assert_int_equal(sources[i], wanted[i]);
        swb_block_index_done(&index);
        swb_extent_list_done(&file.blocks);
}

static void test_short_runs_stay_with_their_file(void **state)
{
        (void)state;
        check_absorbed("abcdef", "XbXde.X", (const uint32_t[]){D, D, D, D, D, D, D});
        /* at the edges a run is no hole in the operation */
        check_absorbed("abcdef", "aXbXf", (const uint32_t[]){0, D, D, D, 5});
        /* long enough for an operation of its own */
        check_absorbed(
                "abcdefghijklmnop", "XabcdefghijklmnopX",
                (const uint32_t[]){D, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, D});
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_copies_zeros_and_data),
                cmocka_unit_test(test_long_runs_win),
                cmocka_unit_test(test_index_lists_all_in_order),
                cmocka_unit_test(test_short_runs_stay_with_their_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
