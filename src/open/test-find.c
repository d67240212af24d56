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

/* What a setting makes of the text, and behind it half a block of noise that does not pack. */
static void add_packed(struct swb_buf *buf, const struct swb_setting *setting)
{
        const size_t n = TEXT_BYTES * 4;
        _cleanup_free_ uint8_t *text = calloc(1, n);
        uint32_t state = 9;
        size_t before = buf->n_bytes;
        const struct swb_encoder_job job = {.setting = setting,
                                            .n_opened = n,
                                            .n_encoded = 2 * n,
                                            .write = append,
                                            .context = buf};
        _cleanup_(swb_encoder_freep) struct swb_encoder *encoder = NULL;

        make_text(text);
        for (size_t i = TEXT_BYTES * 2; i < n; i++) {
                state = state * 1664525u + 1013904223u;
                text[i] = (uint8_t)(state >> 24);
        }
        assert_int_equal(swb_encoder_new(&job, &encoder), 0);
        assert_int_equal(swb_encoder_put(encoder, text, 1000), 0);
        assert_int_equal(swb_encoder_put(encoder, text + 1000, n - 1000), 0);
        assert_int_equal(swb_encoder_finish(encoder), -EBADMSG); /* its length was not known */
        assert_true(buf->n_bytes - before > n / 2);
}

static void test_other_packers(void **state)
{
        static const uint8_t lzop[] = {0x89, 'L',  'Z', 'O',  0, '\r', '\n', 0x1a, '\n', 0x10, 0x40,
                                       0x20, 0xa0, 9,   0x40, 3, 9,    3,    0,    0,    1};
        static const uint8_t lzop_rest[12 + 1 + 1 + 4] = {[12] = 1, 'x'};
        static const struct swb_setting settings[] = {
                {SWB_PACKING_BZIP2, SWB_ENCODER_BZIP2, {1}},
                {SWB_PACKING_BZIP2, SWB_ENCODER_BZIP2, {9}},
                {SWB_PACKING_LZMA, SWB_ENCODER_LZMA, {9, 1 << 16}},
                {SWB_PACKING_LZMA, SWB_ENCODER_LZMA, {6, 3 << 15}},
                {SWB_PACKING_XZ, SWB_ENCODER_XZ, {6, 1 << 16, 1, 0, 150000}},
                {SWB_PACKING_XZ, SWB_ENCODER_XZ, {6, 1 << 16, 4, 4, 1 << 20}},
                {SWB_PACKING_LZOP, SWB_ENCODER_LZO, {0}},
                {SWB_PACKING_LZOP, SWB_ENCODER_LZO, {3}},
                {SWB_PACKING_LZOP, SWB_ENCODER_LZO_999, {7}},
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(settings); i++) {
                _cleanup_(swb_buf_done) struct swb_buf content = SWB_BUF_INIT((size_t)1 << 20);

                if (!swb_encoder_is_present(&settings[i]))
                        continue;
                assert_int_equal(swb_buf_append(&content, "BZh]\0\0\0", 7), 0);
                if (settings[i].packing == SWB_PACKING_LZOP) {
                        assert_int_equal(swb_buf_append(&content, lzop, sizeof(lzop)), 0);
                        assert_int_equal(swb_buf_append(&content, lzop_rest, sizeof(lzop_rest)), 0);
                }
                add_packed(&content, &settings[i]);
                assert_int_equal(swb_buf_append(&content, "size", 4), 0);
                check_opens(&content, 1, settings[i].packing, settings[i].encoder);
        }
}

/* In bytes: as many steps as there can be. Damaged: an answer. Return: as swb_unpacker_step(). */
static int unpack_in_bytes(enum swb_packing packing, const struct swb_buf *packed, uint8_t *out,
                           size_t *n_out)
{
        _cleanup_(swb_unpacker_freep) struct swb_unpacker *unpacker = NULL;
        const uint8_t *in = packed->data;
        size_t left = packed->n_bytes, n_room = *n_out;
        int r = swb_unpacker_new(packing, SWB_UNPACK_MEMORY_BYTES, &unpacker);

        while (r == SWB_UNPACK_MORE) {
                size_t n_in = SWB_MIN(left, (size_t)1), n = SWB_MIN(n_room, (size_t)1);
                size_t had_in = n_in, had = n;

                r = swb_unpacker_step(unpacker, &in, &n_in, &out, &n);
                left -= had_in - n_in;
                n_room -= had - n;
                if (r == SWB_UNPACK_MORE && had_in == n_in && had == n)
                        return -EBADMSG;
        }
        *n_out -= n_room;
        return r;
}

static void test_unpacking_in_bytes(void **state)
{
        static const struct swb_setting settings[] = {
                {SWB_PACKING_BZIP2, SWB_ENCODER_BZIP2, {1}},
                {SWB_PACKING_LZMA, SWB_ENCODER_LZMA, {0, 1 << 16}},
                {SWB_PACKING_LZOP, SWB_ENCODER_LZO, {0}},
        };
        _cleanup_free_ uint8_t *out = malloc(TEXT_BYTES * 4 + 1);

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(settings); i++) {
                enum swb_packing packing = settings[i].packing;
                _cleanup_(swb_buf_done) struct swb_buf packed = SWB_BUF_INIT((size_t)1 << 20);
                size_t n = TEXT_BYTES * 4 + 1;
                uint8_t first = 0;

                if (!swb_encoder_is_present(&settings[i]))
                        continue;
                add_packed(&packed, &settings[i]);
                assert_int_equal(unpack_in_bytes(packing, &packed, out, &n), SWB_UNPACK_END);
                assert_int_equal(n, TEXT_BYTES * 4);
                packed.n_bytes--;
                assert_int_equal(unpack_in_bytes(packing, &packed, out, &n), -EBADMSG);
                for (size_t at = 0; at < packed.n_bytes; at += packed.n_bytes / 2) {
                        first = packed.data[at];
                        packed.data[at] ^= 0x55;
                        n = TEXT_BYTES * 4 + 1;
                        assert_true(unpack_in_bytes(packing, &packed, out, &n) != SWB_UNPACK_END ||
                                    packing == SWB_PACKING_LZMA);
                        packed.data[at] = first;
                }
        }
}

/* What is damaged, or one byte short, is no block of LZO. */
static void test_lzo_block(void **state)
{
        static const struct swb_setting setting = {SWB_PACKING_LZO, SWB_ENCODER_LZO_999, {9}};
        _cleanup_(swb_buf_done) struct swb_buf packed = SWB_BUF_INIT((size_t)1 << 20);
        _cleanup_free_ uint8_t *out = malloc(TEXT_BYTES * 4);

        (void)state;
        if (!swb_encoder_is_present(&setting))
                return;
        add_packed(&packed, &setting);
        assert_int_equal(
                swb_unpack_whole(SWB_PACKING_LZO, packed.data, packed.n_bytes, out, TEXT_BYTES * 4),
                0);
        assert_int_equal(swb_unpack_whole(SWB_PACKING_LZO, packed.data, packed.n_bytes - 1, out,
                                          TEXT_BYTES * 4),
                         -EBADMSG);
        assert_int_equal(swb_unpack_whole(SWB_PACKING_LZO, packed.data, packed.n_bytes, out,
                                          TEXT_BYTES * 4 - 1),
                         -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_zlib),
                cmocka_unit_test(test_zip),
                cmocka_unit_test(test_lz4_frame),
                cmocka_unit_test(test_other_packers),
                cmocka_unit_test(test_unpacking_in_bytes),
                cmocka_unit_test(test_lzo_block),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
