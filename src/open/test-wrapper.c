/* SPDX-License-Identifier: Apache-2.0 */
#include "open/libraries.h"
#include "open/wrapper.h"

#include <inttypes.h>
#include <lz4.h>
#include <lz4hc.h>
#include <string.h>

#include "base/test.h"
#include "codec/swd2.h"
#include "codec/swdiff.h"
#include "codec/swpatch.h"
#include "open/find.h"
#include "open/sample.h"
#include "open/spans.h"
#include "open/unpack.h"

#define TEXT_BYTES ((size_t)200 << 10)
#define SCRATCH_BYTES ((size_t)1 << 20)

/* Lines with numbers, so that there is something to compress; `salt` changes some of them. */
static uint8_t *make_text(size_t n, unsigned salt)
{
        uint8_t *text = malloc(n + 64);

        assert_non_null(text);
        for (size_t done = 0, line = 0; done < n; line++)
                done += (size_t)snprintf((char *)text + done, 64, "line %zu has %zu words\n", line,
                                         line % 97 == salt ? line * 31 + salt : line * 7919 % 101);
        return text;
}

static void append_legacy_block(struct swb_buf *buf, const uint8_t *text, size_t n, int hurry)
{
        int n_room = LZ4_compressBound((int)n), made;
        _cleanup_free_ char *room = malloc((size_t)n_room);
        uint8_t size[4];

        made = hurry > 0 ? LZ4_compress_fast((const char *)text, room, (int)n, n_room, hurry)
                         : LZ4_compress_HC((const char *)text, room, (int)n, n_room, 9);
        swb_put_le32(size, (uint32_t)made);
        assert_int_equal(swb_buf_append(buf, size, 4), 0);
        assert_int_equal(swb_buf_append(buf, room, (size_t)made), 0);
}

/* As a kernel is: something, `lz4 -l -9`, something. hurry: not 0, and nobody packs like that. */
static struct swb_buf make_kernel(unsigned salt, int hurry)
{
        static const uint8_t magic[4] = {0x02, 0x21, 0x4c, 0x18};
        struct swb_buf buf = SWB_BUF_INIT((size_t)1 << 20);
        _cleanup_free_ uint8_t *text = make_text(TEXT_BYTES, salt);

        assert_int_equal(swb_buf_append(&buf, "a head of some bytes", 20), 0);
        assert_int_equal(swb_buf_append(&buf, magic, sizeof(magic)), 0);
        append_legacy_block(&buf, text, TEXT_BYTES, hurry);
        assert_int_equal(swb_buf_append(&buf, "\0\0\0\1 and a tail", 15), 0);
        return buf;
}

struct memory {
        const struct swb_buf *source;
        struct swb_buf target;
        uint8_t scratch[SCRATCH_BYTES];
};

static int read_source(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        struct memory *memory = context;

        assert_true(offset <= memory->source->n_bytes && n <= memory->source->n_bytes - offset);
        memcpy(data, memory->source->data + offset, n);
        return 0;
}

static int write_target(void *context, const uint8_t *data, size_t n)
{
        struct memory *memory = context;

        return swb_buf_append(&memory->target, data, n);
}

static int read_scratch(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct memory *memory = context;

        memcpy(data, memory->scratch + offset, n);
        return 0;
}

static int write_scratch(void *context, uint64_t offset, const uint8_t *data, size_t n)
{
        struct memory *memory = context;

        memcpy(memory->scratch + offset, data, n);
        return 0;
}

static void make_blob(const struct swb_buf *old, const struct swb_buf *new, struct swb_buf *blob)
{
        const struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;
        _cleanup_(swb_found_done) struct swb_found from = {0}, to = {0};
        _cleanup_(swb_difference_done) struct swb_difference difference = SWB_DIFFERENCE_INIT;

        assert_int_equal(swb_recipe_find(old->data, old->n_bytes, SWB_FIND_OLD, &limits, &from), 1);
        assert_int_equal(swb_recipe_find(new->data, new->n_bytes, SWB_FIND_NEW, &limits, &to), 1);
        assert_int_equal(swb_open_head_write(&from.recipe, &to.recipe, blob), 0);
        assert_int_equal(swb_difference_add(&difference, from.opened.data, from.opened.n_bytes, 0,
                                            to.opened.data, to.opened.n_bytes),
                         0);
        assert_int_equal(swb_swdiff_write(&difference, false, blob), 0);
}

