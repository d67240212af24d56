/* SPDX-License-Identifier: Apache-2.0 */
#include "open/find.h"

#include <lz4.h>
#include <string.h>
#include <zlib.h>

#include "base/test.h"
#include "open/closer.h"

#define TEXT_BYTES ((size_t)100 << 10)

static void make_text(uint8_t *text)
{
        uint32_t state = 5;

        for (size_t done = 0; done + 64 < TEXT_BYTES;) {
                state = state * 1664525u + 1013904223u;
                done += (size_t)snprintf((char *)text + done, 64, "%u lines, or words: %u\n",
                                         state >> 27, state >> 20);
        }
}

static void add_deflated(struct swb_buf *buf, int bits, int level, int memory, int strategy)
{
        _cleanup_free_ uint8_t *text = calloc(1, TEXT_BYTES), *room = malloc(2 * TEXT_BYTES);
        z_stream stream = {0};

        make_text(text);
        assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED, bits, memory, strategy), Z_OK);
        stream.next_in = text;
        stream.avail_in = TEXT_BYTES;
        stream.next_out = room;
        stream.avail_out = 2 * TEXT_BYTES;
        assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
        assert_int_equal(swb_buf_append(buf, room, stream.total_out), 0);
        assert_int_equal(deflateEnd(&stream), Z_OK);
}

static int append(void *context, const uint8_t *data, size_t n)
{
        return swb_buf_append(context, data, n);
}

/* One piece opens, by this packing and encoder, and closes to the same bytes. */
static void check_opens(const struct swb_buf *content, int n_pieces, enum swb_packing packing,
                        enum swb_encoder_id encoder)
{
        const struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;
        _cleanup_(swb_found_done) struct swb_found found = {0};
        _cleanup_(swb_closer_freep) struct swb_closer *closer = NULL;
        _cleanup_(swb_buf_done) struct swb_buf made = SWB_BUF_INIT(content->n_bytes);

        assert_int_equal(
                swb_recipe_find(content->data, content->n_bytes, SWB_FIND_NEW, &limits, &found),
                n_pieces);
        assert_int_equal(found.recipe.settings[0].packing, packing);
        assert_int_equal(found.recipe.settings[0].encoder, encoder);
        assert_int_equal(swb_closer_new(&found.recipe, UINT64_MAX, append, &made, &closer), 0);
        assert_int_equal(swb_closer_put(closer, found.opened.data, found.opened.n_bytes), 0);
        assert_int_equal(swb_closer_finish(closer), 0);
        assert_int_equal(made.n_bytes, content->n_bytes);
        assert_memory_equal(made.data, content->data, content->n_bytes);
}

/* As in pictures and many others, with all that their writers give zlib. */
static void test_zlib(void **state)
{
        (void)state;
        for (int level = 1; level <= 9; level++) {
                _cleanup_(swb_buf_done) struct swb_buf content = SWB_BUF_INIT((size_t)1 << 20);

                assert_int_equal(swb_buf_append(&content, "\x89PNG IDAT", 9), 0);
                add_deflated(&content, 15, level, 8 + level % 2, level % 3 == 0);
                assert_int_equal(swb_buf_append(&content, "IEND", 4), 0);
                check_opens(&content, 1, SWB_PACKING_ZLIB, SWB_ENCODER_ZLIB);
        }
}

static void test_zip(void **state)
{
        static const uint8_t head[30] = {'P', 'K', 3, 4, 20, 0, 0, 0, 8, [26] = 5};
        _cleanup_(swb_buf_done) struct swb_buf content = SWB_BUF_INIT((size_t)1 << 20);

        (void)state;
        for (int level = 6; level <= 9; level += 3) {
                assert_int_equal(swb_buf_append(&content, head, sizeof(head)), 0);
                assert_int_equal(swb_buf_append(&content, "a.txt", 5), 0);
                add_deflated(&content, -15, level, 8, 0);
        }
        check_opens(&content, 2, SWB_PACKING_DEFLATE, SWB_ENCODER_ZLIB);
}

/* As lz4(1) writes: two blocks that stand by themselves, one that is stored, the end, a checksum.
 */
static void test_lz4_frame(void **state)
{
        static const uint8_t head[7] = {0x04, 0x22, 0x4d, 0x18, 0x64, 0x50, 0};
        _cleanup_(swb_buf_done) struct swb_buf content = SWB_BUF_INIT((size_t)1 << 20);
        _cleanup_free_ uint8_t *text = calloc(1, TEXT_BYTES);
        char room[TEXT_BYTES];
        uint8_t size[4];

        (void)state;
        make_text(text);
        assert_int_equal(swb_buf_append(&content, head, sizeof(head)), 0);
        for (size_t i = 0; i < 2; i++) {
                int n = LZ4_compress_default((const char *)text + i * 1000, room, 60000,
                                             (int)sizeof(room));

                swb_put_le32(size, (uint32_t)n);
                assert_int_equal(swb_buf_append(&content, size, 4), 0);
                assert_int_equal(swb_buf_append(&content, room, (size_t)n), 0);
        }
        assert_int_equal(swb_buf_append(&content, "\x03\0\0\x80xyz\0\0\0\0sum.", 15), 0);
        check_opens(&content, 2, SWB_PACKING_LZ4, SWB_ENCODER_LZ4);
        content.n_bytes -= 2000; /* cut: the first block is still one */
        check_opens(&content, 1, SWB_PACKING_LZ4, SWB_ENCODER_LZ4);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_zlib),
                cmocka_unit_test(test_zip),
                cmocka_unit_test(test_lz4_frame),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
