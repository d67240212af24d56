/* SPDX-License-Identifier: Apache-2.0 */
/* Patches are put together by hand here, so that reader and writer do not agree by mistake. */
#include "codec/bspatch.h"

#include "base/endian.h"
#include "base/test.h"

static const uint8_t source[] = "The quick brown fox";
#define N_SOURCE (sizeof(source) - 1)

struct io_state {
        uint8_t target[4096];
        size_t n_target;
        int fail_read, fail_write;
};

static int read_source(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct io_state *s = context;

        assert_true(offset <= N_SOURCE && n <= N_SOURCE - offset);
        memcpy(data, source + offset, n);
        return s->fail_read;
}

static int write_target(void *context, const uint8_t *data, size_t n)
{
        struct io_state *s = context;

        assert_true(n <= sizeof(s->target) - s->n_target);
        memcpy(s->target + s->n_target, data, n);
        s->n_target += n;
        return s->fail_write;
}

struct parts {
        const char *magic; /* 8 bytes */
        enum swb_codec codecs[3];
        int64_t control[12];
        size_t n_control;
        const char *diff, *extra;
        size_t n_diff, n_extra;
        int64_t n_target;
};

static void put_offset(uint8_t *p, int64_t value)
{
        swb_put_le64(p, value < 0 ? (uint64_t)1 << 63 | (uint64_t)-value : (uint64_t)value);
}

static struct swb_buf build(const struct parts *parts)
{
        struct swb_buf buf = SWB_BUF_INIT(1 << 16);
        uint8_t header[32], control[8 * SWB_ELEMENTS(parts->control)];
        size_t ends[2];

        for (size_t i = 0; i < parts->n_control; i++)
                put_offset(control + 8 * i, parts->control[i]);
        memset(header, 0, sizeof(header));
        assert_int_equal(swb_buf_append(&buf, header, sizeof(header)), 0);
        assert_int_equal(swb_encode(parts->codecs[0], 0, control, 8 * parts->n_control, &buf), 0);
        ends[0] = buf.n_bytes;
        assert_int_equal(swb_encode(parts->codecs[1], 0, parts->diff, parts->n_diff, &buf), 0);
        ends[1] = buf.n_bytes;
        assert_int_equal(swb_encode(parts->codecs[2], 0, parts->extra, parts->n_extra, &buf), 0);
        memcpy(buf.data, parts->magic, 8);
        put_offset(buf.data + 8, (int64_t)(ends[0] - 32));
        put_offset(buf.data + 16, (int64_t)(ends[1] - ends[0]));
        put_offset(buf.data + 24, parts->n_target);
        return buf;
}

static int apply(const struct parts *parts, struct io_state *s)
{
        _cleanup_(swb_buf_done) struct swb_buf patch = build(parts);
        const struct swb_bspatch_io io = {s, read_source, write_target};

        return swb_bspatch(patch.data, patch.n_bytes, N_SOURCE, (uint64_t)parts->n_target,
                           SWB_DECODER_MEMORY_BYTES, &io);
}

/* "quick" -> "quiet", "!?", then back to "The " */
static const struct parts good = {
        .magic = "BSDIFF40",
        .codecs = {SWB_CODEC_BZ2, SWB_CODEC_BZ2, SWB_CODEC_BZ2},
        .control = {0, 0, 4, 5, 2, -9, 4, 0, 99},
        .n_control = 9,
        .diff = "\0\0\0\x02\x09\0\0\0\0",
        .n_diff = 9,
        .extra = "!?",
        .n_extra = 2,
        .n_target = 11,
};

static void assert_good(const struct parts *parts)
{
        struct io_state s = {0};

        assert_int_equal(apply(parts, &s), 0);
        assert_int_equal(s.n_target, 11);
        assert_memory_equal(s.target, "quiet!?The ", 11);
}

static void assert_bad(const struct parts *parts)
{
        struct io_state s = {0};

        assert_int_equal(apply(parts, &s), -EBADMSG);
}

static void test_good(void **state)
{
        static const enum swb_codec codecs[] = {SWB_CODEC_NONE, SWB_CODEC_BZ2, SWB_CODEC_BROTLI};
        struct parts parts = good;
        char magic[9] = "BSDF2";

        (void)state;
        assert_good(&parts);
        parts.magic = magic;
        for (unsigned i = 0; i < 27; i++) {
                const unsigned choice[] = {i % 3, i / 3 % 3, i / 9};

                for (size_t k = 0; k < 3; k++) {
                        magic[5 + k] = (char)choice[k];
                        parts.codecs[k] = codecs[choice[k]];
                }
                assert_good(&parts);
        }
}

static void test_empty_streams(void **state)
{
        struct parts parts = good;
        struct io_state s = {0};

        (void)state;
        parts.codecs[1] = parts.codecs[2] = SWB_CODEC_NONE; /* no bytes, although it says bz2 */
        parts.n_diff = parts.n_extra = parts.n_control = 0;
        parts.n_target = 0;
        assert_int_equal(apply(&parts, &s), 0);
        parts.n_target = 1;
        assert_int_equal(apply(&parts, &s), -EBADMSG);
}