static int apply(struct memory *memory, const struct swb_buf *blob, size_t n_source,
                 size_t n_target, uint64_t max_memory_bytes)
{
        const struct swb_bspatch_io io = {memory, read_source, write_target};
        const struct swb_open_scratch scratch = {memory, SCRATCH_BYTES, write_scratch,
                                                 read_scratch};
        const struct swb_open_limits limits = {max_memory_bytes, &scratch};

        swb_buf_reset(&memory->target);
        return swb_open_patch(blob->data, blob->n_bytes, n_source, n_target, &limits, swb_swpatch,
                              SWB_DECODER_MEMORY_BYTES, &io);
}

static void test_kernel(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf old = make_kernel(1, 0), new = make_kernel(2, 0);
        _cleanup_(swb_buf_done) struct swb_buf blob = SWB_BUF_INIT(1 << 20);
        _cleanup_free_ struct memory *memory = calloc(1, sizeof(*memory));

        (void)state;
        memory->source = &old;
        memory->target = SWB_BUF_INIT((size_t)1 << 20);
        make_blob(&old, &new, &blob);
        assert_true(blob.n_bytes < new.n_bytes / 20);
        assert_int_equal(apply(memory, &blob, old.n_bytes, new.n_bytes, 8 << 20), 0);
        assert_int_equal(memory->target.n_bytes, new.n_bytes);
        assert_memory_equal(memory->target.data, new.data, new.n_bytes);
        assert_int_equal(apply(memory, &blob, old.n_bytes, new.n_bytes, 64 << 10), -E2BIG);
        assert_int_equal(apply(memory, &blob, old.n_bytes - 1, new.n_bytes, 8 << 20), -EBADMSG);
        assert_int_equal(apply(memory, &blob, old.n_bytes, new.n_bytes + 1, 8 << 20), -EBADMSG);
        swb_buf_done(&memory->target);
}

/* The same with SWD2, which tells its needs. */
static void make_telling_blob(const struct swb_buf *old, const struct swb_buf *new,
                              struct swb_buf *blob)
{
        const struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;
        _cleanup_(swb_found_done) struct swb_found from = {0}, to = {0};
        _cleanup_(swb_swd2_done) struct swb_swd2 swd2;

        assert_int_equal(swb_recipe_find(old->data, old->n_bytes, SWB_FIND_OLD, &limits, &from), 1);
        assert_int_equal(swb_recipe_find(new->data, new->n_bytes, SWB_FIND_NEW, &limits, &to), 1);
        assert_int_equal(swb_open_head_write(&from.recipe, &to.recipe, blob), 0);
        swb_swd2_init(&swd2, SWB_SWD2_BYTES, SWB_PATCH_MEMORY_BYTES);
        assert_int_equal(swb_swd2_add(&swd2, from.opened.data, from.opened.n_bytes, 0,
                                      to.opened.data, to.opened.n_bytes),
                         0);
        assert_int_equal(swb_swd2_write(&swd2, blob), 0);
}

static void set_needs(struct swb_buf *blob, size_t n_head, uint64_t units)
{
        blob->data[n_head + 6] = (uint8_t)units;
        blob->data[n_head + 7] = (uint8_t)(units >> 8);
}

