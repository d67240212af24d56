/* SPDX-License-Identifier: Apache-2.0 */
#include <brotli/encode.h>
#include <bzlib.h>
#include <lzma.h>
#include <zstd.h>

#include "base/test.h"
#include "codec/codec.h"

#define SAMPLE_BYTES 70000

static const enum swb_codec all[] = {SWB_CODEC_NONE, SWB_CODEC_BZ2,    SWB_CODEC_XZ,
                                     SWB_CODEC_ZSTD, SWB_CODEC_BROTLI, SWB_CODEC_MIXED};

static uint8_t sample[SAMPLE_BYTES], room[SAMPLE_BYTES + 1];

/* Half text-like, half noise. */
static int make_sample(void **state)
{
        uint32_t x = 1;

        (void)state;
        for (size_t i = 0; i < sizeof(sample); i++) {
                x = x * 1664525 + 1013904223;
                sample[i] = i % 2000 < 1000 ? (uint8_t)("switchback"[i % 10]) : (uint8_t)(x >> 24);
        }
        return 0;
}

static struct swb_buf encoded(enum swb_codec codec, size_t n)
{
        struct swb_buf buf = SWB_BUF_INIT(1 << 20);

        assert_int_equal(swb_encode(codec, 0, sample, n, &buf), 0);
        return buf;
}

static int decode(enum swb_codec codec, const void *in, size_t n_in, size_t n_out)
{
        return swb_decode(codec, SWB_DECODER_MEMORY_BYTES, in, n_in, room, n_out);
}

static void test_whole(void **state)
{
        static const size_t sizes[] = {0, 1, 4096, SAMPLE_BYTES};

        (void)state;
        for (size_t c = 0; c < SWB_ELEMENTS(all); c++)
                for (size_t i = 0; i < SWB_ELEMENTS(sizes); i++) {
                        _cleanup_(swb_buf_done) struct swb_buf buf = encoded(all[c], sizes[i]);

                        memset(room, 0, sizeof(room));
                        assert_int_equal(decode(all[c], buf.data, buf.n_bytes, sizes[i]), 0);
                        assert_memory_equal(room, sample, sizes[i]);
                        /* one too many wanted, one too few, one behind the end, the last one gone
                         */
                        assert_int_equal(decode(all[c], buf.data, buf.n_bytes, sizes[i] + 1),
                                         -EBADMSG);
                        assert_int_equal(swb_buf_append(&buf, "x", 1), 0);
                        assert_int_equal(decode(all[c], buf.data, buf.n_bytes, sizes[i]), -EBADMSG);
                        if (sizes[i] == 0)
                                continue;
                        buf.n_bytes--;
                        assert_int_equal(decode(all[c], buf.data, buf.n_bytes, sizes[i] - 1),
                                         -EBADMSG);
                        buf.n_bytes--;
                        assert_int_equal(decode(all[c], buf.data, buf.n_bytes, sizes[i]), -EBADMSG);
                }
}

/* Feeds and takes at most so many bytes a step. */
static void decode_in_steps(enum swb_codec codec, const struct swb_buf *buf, size_t step_in,
                            size_t step_out)
{
        _cleanup_(swb_decoder_freep) struct swb_decoder *decoder = NULL;
        const uint8_t *in = buf->data, *const end = buf->data + buf->n_bytes;
        uint8_t *out = room;
        int r = SWB_DECODER_MORE;

        assert_int_equal(swb_decoder_new(codec, SWB_DECODER_MEMORY_BYTES, &decoder), 0);
        while (r == SWB_DECODER_MORE) {
                size_t n_in = SWB_MIN(step_in, (size_t)(end - in));
                size_t n_out = SWB_MIN(step_out, (size_t)(room + sizeof(room) - out));

                if (codec == SWB_CODEC_NONE && n_in == 0)
                        break;
                r = swb_decoder_step(decoder, &in, &n_in, &out, &n_out);
        }
        assert_int_equal(r, codec == SWB_CODEC_NONE ? SWB_DECODER_MORE : SWB_DECODER_END);
        assert_ptr_equal(in, end);
        assert_ptr_equal(out, room + SAMPLE_BYTES);
        assert_memory_equal(room, sample, SAMPLE_BYTES);
}

static void test_steps(void **state)
{
        (void)state;
        for (size_t c = 0; c < SWB_ELEMENTS(all); c++) {
                _cleanup_(swb_buf_done) struct swb_buf buf = encoded(all[c], SAMPLE_BYTES);

                decode_in_steps(all[c], &buf, 1, 4096);
                decode_in_steps(all[c], &buf, 4096, 1);
                decode_in_steps(all[c], &buf, 997, 1009);
        }
}

