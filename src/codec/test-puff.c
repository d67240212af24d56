/* SPDX-License-Identifier: Apache-2.0 */
#include "base/endian.h"
#include "base/test.h"
#include "codec/deflate_find.h"
#include "codec/huff.h"
#include "codec/puff.h"
#include "codec/puffdiff.h"
#include "codec/puffed_source.h"
#include "codec/puffpatch.h"

#define ROOM_BYTES ((size_t)1 << 20)

struct memory {
        const uint8_t *data;
        size_t n;
        struct swb_buf out;
};

static int read_data(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct memory *memory = context;

        assert_true(offset <= memory->n && n <= memory->n - offset);
        memcpy(data, memory->data + offset, n);
        return 0;
}

static int write_data(void *context, const uint8_t *data, size_t n)
{
        struct memory *memory = context;

        return swb_buf_append(&memory->out, data, n);
}

static void add(struct swb_buf *buf, const void *data, size_t n)
{
        assert_int_equal(swb_buf_append(buf, data, n), 0);
}

/* A run of n literals that repeat themselves hardly, from a seed. */
static void add_run(struct swb_buf *puff, unsigned n, uint32_t seed)
{
        uint8_t head[3] = {127};

        swb_put_be16(head + 1, (uint16_t)(n - 128));
        if (n <= 127)
                head[0] = (uint8_t)(n - 1);
        add(puff, head, n <= 127 ? 1 : 3);
        for (unsigned i = 0; i < n; i++) {
                uint8_t byte;

                seed = seed * 1664525 + 1013904223;
                byte = (uint8_t)(seed >> 24);
                add(puff, &byte, 1);
        }
}

/* Two blocks: one with the fixed code, runs and copies of all forms, and a stored one. */
static void make_puff(struct swb_buf *puff, uint32_t seed)
{
        static const uint8_t fixed[] = {0, 0, 0x20}, stored[] = {0, 0, 0x80};
        static const uint8_t copies[] = {0x80, 0,   0,          /* 3 from 1 */
                                         0xfe, 0,   99,         /* 129 from 100 */
                                         0xff, 0,   0x7f, 0xff, /* 130 from 32768 */
                                         0xff, 128, 1,    0};   /* 258 from 257 */
        static const uint8_t end[] = {0xff, 0x81};

        add(puff, fixed, sizeof(fixed));
        add_run(puff, 1000, seed);
        add(puff, copies, sizeof(copies));
        add_run(puff, 127, 1);
        add(puff, copies, 3);
        add_run(puff, 128, 2);
        add(puff, end, sizeof(end));
        add(puff, stored, sizeof(stored));
        add_run(puff, 300, 3);
        add(puff, end, sizeof(end));
}

/* A gzip file of these blocks, behind other bytes. The blocks' end is not that of a byte. */
static struct swb_buf make_file(uint32_t seed, unsigned n_before)
{
        static const uint8_t head[] = {0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3, 'n', 'a', 'm', 'e', 0};
        static const uint8_t tail[] = "checksum and size";
        _cleanup_(swb_huffer_freep) struct swb_huffer *huffer = NULL;
        _cleanup_(swb_buf_done) struct swb_buf puff = SWB_BUF_INIT(ROOM_BYTES);
        struct memory memory = {.out = SWB_BUF_INIT(ROOM_BYTES)};

        for (unsigned i = 0; i < n_before; i++)
                add(&memory.out, "before", 6);
        add(&memory.out, head, sizeof(head));
        make_puff(&puff, seed);
        assert_int_equal(swb_huffer_new(write_data, &memory, &huffer), 0);
        for (size_t i = 0; i < puff.n_bytes; i++) /* in the smallest pieces */
                assert_int_equal(swb_huffer_put(huffer, puff.data + i, 1), 0);
        while (swb_huffer_bit(huffer) % 8 != 0)
                assert_int_equal(swb_huffer_put_bits(huffer, 1, 0), 0);
        assert_int_equal(swb_huffer_put_bytes(huffer, tail, sizeof(tail)), 0);
        assert_int_equal(swb_huffer_finish(huffer), 0);
        return memory.out;
}