/* What decodes a stream is told by its head where that names a large window. */
static void test_windows(void **state)
{
        static const struct {
                uint8_t head[14];
                unsigned log;
        } frames[] = {
                {{0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x68}, 23},          /* 8 MiB */
                {{0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x88}, 27},          /* 128 MiB */
                {{0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x69}, 24},          /* 9 MiB */
                {{0x28, 0xb5, 0x2f, 0xfd, 0x20, 200}, 8},            /* one segment, 200 bytes */
                {{0x28, 0xb5, 0x2f, 0xfd, 0x60, 0, 1}, 9},           /* 512 */
                {{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0x90, 0}, 24}, /* 9 MiB */
                {{0x28, 0xb5, 0x2f, 0xfd, 0xe0, 1, 0, 0, 1}, 25},    /* 16 MiB and a byte */
                {{0x28, 0xb5, 0x2f, 0xfd, 0xa1, 7, 0, 0, 0x10, 0},
                 20}, /* behind a dictionary's id */
        };
        struct swb_span span = {.packing = SWB_PACKING_ZSTD};
        struct swb_setting setting;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(frames); i++)
                assert_int_equal(swb_spans_window_zstd(frames[i].head, sizeof(frames[i].head)),
                                 frames[i].log);
        assert_int_equal(swb_spans_window_zstd(frames[0].head, 5), 0);
        setting = swb_spans_window(&span, frames[0].head, sizeof(frames[0].head));
        assert_int_equal(setting.encoder, SWB_ENCODER_NONE);
        assert_int_equal(swb_unpack_memory(&setting), SWB_UNPACK_MEMORY_BYTES);
        setting = swb_spans_window(&span, frames[1].head, sizeof(frames[1].head));
        assert_int_equal(setting.encoder, SWB_ENCODER_ZSTD);
        assert_int_equal(swb_unpack_memory(&setting), 130 << 20);
        span = (struct swb_span){.packing = SWB_PACKING_XZ,
                                 .guess = {SWB_PACKING_XZ, SWB_ENCODER_XZ, {6, 8 << 20, 4, 0, 0}}};
        setting = swb_spans_window(&span, NULL, 0);
        assert_int_equal(setting.encoder, SWB_ENCODER_NONE);
        span.guess.parameters[1] = 32 << 20;
        setting = swb_spans_window(&span, NULL, 0);
        assert_int_equal(setting.encoder, SWB_ENCODER_XZ);
        assert_int_equal(swb_unpack_memory(&setting), 34 << 20);
        span.guess.parameters[1] = UINT32_MAX; /* a reader would refuse it */
        assert_int_equal(swb_spans_window(&span, NULL, 0).encoder, SWB_ENCODER_NONE);
}

#define GIVEN SWB_OPEN_MEMORY_BYTES

/* Side by side as long as that fits, then one after the other, then not at all. */
static void test_memory(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf old = make_kernel(1, 0), new = make_kernel(2, 0);
        _cleanup_(swb_buf_done) struct swb_buf blob = SWB_BUF_INIT(1 << 20);
        _cleanup_(swb_open_head_done) struct swb_open_head head = {0};
        _cleanup_free_ struct memory *memory = calloc(1, sizeof(*memory));
        uint64_t beside, rest, units;
        struct swb_open_needs needs;

        (void)state;
        memory->source = &old;
        memory->target = SWB_BUF_INIT((size_t)1 << 20);
        make_telling_blob(&old, &new, &blob);
        assert_int_equal(
                swb_open_head_read(blob.data, blob.n_bytes, old.n_bytes, new.n_bytes, &head), 0);
        beside = SWB_PATCH_MEMORY_BYTES - swb_open_needs(&head, GIVEN, 0).memory_bytes;
        needs = swb_open_needs(&head, GIVEN, beside);
        assert_true(!needs.opens_first && swb_open_needs_fit(&needs, GIVEN));
        assert_int_equal(needs.total_bytes, SWB_PATCH_MEMORY_BYTES);
        needs = swb_open_needs(&head, needs.memory_bytes - 1, 0);
        assert_true(needs.opens_first);
        needs = swb_open_needs(&head, GIVEN, beside + 1);
        assert_true(needs.opens_first && swb_open_needs_fit(&needs, GIVEN));
        rest = swb_open_inner_room(&head, GIVEN);
        assert_true(rest > beside);
        needs = swb_open_needs(&head, GIVEN, rest);
        assert_true(swb_open_needs_fit(&needs, GIVEN));
        assert_int_equal(needs.total_bytes, SWB_PATCH_MEMORY_BYTES);
        needs = swb_open_needs(&head, GIVEN, rest + 1);
        assert_true(!swb_open_needs_fit(&needs, GIVEN));
        /* Who gives a byte more than by default has a byte more for all of it. */
        assert_int_equal(needs.memory_bytes, GIVEN + 1);
        assert_true(swb_open_needs_fit(&needs, GIVEN + 1));
        assert_int_equal(swb_open_inner_room(&head, GIVEN + 1), rest + 1);

        units = (rest - blob.n_bytes) >> 16;
        assert_true((units << 16) + blob.n_bytes > beside);
        set_needs(&blob, head.n_bytes, units);
        assert_int_equal(apply(memory, &blob, old.n_bytes, new.n_bytes, 8 << 20), 0);
        assert_int_equal(memory->target.n_bytes, new.n_bytes);
        assert_memory_equal(memory->target.data, new.data, new.n_bytes);
        set_needs(&blob, head.n_bytes, units + 1);
        assert_int_equal(apply(memory, &blob, old.n_bytes, new.n_bytes, 8 << 20), -E2BIG);
        assert_int_equal(memory->target.n_bytes, 0);
        swb_buf_done(&memory->target);
}

