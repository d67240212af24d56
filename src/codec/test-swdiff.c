/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/swdiff.h"

#include "base/endian.h"
#include "base/test.h"
#include "codec/swpatch.h"
#include "codec/test-memory.h"

/* Patches are put together by hand here, so that reader and writer do not agree by mistake. */
static const uint8_t source[] = "The quick brown fox";
#define N_SOURCE (sizeof(source) - 1)
#define N_TARGET 11

struct parts {
        const char *magic;
        uint8_t codecs[5];
        const char *bytes[5];
        size_t sizes[5];
};

/* "quick" -> "quiet", "!?", then back to "The " */
static const struct parts good = {
        .magic = "SWD1",
        .bytes = {"\0\5\4", "\0\2\0", "\x08\x11\0", "\0\0\0\x02\x09\0\0\0\0", "!?"},
        .sizes = {3, 3, 3, 9, 2},
};

static struct swb_buf build(const struct parts *parts)
{
        static const enum swb_codec codecs[] = {SWB_CODEC_NONE, SWB_CODEC_XZ, SWB_CODEC_ZSTD};
        struct swb_buf buf = SWB_BUF_INIT(1 << 16);
        uint8_t header[28] = {0};

        memcpy(header, parts->magic, 4);
        memcpy(header + 4, parts->codecs, 5);
        assert_int_equal(swb_buf_append(&buf, header, sizeof(header)), 0);
        for (size_t i = 0; i < 5; i++) {
                size_t begin = buf.n_bytes;
                enum swb_codec codec = codecs[parts->codecs[i] < 3 ? parts->codecs[i] : 0];

                assert_int_equal(swb_encode(codec, 0, parts->bytes[i], parts->sizes[i], &buf), 0);
                if (i < 4)
                        swb_put_le32(buf.data + 12 + 4 * i, (uint32_t)(buf.n_bytes - begin));
        }
        return buf;
}

static int apply(const struct swb_buf *patch, struct memory *memory)
{
        const struct swb_bspatch_io io = memory_io(memory);

        *memory = (struct memory){source, N_SOURCE, SWB_BUF_INIT(1 << 16)};
        return swb_swpatch(patch->data, patch->n_bytes, N_SOURCE, N_TARGET,
                           SWB_DECODER_MEMORY_BYTES, &io);
}

static void assert_good(const struct parts *parts)
{
        _cleanup_(swb_buf_done) struct swb_buf patch = build(parts);
        struct memory memory;

        assert_int_equal(apply(&patch, &memory), 0);
        assert_int_equal(memory.target.n_bytes, N_TARGET);
        assert_memory_equal(memory.target.data, "quiet!?The ", N_TARGET);
        swb_buf_done(&memory.target);
}

static void assert_bad(const struct parts *parts)
{
        _cleanup_(swb_buf_done) struct swb_buf patch = build(parts);
        struct memory memory;

        assert_int_equal(apply(&patch, &memory), -EBADMSG);
        swb_buf_done(&memory.target);
}

static void test_every_codec(void **state)
{
        struct parts parts = good;

        (void)state;
        for (unsigned first = 0; first < 3; first++) {
                for (unsigned k = 0; k < 5; k++)
                        parts.codecs[k] = (uint8_t)((first + k) % 3);
                assert_good(&parts);
        }
}

static void test_bad_headers(void **state)
{
        struct parts parts = good;
        struct swb_buf patch;
        struct memory memory;

        (void)state;
        parts.magic = "SWD0";
        assert_bad(&parts);
        for (size_t i = 0; i < 5; i++) {
                parts = good;
                parts.codecs[i] = 3;
                assert_bad(&parts);
        }
        patch = build(&good);
        for (size_t n = 0; n < patch.n_bytes; n++) {
                struct swb_buf cut = {.data = patch.data, .n_bytes = n};

                assert_int_equal(apply(&cut, &memory), -EBADMSG);
                swb_buf_done(&memory.target);
        }
        for (size_t at = 9; at < 12; at++) {
                patch.data[at] = 1;
                assert_int_equal(apply(&patch, &memory), -EBADMSG);
                swb_buf_done(&memory.target);
                patch.data[at] = 0;
        }
        swb_buf_done(&patch);
}

