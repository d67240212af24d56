/* SPDX-License-Identifier: Apache-2.0 */
#include <zlib.h>

#include "base/test.h"
#include "open/tokens.h"
#include "open/tokens_make.h"

#define N_BYTES ((size_t)300000)
#define ROOM_BYTES (2 * N_BYTES)

static uint32_t next_random(uint32_t *state)
{
        *state = *state * 1103515245u + 12345u;
        return *state >> 16;
}

/* Text, noise that is stored, zeros. */
static uint8_t *make_content(void)
{
        uint8_t *data = malloc(N_BYTES);
        uint32_t state = 11;

        assert_non_null(data);
        for (size_t i = 0; i < N_BYTES; i++) {
                size_t part = i / 60000;

                if (part == 2)
                        data[i] = (uint8_t)(next_random(&state) >> 3);
                else if (part == 3)
                        data[i] = i % 997 == 0 ? 'x' : 0;
                else if (i > 64 && next_random(&state) % 8)
                        data[i] = data[i - 1 - next_random(&state) % 64];
                else
                        data[i] = (uint8_t)("etaoin shrdlu\n"[next_random(&state) % 14]);
        }
        return data;
}

struct way {
        int level, strategy, flush; /* of zlib; flush: every 50,000 bytes */
};

static size_t deflate_content(const uint8_t *data, enum swb_packing packing, const struct way *way,
                              uint8_t *out)
{
        z_stream stream = {.next_out = out, .avail_out = ROOM_BYTES};
        int bits = packing == SWB_PACKING_ZLIB ? 15 : -15;

        assert_int_equal(deflateInit2(&stream, way->level, Z_DEFLATED, bits, 8, way->strategy),
                         Z_OK);
        for (size_t done = 0; done < N_BYTES; done += 50000) {
                stream.next_in = (z_const Bytef *)data + done;
                stream.avail_in = 50000;
                (void)deflate(&stream, done + 50000 == N_BYTES ? Z_FINISH : way->flush);
        }
        assert_int_equal(stream.avail_in, 0);
        deflateEnd(&stream);
        return (size_t)(stream.next_out - out);
}

static int append(void *context, const uint8_t *data, size_t n)
{
        return swb_buf_append(context, data, n);
}

/* With these corrections, so many bytes at once. */
static int encode(const struct swb_setting *setting, const uint8_t *data, size_t n_encoded,
                  const uint8_t *corrections, size_t n_corrections, size_t step,
                  struct swb_buf *ret)
{
        _cleanup_(swb_encoder_freep) struct swb_encoder *encoder = NULL;
        const struct swb_encoder_job job = {.setting = setting,
                                            .n_opened = N_BYTES,
                                            .n_encoded = n_encoded,
                                            .corrections = corrections,
                                            .n_corrections = n_corrections,
                                            .write = append,
                                            .context = ret};
        int r = swb_encoder_new(&job, &encoder);

        for (size_t done = 0; done < N_BYTES && r >= 0; done += step)
                r = swb_encoder_put(encoder, data + done, SWB_MIN(step, N_BYTES - done));
        return r < 0 ? r : swb_encoder_finish(encoder);
}