static void test_sticky(void **state)
{
        _cleanup_(swb_decoder_freep) struct swb_decoder *decoder = NULL;
        const uint8_t *in = (const uint8_t *)"rubbish, more rubbish";
        size_t n_in = 21, n_out = 10;
        uint8_t *out = room;

        (void)state;
        assert_int_equal(swb_decoder_new(SWB_CODEC_BZ2, SWB_DECODER_MEMORY_BYTES, &decoder), 0);
        assert_int_equal(swb_decoder_step(decoder, &in, &n_in, &out, &n_out), -EBADMSG);
        assert_int_equal(swb_decoder_step(decoder, &in, &n_in, &out, &n_out), -EBADMSG);
}

/* After a whole stream, after a part of one, after an error: as a new one. */
static void test_reset(void **state)
{
        (void)state;
        for (size_t c = 0; c < SWB_ELEMENTS(all); c++) {
                _cleanup_(swb_buf_done) struct swb_buf buf = encoded(all[c], SAMPLE_BYTES);
                _cleanup_(swb_decoder_freep) struct swb_decoder *decoder = NULL;
                static const size_t parts[] = {0, 3, 100, SIZE_MAX};

                assert_int_equal(swb_decoder_new(all[c], SWB_DECODER_MEMORY_BYTES, &decoder), 0);
                for (size_t i = 0; i < SWB_ELEMENTS(parts); i++) {
                        const uint8_t *in = i == 2 ? (const uint8_t *)"rubbish!" : buf.data;
                        size_t n_in = i == 2 ? 8 : SWB_MIN(parts[i], buf.n_bytes);
                        size_t n_out = sizeof(room);
                        uint8_t *out = room;
                        int r;

                        assert_int_equal(swb_decoder_reset(decoder), 0);
                        r = swb_decoder_step(decoder, &in, &n_in, &out, &n_out);
                        assert_true(r >= 0 || i == 2);
                        if (parts[i] == SIZE_MAX) {
                                assert_int_equal(sizeof(room) - n_out, SAMPLE_BYTES);
                                assert_memory_equal(room, sample, SAMPLE_BYTES);
                        }
                }
        }
}

/* Whatever a flipped bit does, the answer is an error or as many bytes as were wanted. */
static void test_flipped(void **state)
{
        (void)state;
        for (size_t c = 1; c < SWB_ELEMENTS(all); c++) {
                const size_t n =
                        all[c] == SWB_CODEC_MIXED ? 1200 : 3000; /* bit by bit, it takes long */
                _cleanup_(swb_buf_done) struct swb_buf buf = encoded(all[c], n);

                for (size_t i = 0; i < buf.n_bytes; i++) {
                        buf.data[i] ^= (uint8_t)(1 << i % 8);
                        assert_true(decode(all[c], buf.data, buf.n_bytes, n) <= 0);
                        buf.data[i] ^= (uint8_t)(1 << i % 8);
                }
        }
}

static int decode_bounded(enum swb_codec codec, size_t max_memory_bytes, const void *in,
                          size_t n_in, size_t n_out)
{
        _cleanup_free_ uint8_t *out = malloc(n_out);

        assert_non_null(out);
        return swb_decode(codec, max_memory_bytes, in, n_in, out, n_out);
}

static void test_memory_bound(void **state)
{
        static const size_t n = (size_t)5 << 20;
        _cleanup_free_ uint8_t *big = malloc(n), *out = malloc(n);
        lzma_options_lzma options;
        lzma_filter filters[] = {{.id = LZMA_FILTER_LZMA2, .options = &options},
                                 {.id = LZMA_VLI_UNKNOWN}};
        unsigned n_bz2 = (unsigned)n;
        size_t n_out;

        (void)state;
        assert_true(big && out);
        assert_int_equal(
                BZ2_bzBuffToBuffCompress((char *)out, &n_bz2, (char *)sample, 1000, 9, 0, 0),
                BZ_OK);
        assert_int_equal(decode_bounded(SWB_CODEC_BZ2, 2 << 20, out, n_bz2, 1000), -E2BIG);
        assert_int_equal(decode_bounded(SWB_CODEC_BZ2, 4 << 20, out, n_bz2, 1000), 0);

        assert_false(lzma_lzma_preset(&options, 7)); /* dictionary of 16 MiB */
        n_out = 0;
        assert_int_equal(lzma_stream_buffer_encode(filters, LZMA_CHECK_NONE, NULL, sample, 1000,
                                                   out, &n_out, n),
                         LZMA_OK);
        assert_int_equal(decode_bounded(SWB_CODEC_XZ, SWB_DECODER_MEMORY_BYTES, out, n_out, 1000),
                         -E2BIG);
        assert_int_equal(decode_bounded(SWB_CODEC_XZ, 17 << 20, out, n_out, 1000), 0);

        n_out = n;
        for (size_t i = 0; i < n; i++)
                big[i] = (uint8_t)(i * i >> 7); /* not so regular that it needs no window */
        assert_true(BrotliEncoderCompress(1, 24, BROTLI_MODE_GENERIC, n, big, &n_out, out));
        assert_int_equal(decode_bounded(SWB_CODEC_BROTLI, 4 << 20, out, n_out, n), -E2BIG);
        assert_int_equal(decode_bounded(SWB_CODEC_BROTLI, 20 << 20, out, n_out, n), 0);
}

