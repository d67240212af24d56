/* SPDX-License-Identifier: Apache-2.0 */
#include "open/recipe.h"

#include "base/test.h"
#include "open/encoder.h"

#define HC(level)                                                                                  \
        {                                                                                          \
                SWB_PACKING_LZ4, SWB_ENCODER_LZ4_HC,                                               \
                {                                                                                  \
                        level                                                                      \
                }                                                                                  \
        }

static void build(struct swb_recipe *recipe)
{
        const struct swb_setting settings[] = {HC(9), {SWB_PACKING_DEFLATE}};
        const struct swb_piece pieces[] = {
                {100, 100, 0, 0},   {5000, 9000, 2, 0}, {10, 10, 0, 1},
                {4000, 8000, 1, 1}, {4990, 4990, 0, 1}, {77, 77, 0, 0},
        };

        for (size_t i = 0; i < SWB_ELEMENTS(settings); i++)
                assert_int_equal(swb_recipe_intern(recipe, &settings[i]), i + 1);
        assert_int_equal(swb_recipe_intern(recipe, &settings[0]), 1);
        for (size_t i = 0; i < SWB_ELEMENTS(pieces); i++)
                assert_int_equal(swb_recipe_add(recipe, &pieces[i]), 0);
        assert_int_equal(swb_recipe_measure(recipe), 0);
}

static void test_round_trip(void **state)
{
        _cleanup_(swb_recipe_done) struct swb_recipe recipe = {0}, again = {0};
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(4096);
        struct swb_cursor c;

        (void)state;
        build(&recipe);
        assert_int_equal(recipe.n_content, 100 + 5000 + 77);
        assert_int_equal(recipe.n_opened, 100 + 10 + 8000 + 4990 + 77);
        assert_int_equal(swb_recipe_write(&recipe, &buf), 0);
        c = SWB_CURSOR(buf.data, buf.n_bytes);
        assert_int_equal(swb_recipe_read(&c, &again), 0);
        assert_int_equal(swb_cursor_left(&c), 0);
        assert_int_equal(again.n_opened, recipe.n_opened);
        assert_int_equal(again.n_pieces, recipe.n_pieces);
        for (size_t i = 0; i < again.n_pieces; i++) {
                assert_int_equal(again.pieces[i].n_encoded, recipe.pieces[i].n_encoded);
                assert_int_equal(again.pieces[i].n_opened, recipe.pieces[i].n_opened);
                assert_int_equal(again.pieces[i].depth, recipe.pieces[i].depth);
                assert_int_equal(again.pieces[i].setting, recipe.pieces[i].setting);
        }
        assert_memory_equal(again.settings, recipe.settings,
                            recipe.n_settings * sizeof(*recipe.settings));
}

static void test_every_cut_is_refused(void **state)
{
        _cleanup_(swb_recipe_done) struct swb_recipe recipe = {0};
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(4096);

        (void)state;
        build(&recipe);
        assert_int_equal(swb_recipe_write(&recipe, &buf), 0);
        for (size_t n = 0; n < buf.n_bytes; n++) {
                struct swb_recipe again = {0};
                struct swb_cursor c = SWB_CURSOR(buf.data, n);

                assert_int_equal(swb_recipe_read(&c, &again), -EBADMSG);
        }
}

static int read_bytes(const uint8_t *bytes, size_t n)
{
        _cleanup_(swb_recipe_done) struct swb_recipe recipe = {0};
        struct swb_cursor c = SWB_CURSOR(bytes, n);

        return swb_recipe_read(&c, &recipe);
}

#define READ(...) read_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

static void test_what_is_refused(void **state)
{
        (void)state;
        assert_int_equal(READ(0, 0), 0);
        assert_int_equal(READ(0, 1, 0, 5), 0);
        assert_int_equal(READ(0, 1, 0, 0), -EBADMSG);          /* an empty piece */
        assert_int_equal(READ(0, 1, 2, 5, 5), -EBADMSG);       /* no such setting */
        assert_int_equal(READ(0, 1, 1, 5, 1, 0, 5), -EBADMSG); /* something inside a plain piece */
        assert_int_equal(READ(1, 0, 0, 0), -EBADMSG);          /* a setting for plain pieces */
        assert_int_equal(READ(1, 99, 0, 0), -EPROTONOSUPPORT);
        assert_int_equal(READ(1, 1, 99, 0), -EPROTONOSUPPORT);
        assert_int_equal(READ(1, 1, SWB_ENCODER_LZ4_HC, 13, 0), -EBADMSG); /* no such level */
        assert_int_equal(READ(1, 2, SWB_ENCODER_LZ4_HC, 9, 0), -EBADMSG);  /* of another packing */
        assert_int_equal(READ(1, 1, 0, 1, 3, 6, 4, 1, 0, 6), 0);
        assert_int_equal(READ(1, 1, 0, 1, 3, 6, 4, 1, 0, 5), -EBADMSG); /* a byte missing inside */
        assert_int_equal(READ(1, 1, 0, 1, 3, 6, 4, 1, 0, 7), -EBADMSG);
        assert_int_equal(READ(1, 1, 0, 1, 3, 6, 4, 0), -EBADMSG);
}

static void test_depth_is_bounded(void **state)
{
        (void)state;
        assert_int_equal(READ(1, 2, 0, 1, 3, 6, 9, 1, 3, 6, 6, 1, 3, 6, 6, 1, 0, 6), 0);
        assert_int_equal(READ(1, 2, 0, 1, 3, 6, 9, 1, 3, 6, 6, 1, 3, 6, 6, 1, 2, 6, 6), -E2BIG);
}

/* LZ4 blocks are decoded in memory: 16 MiB of content need not be taken. */
static void test_whole_pieces_are_bounded(void **state)
{
        (void)state;
        assert_int_equal(READ(1, 1, 0, 1, 2, 0x80, 0x80, 0x80, 4, 5), 0);
        assert_int_equal(READ(1, 1, 0, 1, 2, 0x81, 0x80, 0x80, 4, 5), -E2BIG);
        assert_int_equal(READ(1, 2, 0, 1, 2, 0x81, 0x80, 0x80, 4, 5), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_every_cut_is_refused),
                cmocka_unit_test(test_what_is_refused),
                cmocka_unit_test(test_depth_is_bounded),
                cmocka_unit_test(test_whole_pieces_are_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