/* Whatever the old content or the blob has become: an answer, never a crash. */
static void test_damage(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf old = make_kernel(1, 0), new = make_kernel(2, 0);
        _cleanup_(swb_buf_done) struct swb_buf blob = SWB_BUF_INIT(1 << 20);
        _cleanup_free_ struct memory *memory = calloc(1, sizeof(*memory));

        (void)state;
        memory->source = &old;
        memory->target = SWB_BUF_INIT((size_t)1 << 20);
        make_blob(&old, &new, &blob);
        for (size_t i = 0; i < 64; i++) {
                struct swb_buf cut = {.data = blob.data, .n_bytes = blob.n_bytes * i / 64};

                assert_true(apply(memory, &cut, old.n_bytes, new.n_bytes, 8 << 20) < 0);
        }
        old.data[60] ^= 0x55;
        (void)apply(memory, &blob, old.n_bytes, new.n_bytes, 8 << 20);
        swb_buf_done(&memory->target);
}

/* A new content whose bytes no encoder makes stays closed. */
static void test_unknown_encoder(void **state)
{
        const struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;
        _cleanup_(swb_buf_done) struct swb_buf kernel = make_kernel(1, 0), hurry = {0};
        _cleanup_(swb_found_done) struct swb_found found = {0};
        struct swb_find_limits none = limits;

        (void)state;
        none.encoders = "gzip xz";
        assert_int_equal(swb_recipe_find(kernel.data, kernel.n_bytes, SWB_FIND_NEW, &none, &found),
                         0);
        hurry = make_kernel(1, 50);
        assert_int_equal(swb_recipe_find(hurry.data, hurry.n_bytes, SWB_FIND_NEW, &limits, &found),
                         0);
        assert_int_equal(swb_recipe_find(hurry.data, hurry.n_bytes, SWB_FIND_OLD, &limits, &found),
                         1);
}

/* Two frames of zstd, one behind the other, in which a kernel lies: only what both open to holds it
 * in one piece. */
static struct swb_buf make_frames(const struct swb_buf *kernel)
{
        struct swb_buf buf = SWB_BUF_INIT((size_t)1 << 20);
        size_t half = kernel->n_bytes / 2;

        assert_int_equal(swb_encode(SWB_CODEC_ZSTD, 3, kernel->data, half, &buf), 0);
        assert_int_equal(
                swb_encode(SWB_CODEC_ZSTD, 3, kernel->data + half, kernel->n_bytes - half, &buf),
                0);
        return buf;
}

static void find_layers(const struct swb_buf *content, enum swb_find_side side,
                        struct swb_found found[static SWB_OPEN_LAYERS_MAX])
{
        const struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;