static size_t zstd_frame(int window_log, int with_content_size, const uint8_t *in, size_t n_in,
                         uint8_t *out, size_t n_out)
{
        ZSTD_CCtx *ctx = ZSTD_createCCtx();
        size_t n;

        (void)ZSTD_CCtx_setParameter(ctx, ZSTD_c_windowLog, window_log);
        (void)ZSTD_CCtx_setParameter(ctx, ZSTD_c_contentSizeFlag, with_content_size);
        n = ZSTD_compress2(ctx, out, n_out, in, n_in);
        (void)ZSTD_freeCCtx(ctx);
        assert_false(ZSTD_isError(n));
        return n;
}

/* docs/spec/payload.md PF-43, the same answer for a whole frame and for single bytes. */
static void test_zstd_profile(void **state)
{
        static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 'x'};
        static const size_t n = (size_t)9 << 20;
        _cleanup_free_ uint8_t *big = calloc(1, n), *out = malloc(n);
        size_t n_out;

        (void)state;
        assert_true(big && out);
        n_out = zstd_frame(24, 1, big, n, out, n); /* a single segment of 9 MiB */
        assert_int_equal(decode_bounded(SWB_CODEC_ZSTD, 32 << 20, out, n_out, n), -E2BIG);
        n_out = zstd_frame(23, 1, big, n, out, n);
        assert_int_equal(decode_bounded(SWB_CODEC_ZSTD, 32 << 20, out, n_out, n), 0);
        assert_int_equal(decode_bounded(SWB_CODEC_ZSTD, 9 << 20, out, n_out, n), 0);
        assert_int_equal(decode_bounded(SWB_CODEC_ZSTD, 8 << 20, out, n_out, n), -E2BIG);
        n_out = zstd_frame(20, 0, big, 4096, out, n);
        assert_int_equal(decode_bounded(SWB_CODEC_ZSTD, 32 << 20, out, n_out, 4096), -EBADMSG);
        for (size_t size = 1; size < 70000; size = size * 3 + 1) {
                n_out = zstd_frame(20, 1, sample, size, out, n);
                assert_int_equal(decode(SWB_CODEC_ZSTD, out, n_out, size), 0);
        }
        assert_int_equal(decode(SWB_CODEC_ZSTD, skippable, sizeof(skippable), 0), -EBADMSG);
}

static void test_xz_check(void **state)
{
        static const struct {
                lzma_check check;
                int want;
        } cases[] = {{LZMA_CHECK_NONE, 0},
                     {LZMA_CHECK_CRC32, 0},
                     {LZMA_CHECK_CRC64, -EBADMSG},
                     {LZMA_CHECK_SHA256, -EBADMSG}};
        uint8_t out[2048];
        size_t n_out;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                n_out = 0;
                assert_int_equal(lzma_easy_buffer_encode(6, cases[i].check, NULL, sample, 1000, out,
                                                         &n_out, sizeof(out)),
                                 LZMA_OK);
                assert_int_equal(decode(SWB_CODEC_XZ, out, n_out, 1000), cases[i].want);
        }
}

static void test_encoder(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf one = SWB_BUF_INIT(1 << 20), two = SWB_BUF_INIT(100);

        (void)state;
        for (size_t c = 0; c < SWB_ELEMENTS(all); c++) {
                _cleanup_(swb_buf_done) struct swb_buf again = encoded(all[c], SAMPLE_BYTES);

                one.n_bytes = 0;
                assert_int_equal(swb_encode(all[c], 0, sample, SAMPLE_BYTES, &one), 0);
                assert_int_equal(one.n_bytes, again.n_bytes);
                assert_memory_equal(one.data, again.data, one.n_bytes);
                assert_true(all[c] == SWB_CODEC_NONE || one.n_bytes < SAMPLE_BYTES * 3 / 5);
                assert_int_equal(swb_encode(all[c], 0, sample, SAMPLE_BYTES, &two), -E2BIG);
                assert_int_equal(two.n_bytes, 0);
        }
        assert_int_equal(swb_encode(SWB_CODEC_BZ2, 10, sample, 10, &one), -EINVAL);
        assert_int_equal(swb_encode(SWB_CODEC_XZ, -1, sample, 10, &one), -EINVAL);
        assert_string_equal(swb_codec_to_string(SWB_CODEC_BROTLI), "brotli");
        assert_string_equal(swb_codec_to_string(_SWB_CODEC_MAX), "invalid");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole),        cmocka_unit_test(test_steps),
                cmocka_unit_test(test_sticky),       cmocka_unit_test(test_reset),
                cmocka_unit_test(test_flipped),      cmocka_unit_test(test_memory_bound),
                cmocka_unit_test(test_zstd_profile), cmocka_unit_test(test_xz_check),
                cmocka_unit_test(test_encoder),
        };

        return cmocka_run_group_tests(tests, make_sample, NULL);
}
