/* SPDX-License-Identifier: Apache-2.0 */
#include <zlib.h>

#include "base/test.h"
#include "open/encoder.h"

#define N_BYTES ((size_t)400000)
#define FNV_START 0xcbf29ce484222325u

static uint32_t next_random(uint32_t *state)
{
        *state = *state * 1103515245u + 12345u;
        return *state >> 16;
}

/* Text, noise that is stored, zeros, text again: all kinds of blocks, and a window that moves. */
static uint8_t *make_content(void)
{
        uint8_t *data = malloc(N_BYTES);
        uint32_t state = 7;

        assert_non_null(data);
        for (size_t i = 0; i < N_BYTES; i++) {
                size_t part = i / 100000;

                if (part == 1)
                        data[i] = (uint8_t)(next_random(&state) >> 3);
                else if (part == 2)
                        data[i] = i % 997 == 0 ? 'x' : 0;
                else if (i > 64 && next_random(&state) % 8)
                        data[i] = data[i - 1 - next_random(&state) % 64];
                else
                        data[i] = (uint8_t)("etaoin shrdlu\n"[next_random(&state) % 14]);
        }
        return data;
}

struct output {
        struct swb_buf buf;
};

static int keep(void *context, const uint8_t *data, size_t n)
{
        struct output *output = context;

        return swb_buf_append(&output->buf, data, n);
}

static void encode_with(const struct swb_setting *setting, const uint8_t *data, size_t n,
                        size_t step, struct output *ret)
{
        const struct swb_encoder_job job = {.setting = setting,
                                            .n_opened = n,
                                            .n_encoded = N_BYTES * 2,
                                            .write = keep,
                                            .context = ret};
        _cleanup_(swb_encoder_freep) struct swb_encoder *encoder = NULL;

        ret->buf = SWB_BUF_INIT(N_BYTES * 2);
        assert_int_equal(swb_encoder_new(&job, &encoder), 0);
        for (size_t done = 0; done < n; done += step)
                assert_int_equal(swb_encoder_put(encoder, data + done, SWB_MIN(step, n - done)), 0);
        assert_int_equal(swb_encoder_finish(encoder), -EBADMSG); /* shorter than promised */
}

static void encode(const uint8_t *data, size_t n, uint32_t level, size_t step, struct output *ret)
{
        const struct swb_setting setting = {SWB_PACKING_DEFLATE, SWB_ENCODER_GZIP, {level}};

        encode_with(&setting, data, n, step, ret);
}

static uint64_t sum_of(const struct swb_buf *buf)
{
        uint64_t sum = FNV_START;

        for (size_t i = 0; i < buf->n_bytes; i++)
                sum = (sum ^ buf->data[i]) * 0x100000001b3u;
        return sum;
}

static void assert_inflates(const struct swb_buf *buf, const uint8_t *data, size_t n)
{
        _cleanup_free_ uint8_t *out = malloc(N_BYTES);
        z_stream stream = {.next_in = buf->data,
                           .avail_in = (unsigned)buf->n_bytes,
                           .next_out = out,
                           .avail_out = N_BYTES};

        assert_int_equal(inflateInit2(&stream, -15), Z_OK);
        assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
        assert_int_equal(stream.total_out, n);
        assert_memory_equal(out, data, n);
        inflateEnd(&stream);
}

/* What gzip 1.12 makes of this content, without its head and tail. */
static void test_as_gzip_does(void **state)
{
        static const uint64_t sums[10] = {
                0,
                0x6aef5feafe924500,
                0xbd1096c8444bdfbe,
                0xc2588d49f50a4613,
                0x2f43158bedaa969e,
                0xc11ebdd3bd99aa2e,
                0x64dbfef162562458,
                0xb0c05ea708376c27,
                0xe24531ef9176e832,
                0xe24531ef9176e832,
        };
        _cleanup_free_ uint8_t *data = make_content();

        (void)state;
        for (uint32_t level = 1; level <= 9; level++) {
                struct output output;

                encode(data, N_BYTES, level, N_BYTES, &output);
                assert_inflates(&output.buf, data, N_BYTES);
                assert_int_equal(sum_of(&output.buf), sums[level]);
                swb_buf_done(&output.buf);
        }
}

/* What pigz 2.6 makes of it. */
static void test_as_pigz_does(void **state)
{
        static const struct {
                uint32_t parameters[3];
                uint64_t sum;
        } cases[] = {
                {{1, 128, 0}, 0x44e1430be0becabb}, {{6, 128, 0}, 0x2baf1a0ef6dfff9d},
                {{9, 128, 0}, 0x28252d9052dafd9d}, {{6, 128, 1}, 0x8a83209a7d6e3fcd},
                {{6, 32, 0}, 0x508ff30348ace32a},
        };
        static const size_t steps[] = {1000, 32768, 131072, 131073, N_BYTES};
        _cleanup_free_ uint8_t *data = make_content();

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                const uint32_t *p = cases[i].parameters;
                const struct swb_setting setting = {
                        SWB_PACKING_DEFLATE, SWB_ENCODER_PIGZ, {p[0], p[1], p[2]}};
                struct output output;

                encode_with(&setting, data, N_BYTES, steps[i], &output);
                assert_inflates(&output.buf, data, N_BYTES);
                assert_int_equal(sum_of(&output.buf), cases[i].sum);
                swb_buf_done(&output.buf);
        }
}

static void test_pieces_do_not_matter(void **state)
{
        static const size_t steps[] = {1, 261, 262, 263, 32768, 65274, 65275, 65536};
        _cleanup_free_ uint8_t *data = make_content();
        struct output whole, parts;

        (void)state;
        encode(data, N_BYTES, 6, N_BYTES, &whole);
        for (size_t i = 0; i < SWB_ELEMENTS(steps); i++) {
                encode(data, N_BYTES, 6, steps[i], &parts);
                assert_int_equal(parts.buf.n_bytes, whole.buf.n_bytes);
                assert_memory_equal(parts.buf.data, whole.buf.data, whole.buf.n_bytes);
                swb_buf_done(&parts.buf);
        }
        swb_buf_done(&whole.buf);
}

/* The end of the content near the end of the window. */
static void test_all_lengths(void **state)
{
        static const size_t around[] = {1, 262, 32768, 65274, 65536, 98304, 130810};
        _cleanup_free_ uint8_t *data = make_content();

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(around); i++)
                for (size_t n = around[i] > 3 ? around[i] - 3 : 1; n <= around[i] + 3; n++) {
                        struct output output;

                        encode(data, n, i % 2 ? 9 : 2, n, &output);
                        assert_inflates(&output.buf, data, n);
                        swb_buf_done(&output.buf);
                }
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_as_gzip_does),
                cmocka_unit_test(test_as_pigz_does),
                cmocka_unit_test(test_pieces_do_not_matter),
                cmocka_unit_test(test_all_lengths),
        };

        (void)argv;
        /* For whoever wants to see what gzip makes of it: with an argument, the content. */
        if (argc > 1) {
                _cleanup_free_ uint8_t *data = make_content();

                return fwrite(data, 1, N_BYTES, stdout) == N_BYTES ? 0 : 1;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