        assert_int_equal(swb_recipe_find(content->data, content->n_bytes, side, &limits, &found[0]),
                         2);
        assert_int_equal(swb_recipe_find(found[0].opened.data, found[0].opened.n_bytes, side,
                                         &limits, &found[1]),
                         1);
}

static void make_layers(const struct swb_buf *old, const struct swb_buf *new, unsigned n_more,
                        struct swb_buf *blob)
{
        struct swb_found from[SWB_OPEN_LAYERS_MAX] = {0}, to[SWB_OPEN_LAYERS_MAX] = {0};
        _cleanup_(swb_difference_done) struct swb_difference difference = SWB_DIFFERENCE_INIT;

        find_layers(old, SWB_FIND_OLD, from);
        find_layers(new, SWB_FIND_NEW, to);
        for (size_t i = 0; i < SWB_OPEN_LAYERS_MAX; i++)
                assert_int_equal(swb_open_head_write(&from[i].recipe, &to[i].recipe, blob), 0);
        for (unsigned i = 0; i < n_more; i++)
                assert_int_equal(swb_open_head_write(&from[1].recipe, &to[1].recipe, blob), 0);
        assert_int_equal(swb_difference_add(&difference, from[1].opened.data,
                                            from[1].opened.n_bytes, 0, to[1].opened.data,
                                            to[1].opened.n_bytes),
                         0);
        assert_int_equal(swb_swdiff_write(&difference, false, blob), 0);
        for (size_t i = 0; i < SWB_OPEN_LAYERS_MAX; i++) {
                swb_found_done(&from[i]);
                swb_found_done(&to[i]);
        }
}

static void test_layers(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf kernel = make_kernel(1, 0),
                                               other = make_kernel(2, 0);
        _cleanup_(swb_buf_done) struct swb_buf old = make_frames(&kernel),
                                               new = make_frames(&other);
        _cleanup_(swb_buf_done) struct swb_buf blob = SWB_BUF_INIT(1 << 20);
        _cleanup_(swb_buf_done) struct swb_buf deep = SWB_BUF_INIT(1 << 20);
        _cleanup_free_ struct memory *memory = calloc(1, sizeof(*memory));

        (void)state;
        memory->source = &old;
        memory->target = SWB_BUF_INIT((size_t)1 << 20);
        make_layers(&old, &new, 0, &blob);
        assert_true(blob.n_bytes < new.n_bytes / 10);
        assert_int_equal(apply(memory, &blob, old.n_bytes, new.n_bytes, 32 << 20), 0);
        assert_int_equal(memory->target.n_bytes, new.n_bytes);
        assert_memory_equal(memory->target.data, new.data, new.n_bytes);
        assert_int_equal(apply(memory, &blob, old.n_bytes, new.n_bytes, 1 << 20), -E2BIG);
        make_layers(&old, &new, 1, &deep);
        assert_int_equal(apply(memory, &deep, old.n_bytes, new.n_bytes, 32 << 20), -EBADMSG);
        swb_buf_done(&memory->target);
}

/* What encoders made when they were defined they still make: the numbers never change. */
static void test_samples(void **state)
{
        (void)state;
        for (int id = SWB_ENCODER_NONE + 1; id < _SWB_ENCODER_MAX; id++) {
                uint64_t sum = swb_sample_checksum((enum swb_encoder_id)id);

                print_message("%s: %#" PRIx64 "\n", swb_encoder_to_string((enum swb_encoder_id)id),
                              sum);
                if (swb_encoder_ops_of((enum swb_encoder_id)id)) /* a build may lack LZO */
                        assert_true(swb_sample_is_right((enum swb_encoder_id)id));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_samples),         cmocka_unit_test(test_kernel),
                cmocka_unit_test(test_windows),         cmocka_unit_test(test_memory),
                cmocka_unit_test(test_layers),          cmocka_unit_test(test_damage),
                cmocka_unit_test(test_unknown_encoder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