static void test_find(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf file = make_file(1, 3);
        _cleanup_(swb_buf_done) struct swb_buf puffed = SWB_BUF_INIT(ROOM_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf puff = SWB_BUF_INIT(ROOM_BYTES);
        struct swb_puff_layout layout;

        (void)state;
        assert_int_equal(swb_deflate_find(file.data, file.n_bytes, &layout, &puffed), 0);
        assert_int_equal(layout.n, 1); /* stored blocks are left as they are */
        assert_int_equal(layout.extents[0].start_bit, (18 + 15) * 8);
        assert_true(layout.extents[0].end_bit % 8 != 0);
        make_puff(&puff, 1);
        assert_memory_equal(puffed.data + layout.extents[0].start, puff.data,
                            layout.extents[0].end - layout.extents[0].start);
        assert_int_equal(layout.n_puffed, puffed.n_bytes);
        swb_puff_layout_done(&layout);
        swb_buf_reset(&puffed);
        file.data[20] ^= 1; /* no gzip any more */
        assert_int_equal(swb_deflate_find(file.data, file.n_bytes, &layout, &puffed), 0);
        assert_int_equal(layout.n, 0);
        assert_memory_equal(puffed.data, file.data, file.n_bytes);
        swb_puff_layout_done(&layout);
}

/* Anywhere, in any order, it reads what the whole is. */
static void test_source(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf file = make_file(1, 3);
        _cleanup_(swb_buf_done) struct swb_buf puffed = SWB_BUF_INIT(ROOM_BYTES);
        _cleanup_(swb_puffed_source_freep) struct swb_puffed_source *source = NULL;
        struct memory memory = {file.data, file.n_bytes, SWB_BUF_INIT(0)};
        struct swb_puff_layout layout;
        uint8_t data[64];

        (void)state;
        assert_int_equal(swb_deflate_find(file.data, file.n_bytes, &layout, &puffed), 0);
        assert_int_equal(swb_puffed_source_new(read_data, &memory, &layout, ROOM_BYTES, &source),
                         0);
        for (size_t i = puffed.n_bytes; i-- > 0;) {
                size_t n = SWB_MIN(sizeof(data), puffed.n_bytes - i);

                assert_int_equal(swb_puffed_source_read(source, i, data, n), 0);
                assert_memory_equal(data, puffed.data + i, n);
        }
        source = swb_puffed_source_free(source);
        assert_int_equal(swb_puffed_source_new(read_data, &memory, &layout, 100, &source), 0);
        assert_int_equal(swb_puffed_source_read(source, layout.extents[0].start, data, 1), -E2BIG);
        swb_puff_layout_done(&layout);
}

static int apply(const struct swb_buf *patch, const struct swb_buf *old, size_t n_new,
                 struct swb_buf *ret)
{
        struct memory memory = {old->data, old->n_bytes, SWB_BUF_INIT(ROOM_BYTES)};
        const struct swb_bspatch_io io = {&memory, read_data, write_data};
        int r = swb_puffpatch(patch->data, patch->n_bytes, old->n_bytes, n_new,
                              SWB_DECODER_MEMORY_BYTES, &io);

        *ret = memory.out;
        return r;
}

static void test_patch(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf old = make_file(1, 3), new = make_file(2, 7);
        _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT(ROOM_BYTES);
        struct swb_buf made;

        (void)state;
        assert_int_equal(swb_puffdiff(old.data, old.n_bytes, new.data, new.n_bytes, &patch), 0);
        assert_int_equal(apply(&patch, &old, new.n_bytes, &made), 0);
        assert_int_equal(made.n_bytes, new.n_bytes);
        assert_memory_equal(made.data, new.data, new.n_bytes);
        swb_buf_done(&made);
        assert_int_equal(apply(&patch, &old, new.n_bytes + 1, &made), -EBADMSG);
        swb_buf_done(&made);
        for (size_t i = 0; i < patch.n_bytes; i++) {
                patch.data[i] ^= (uint8_t)(1 << i % 8);
                (void)!apply(&patch, &old, new.n_bytes, &made);
                assert_true(made.n_bytes <= new.n_bytes);
                swb_buf_done(&made);
                patch.data[i] ^= (uint8_t)(1 << i % 8);
        }
        for (size_t i = 33; i < 100; i++) { /* within the block: another one, or none */
                old.data[i] ^= 0x40;
                (void)!apply(&patch, &old, new.n_bytes, &made);
                assert_true(made.n_bytes <= new.n_bytes);
                swb_buf_done(&made);
                old.data[i] ^= 0x40;
        }
}

static void test_nothing_to_puff(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf file = make_file(1, 3);
        _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT(ROOM_BYTES);
        static const uint8_t other[500] = "other";

        (void)state;
        assert_int_equal(swb_puffdiff(other, sizeof(other), file.data, file.n_bytes, &patch), 1);
        assert_int_equal(swb_puffdiff(file.data, file.n_bytes, other, sizeof(other), &patch), 1);
        assert_int_equal(patch.n_bytes, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_source),
                cmocka_unit_test(test_patch),
                cmocka_unit_test(test_nothing_to_puff),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