static void test_bad_header(void **state)
{
        static const char *const magics[] = {"BSDIFF41", "BSDF1\1\1\1", "BSDF2\3\1\1",
                                             "BSDF2\1\1\xff"};
        struct parts parts = good;
        _cleanup_(swb_buf_done) struct swb_buf patch = build(&good);
        struct io_state s = {0};
        const struct swb_bspatch_io io = {&s, read_source, write_target};

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(magics); i++) {
                parts.magic = magics[i];
                assert_bad(&parts);
        }
        for (size_t n = 0; n < patch.n_bytes; n++)
                assert_int_equal(
                        swb_bspatch(patch.data, n, N_SOURCE, 11, SWB_DECODER_MEMORY_BYTES, &io),
                        -EBADMSG);
        assert_int_equal(
                swb_bspatch(patch.data, patch.n_bytes, N_SOURCE, 12, SWB_DECODER_MEMORY_BYTES, &io),
                -EBADMSG);
        for (size_t field = 8; field < 32; field += 8) {
                patch.data[field + 7] |= 0x80; /* negative */
                assert_int_equal(swb_bspatch(patch.data, patch.n_bytes, N_SOURCE, 11,
                                             SWB_DECODER_MEMORY_BYTES, &io),
                                 -EBADMSG);
                patch.data[field + 7] = 0x7f; /* beyond the patch */
                assert_int_equal(swb_bspatch(patch.data, patch.n_bytes, N_SOURCE, 11,
                                             SWB_DECODER_MEMORY_BYTES, &io),
                                 -EBADMSG);
                patch.data[field + 7] = 0;
        }
}

static void test_bad_control(void **state)
{
        static const struct {
                size_t at;
                int64_t value;
        } changes[] = {
                {3, -1},                          /* negative diff length */
                {4, -1},                          /* negative extra length */
                {3, INT64_MAX},                   /* more than the target holds */
                {4, INT64_MAX}, {4, 10}, {2, -1}, /* diff before the source's start */
                {2, 15},                          /* and beyond its end */
                {2, INT64_MAX}, {4, 1},           /* extra bytes left over, target short */
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(changes); i++) {
                struct parts parts = good;

                parts.control[changes[i].at] = changes[i].value;
                assert_bad(&parts);
        }
}

static void test_left_over(void **state)
{
        struct parts parts = good;

        (void)state;
        parts.n_control = 12; /* a fourth entry, although the target is complete */
        assert_bad(&parts);
        parts = good;
        parts.diff = "\0\0\0\x02\x09\0\0\0\0\0";
        parts.n_diff = 10;
        assert_bad(&parts);
        parts = good;
        parts.extra = "!?!";
        parts.n_extra = 3;
        assert_bad(&parts);
}

static void test_seek_overflow(void **state)
{
        struct parts parts = good;
        const int64_t control[] = {0, 1, INT64_MAX, 0, 1, INT64_MAX, 0, 1, 0};

        (void)state;
        memcpy(parts.control, control, sizeof(control));
        parts.extra = "abc";
        parts.n_extra = 3;
        parts.n_diff = 0;
        parts.n_target = 3;
        assert_bad(&parts);
}

/* Millions of entries that do nothing fit into a few bytes. */
static void test_idle_entries(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT(1 << 20);
        _cleanup_free_ uint8_t *control = calloc(24, 1 << 17);
        uint8_t header[32] = "BSDF2\2\0\0";
        struct io_state s = {0};
        const struct swb_bspatch_io io = {&s, read_source, write_target};

        (void)state;
        assert_non_null(control);
        assert_int_equal(swb_buf_append(&patch, header, sizeof(header)), 0);
        assert_int_equal(swb_encode(SWB_CODEC_BROTLI, 5, control, 24 << 17, &patch), 0);
        assert_true(patch.n_bytes < 200);
        put_offset(patch.data + 8, (int64_t)(patch.n_bytes - 32));
        put_offset(patch.data + 24, 100);
        assert_int_equal(swb_bspatch(patch.data, patch.n_bytes, N_SOURCE, 100,
                                     SWB_DECODER_MEMORY_BYTES, &io),
                         -EBADMSG);
        assert_int_equal(s.n_target, 0);
}

static void test_callbacks_fail(void **state)
{
        struct io_state s = {.fail_read = -EIO};

        (void)state;
        assert_int_equal(apply(&good, &s), -EIO);
        s = (struct io_state){.fail_write = -ENOSPC};
        assert_int_equal(apply(&good, &s), -ENOSPC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),         cmocka_unit_test(test_empty_streams),
                cmocka_unit_test(test_bad_header),   cmocka_unit_test(test_bad_control),
                cmocka_unit_test(test_left_over),    cmocka_unit_test(test_seek_overflow),
                cmocka_unit_test(test_idle_entries), cmocka_unit_test(test_callbacks_fail),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