static void test_bad_entries(void **state)
{
        static const struct {
                size_t stream;
                const char *bytes;
                size_t n;
        } cases[] = {
                {0, "\0\5", 2},                                      /* an entry is missing */
                {0, "\0\5\4\0", 4},                                  /* one is left over */
                {1, "\0\2", 2},                                      /* the same of the others */
                {2, "\x08\x11\0\0", 4},                              /* */
                {0, "\0\5\5", 3},                                    /* beyond the target */
                {1, "\0\2\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11}, /* far beyond it */
                {0, "\0\5\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* 64 bits */
                {0, "\0\5\x84", 3},   /* a number without its end */
                {2, "\x07\x11\0", 3}, /* before the source */
                {2, "\x20\x11\0", 3}, /* behind it */
                {2, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f\0", 11}, /* far before it */
                {3, "\0\0\0\x02\x09\0\0\0", 8},                        /* differences too short */
                {3, "\0\0\0\x02\x09\0\0\0\0\0", 10},                   /* too long */
                {4, "!", 1},                                           /* new bytes too short */
                {4, "!?!", 3},                                         /* too long */
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++)
                for (uint8_t codec = 0; codec < 2; codec++) {
                        struct parts parts = good;

                        parts.bytes[cases[i].stream] = cases[i].bytes;
                        parts.sizes[cases[i].stream] = cases[i].n;
                        parts.codecs[cases[i].stream] = codec;
                        assert_bad(&parts);
                }
}

static void test_entries_that_do_nothing_are_counted(void **state)
{
        static const char zeros[64];
        struct parts parts = good;

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                parts.bytes[i] = zeros;
                parts.sizes[i] = sizeof(zeros);
        }
        assert_bad(&parts);
}

static uint32_t next_random(uint32_t *x)
{
        *x = *x * 1664525 + 1013904223;
        return *x >> 8;
}

static void fill(uint8_t *data, size_t n, uint32_t seed)
{
        for (size_t i = 0; i < n; i++)
                data[i] = (uint8_t)next_random(&seed);
}

/* Several contents, each with its own source, in one difference. */
static void test_many_contents(void **state)
{
        enum { N = 8, SIZE = 20000 };
        _cleanup_(swb_difference_done) struct swb_difference d = SWB_DIFFERENCE_INIT;
        _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT(N * SIZE);
        static uint8_t old[N * SIZE], new[N * SIZE];
        struct memory memory = {old, sizeof(old), SWB_BUF_INIT(sizeof(new))};
        const struct swb_bspatch_io io = memory_io(&memory);

        (void)state;
        fill(old, sizeof(old), 1);
        for (size_t i = 0; i < N; i++) { /* the sources in another order than the targets */
                const uint8_t *from = old + (N - 1 - i) * SIZE;

                memcpy(new + i *SIZE, from + 100, SIZE - 100);
                fill(new + i *SIZE + SIZE - 100, 100, (uint32_t)i);
                new[i * SIZE + 5000]++;
                assert_int_equal(
                        swb_difference_add(&d, from, SIZE, (N - 1 - i) * SIZE, new + i *SIZE, SIZE),
                        0);
        }
        assert_int_equal(d.n_target, sizeof(new));
        assert_int_equal(swb_swdiff_write(&d, true, &patch), 0);
        assert_true(patch.n_bytes < 1500);
        assert_int_equal(swb_swpatch(patch.data, patch.n_bytes, sizeof(old), sizeof(new),
                                     SWB_DECODER_MEMORY_BYTES, &io),
                         0);
        assert_memory_equal(memory.target.data, new, sizeof(new));
        swb_buf_done(&memory.target);
}

static void round_trip(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new)
{
        _cleanup_(swb_difference_done) struct swb_difference d = SWB_DIFFERENCE_INIT;
        _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT((size_t)16 << 20);
        struct memory memory = {old, n_old, SWB_BUF_INIT((size_t)16 << 20)};
        const struct swb_bspatch_io io = memory_io(&memory);

        assert_int_equal(swb_difference_add(&d, old, n_old, 0, new, n_new), 0);
        assert_int_equal(swb_swdiff_write(&d, true, &patch), 0);
        assert_int_equal(
                swb_swpatch(patch.data, patch.n_bytes, n_old, n_new, SWB_DECODER_MEMORY_BYTES, &io),
                0);
        assert_int_equal(memory.target.n_bytes, n_new);
        if (n_new > 0)
                assert_memory_equal(memory.target.data, new, n_new);
        swb_buf_done(&memory.target);
}

static void test_round_trips(void **state)
{
        static uint8_t noise[200000], long_noise[4 << 20];

        (void)state;
        fill(noise, sizeof(noise), 2);
        round_trip(noise, 0, noise, 0);
        round_trip(noise, 0, noise, 1000);
        round_trip(noise, 1000, noise, 0);
        round_trip(noise, 1, noise, 1);
        round_trip(noise, sizeof(noise), noise, sizeof(noise));
        round_trip(noise, 100000, noise + 50000, 150000);
        /* a stream of more than the dictionary */
        fill(long_noise, sizeof(long_noise), 3);
        round_trip(long_noise, sizeof(long_noise), long_noise, sizeof(long_noise));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_codec),
                cmocka_unit_test(test_bad_headers),
                cmocka_unit_test(test_bad_entries),
                cmocka_unit_test(test_entries_that_do_nothing_are_counted),
                cmocka_unit_test(test_many_contents),
                cmocka_unit_test(test_round_trips),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
