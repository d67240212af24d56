/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: one byte that picks what the rest is. 0 (modulo 3): a PUFFDIFF patch, applied to a fixed
 * source, behind two bytes with the target's size. 1: bits, from the one that the next byte
 * names, of which as many DEFLATE blocks are puffed as there are. 2: a puff. Checks: nothing is
 * written behind the target; a block comes back from its puff as it was.
 */
#include "fuzz.h"

#include "base/endian.h"
#include "codec/huff.h"
#include "codec/puff.h"
#include "codec/puffpatch.h"
#include "fuzz-memory.h"

#define ROOM_BYTES ((size_t)1 << 20)

/* gzip of two short texts, and what lies around them: blocks of types 1 and 0. */
static const uint8_t source[] = {'h',  'e',  'a',  'd',  0x4b, 0xcc, 0x28, 0xcd, 0x4b, 0x57, 0xc8,
                                 0x4f, 0x4b, 0xd3, 0x51, 0x48, 0x04, 0x00, 0x01, 0x05, 0x00, 0xfa,
                                 0xff, 'b',  'y',  't',  'e',  's',  't',  'a',  'i',  'l'};

static void patch(const uint8_t *data, size_t n)
{
        struct memory memory = {source, sizeof(source), SWB_BUF_INIT(ROOM_BYTES)};
        const struct swb_bspatch_io io = memory_io(&memory);
        size_t n_target = (size_t)data[0] << 8 | data[1];
        int r = swb_puffpatch(data + 2, n - 2, sizeof(source), n_target, SWB_DECODER_MEMORY_BYTES,
                              &io);

        swb_assert(r < 0 ? memory.target.n_bytes <= n_target : memory.target.n_bytes == n_target);
        swb_buf_done(&memory.target);
}

static uint8_t bit_at(const uint8_t *data, uint64_t bit)
{
        return data[bit / 8] >> bit % 8 & 1;
}

/* Lengths of 258 can be written in two ways. */
static bool has_longest(const uint8_t *puff, size_t n)
{
        for (size_t i = 0; i + 1 < n; i++)
                if (puff[i] == 0xff && puff[i + 1] == 128)
                        return true;
        return false;
}

static void compare(const uint8_t *bits, uint64_t start, uint64_t end, const uint8_t *puff,
                    size_t n)
{
        _cleanup_(swb_huffer_freep) struct swb_huffer *huffer = NULL;
        struct memory memory = {.target = SWB_BUF_INIT(ROOM_BYTES)};

        swb_assert(swb_huffer_new(memory_write, &memory, &huffer) == 0);
        for (unsigned i = 0; i < start % 8; i++)
                swb_assert(swb_huffer_put_bits(huffer, 1, 0) == 0);
        swb_assert(swb_huffer_put(huffer, puff, n) == 0);
        swb_assert(swb_huffer_is_between_blocks(huffer));
        swb_assert(swb_huffer_bit(huffer) - start % 8 == end - start);
        while (swb_huffer_bit(huffer) % 8 != 0)
                swb_assert(swb_huffer_put_bits(huffer, 1, 0) == 0);
        swb_assert(swb_huffer_finish(huffer) == 0);
        for (uint64_t i = 0; i < end - start; i++)
                swb_assert(bit_at(bits, start + i) == bit_at(memory.target.data, start % 8 + i));
        swb_buf_done(&memory.target);
}

static void puff(const uint8_t *data, size_t n)
{
        _cleanup_(swb_puffer_freep) struct swb_puffer *puffer = NULL;
        _cleanup_free_ uint8_t *out = malloc(ROOM_BYTES);
        struct memory memory = {.source = data + 1, .n_source = n - 1};
        bool is_last = false;

        swb_assert(out && swb_puffer_new(&puffer) == 0);
        swb_puffer_open(puffer, memory_read, &memory, data[0] % 8, memory.n_source * 8);
        while (!is_last) {
                uint64_t start = swb_puffer_bit(puffer);
                size_t n_puff;

                if (swb_puffer_block(puffer, out, ROOM_BYTES, &n_puff, &is_last) < 0)
                        return;
                if (!has_longest(out, n_puff))
                        compare(memory.source, start, swb_puffer_bit(puffer), out, n_puff);
        }
}

static void huff(const uint8_t *data, size_t n)
{
        _cleanup_(swb_huffer_freep) struct swb_huffer *huffer = NULL;
        struct memory memory = {.target = SWB_BUF_INIT(ROOM_BYTES)};

        swb_assert(swb_huffer_new(memory_write, &memory, &huffer) == 0);
        if (swb_huffer_put(huffer, data, n / 2) == 0 &&
            swb_huffer_put(huffer, data + n / 2, n - n / 2) == 0 && swb_huffer_finish(huffer) == 0)
                swb_assert(memory.target.n_bytes * 8 == swb_huffer_bit(huffer));
        swb_buf_done(&memory.target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        if (n_bytes < 3)
                return 0;
        if (data[0] % 3 == 0)
                patch(data + 1, n_bytes - 1);
        else if (data[0] % 3 == 1)
                puff(data + 1, n_bytes - 1);
        else
                huff(data + 1, n_bytes - 1);
        return 0;
}