static const struct way ways[] = {
        {6, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
        {1, Z_DEFAULT_STRATEGY, Z_FULL_FLUSH},
        {9, Z_DEFAULT_STRATEGY, Z_SYNC_FLUSH},
        {0, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
        {6, Z_FIXED, Z_NO_FLUSH},
        {6, Z_RLE, Z_PARTIAL_FLUSH},
        {6, Z_HUFFMAN_ONLY, Z_NO_FLUSH},
        {4, Z_FILTERED, Z_NO_FLUSH},
};

/* All kinds of blocks; whatever the pieces in which the content comes. */
static void test_all_streams(void **state)
{
        static const size_t steps[] = {N_BYTES, 1000, 65536, 131072, 131073, 77777, 300, 32768};
        _cleanup_free_ uint8_t *data = make_content(), *out = malloc(ROOM_BYTES);

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(ways); i++) {
                enum swb_packing packing = i % 2 ? SWB_PACKING_ZLIB : SWB_PACKING_DEFLATE;
                size_t n = deflate_content(data, packing, &ways[i], out);
                _cleanup_(swb_buf_done) struct swb_buf corrections = SWB_BUF_INIT(N_BYTES);
                _cleanup_(swb_buf_done) struct swb_buf made = SWB_BUF_INIT(ROOM_BYTES);
                struct swb_setting setting;

                assert_int_equal(
                        swb_tokens_prove(packing, out, n, data, N_BYTES, &setting, &corrections),
                        SWB_PROVED);
                assert_true(corrections.n_bytes < n / 16);
                assert_int_equal(encode(&setting, data, n, corrections.data, corrections.n_bytes,
                                        steps[i], &made),
                                 0);
                assert_int_equal(made.n_bytes, n);
                assert_memory_equal(made.data, out, n);
        }
}

/* ---- a block that is longer than its codes wait for */

struct bits {
        uint8_t *data;
        size_t n;
};

static void put(struct bits *bits, unsigned value, unsigned n)
{
        for (unsigned i = 0; i < n; i++, bits->n++)
                bits->data[bits->n / 8] |= (uint8_t)((value >> i & 1) << bits->n % 8);
}

static void put_word(struct bits *bits, unsigned word, unsigned n)
{
        for (unsigned i = n; i-- > 0;)
                put(bits, word >> i & 1, 1);
}

/* One block of literals, whose words have 8 and 9 bits: those of symbols 254 to 257 are the longer
 * ones. In the third code 0 is 8 and 1 is 9. */
static size_t write_block(const uint8_t *data, size_t n, uint8_t *out)
{
        struct bits bits = {out, 0};

        put(&bits, 1 | SWB_DEFLATE_DYNAMIC << 1, 3);
        put(&bits, 1 | 3 << 10, 14); /* 258 lengths, 1 distance, 7 of 16, 17, 18, 0, 8, 7, 9 … */
        put(&bits, 1 << 12 | 1 << 18, 21);
        for (unsigned i = 0; i < 259; i++)
                put(&bits, i >= 254 && i < 258, 1);
        for (size_t i = 0; i <= n; i++) {
                unsigned symbol = i < n ? data[i] : SWB_DEFLATE_END;

                put_word(&bits, symbol < 254 ? symbol : symbol + 254, symbol < 254 ? 8 : 9);
        }
        return (bits.n + 7) / 8;
}

static void test_long_block(void **state)
{
        _cleanup_free_ uint8_t *data = make_content(), *out = calloc(1, ROOM_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf corrections = SWB_BUF_INIT(N_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf made = SWB_BUF_INIT(ROOM_BYTES);
        size_t n = write_block(data, N_BYTES, out);
        struct swb_setting setting;

        (void)state;
        assert_true(N_BYTES > SWB_TOKEN_CODES_AFTER);
        assert_int_equal(swb_tokens_prove(SWB_PACKING_DEFLATE, out, n, data, N_BYTES, &setting,
                                          &corrections),
                         SWB_PROVED);
        assert_int_equal(
                encode(&setting, data, n, corrections.data, corrections.n_bytes, 1000, &made), 0);
        assert_int_equal(made.n_bytes, n);
        assert_memory_equal(made.data, out, n);
}

/* Neither what is cut, nor what is not its content. */
static void test_what_is_not_opened(void **state)
{
        _cleanup_free_ uint8_t *data = make_content(), *out = malloc(ROOM_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf corrections = SWB_BUF_INIT(N_BYTES);
        size_t n = deflate_content(data, SWB_PACKING_DEFLATE, &ways[0], out);
        struct swb_setting setting;

        (void)state;
        assert_int_equal(swb_tokens_prove(SWB_PACKING_DEFLATE, out, n - 1, data, N_BYTES, &setting,
                                          &corrections),
                         SWB_NOT_PROVED);
        assert_int_equal(swb_tokens_prove(SWB_PACKING_DEFLATE, out, n, data, N_BYTES - 1, &setting,
                                          &corrections),
                         SWB_NOT_PROVED);
        assert_int_equal(corrections.n_bytes, 0);
}

/* Damaged corrections make something else, or nothing; never more than there may be. */
static void test_damage(void **state)
{
        _cleanup_free_ uint8_t *data = make_content(), *out = malloc(ROOM_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf c = SWB_BUF_INIT(N_BYTES);
        size_t n = deflate_content(data, SWB_PACKING_DEFLATE, &ways[2], out);
        struct swb_setting setting;

        (void)state;
        assert_int_equal(swb_tokens_prove(SWB_PACKING_DEFLATE, out, n, data, N_BYTES, &setting, &c),
                         SWB_PROVED);
        for (size_t i = 0; i < c.n_bytes; i += 1 + c.n_bytes / 40) {
                _cleanup_(swb_buf_done) struct swb_buf made = SWB_BUF_INIT(ROOM_BYTES);

                c.data[i] ^= 0x55;
                (void)encode(&setting, data, n, c.data, c.n_bytes, N_BYTES, &made);
                c.data[i] ^= 0x55;
                assert_true(made.n_bytes <= n);
                assert_true(made.n_bytes < n || memcmp(made.data, out, n) != 0);
        }
        for (size_t i = 0; i < c.n_bytes; i += 1 + c.n_bytes / 10) {
                _cleanup_(swb_buf_done) struct swb_buf made = SWB_BUF_INIT(ROOM_BYTES);

                assert_int_equal(encode(&setting, data, n, c.data, i, N_BYTES, &made), -EBADMSG);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_streams),
                cmocka_unit_test(test_long_block),
                cmocka_unit_test(test_what_is_not_opened),
                cmocka_unit_test(test_damage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
