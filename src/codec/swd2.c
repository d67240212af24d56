/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/swd2.h"

#include "base/endian.h"
#include "codec/stream_pack.h"
#include "codec/stream_table.h"
#include "codec/swd2_attempt.h"

/* Windows that are tried, in turn, until a reader has the memory; all of them are sizes that an xz
 * dictionary can have. */
static const size_t windows[] = {SWB_SWD2_WINDOW_BYTES, (size_t)3 << 19, (size_t)3 << 18,
                                 (size_t)3 << 17,       (size_t)3 << 16, (size_t)2 << 16};
/* What is left for decoders and the difference itself when a part's predictor is chosen. */
#define DECODERS_MIN_BYTES ((uint64_t)6 << 20)
/* lzma at the level used, with the dictionary. */
#define ENCODER_BYTES ((uint64_t)64 << 20)

void swb_swd2_init(struct swb_swd2 *swd2, enum swb_swd2_effort effort, uint64_t max_memory_bytes)
{
        *swd2 = (struct swb_swd2){.effort = effort,
                                  .max_memory_bytes = max_memory_bytes,
                                  .unused = SWB_DIFFERENCE_INIT};
        for (size_t i = 0; i < SWB_SWD2_STREAMS_MAX; i++)
                swd2->streams[i] = SWB_BUF_INIT(SIZE_MAX);
}

void swb_swd2_done(struct swb_swd2 *swd2)
{
        for (size_t i = 0; i < SWB_SWD2_STREAMS_MAX; i++)
                swb_buf_done(&swd2->streams[i]);
        swd2->shared = swb_predictor_shared_free(swd2->shared);
        swb_difference_done(&swd2->unused);
}

static int plan_part(struct swb_swd2 *swd2, const struct swb_swd2_attempt *best, uint64_t base,
                     size_t n_old, size_t n_new)
{
        struct swb_buf *plan = &swd2->streams[SWB_SWD2_PLAN];
        const uint64_t numbers[] = {base - swd2->source, n_old, n_new, best->n_entries,
                                    best->model};
        int r = 0;

        for (size_t i = 0; i < SWB_ELEMENTS(numbers) && r == 0; i++)
                r = swb_append_number(plan, numbers[i]);
        if (r < 0 || best->model == SWB_MODEL_NONE)
                return r;
        swd2->predicts = true;
        r = swb_append_number(plan, best->hints.n_bytes);
        return r < 0 ? r : swb_buf_append(plan, best->hints.data, best->hints.n_bytes);
}

int swb_swd2_add(struct swb_swd2 *swd2, const uint8_t *old, size_t n_old, uint64_t base,
                 const uint8_t *new, size_t n_new)
{
        _cleanup_(swb_swd2_attempt_done) struct swb_swd2_attempt best = SWB_SWD2_ATTEMPT_INIT;
        const uint64_t beside = SWB_SWD2_BESIDE_BYTES + DECODERS_MIN_BYTES;
        struct swb_swd2_pair pair = {.old = SWB_VIEW_OF_MEMORY(old, n_old),
                                     .new = SWB_VIEW_OF_MEMORY(new, n_new),
                                     .shared = swd2->shared};
        int r;

        if (n_new == 0)
                return 0;
        if (swd2->max_memory_bytes < beside)
                return -E2BIG;
        pair.max_memory_bytes = swd2->max_memory_bytes - beside;
        if (base == 0 && swd2->streams[SWB_SWD2_PLAN].n_bytes == 0)
                pair.unused = &swd2->unused;
        r = swb_swd2_attempt_best(&pair, swd2->effort, &best);
        if (r == 0)
                r = plan_part(swd2, &best, base, n_old, n_new);
        for (size_t i = SWB_SWD2_COPIES; i < SWB_SWD2_STREAMS_MAX && r == 0; i++)
                r = swb_buf_append(&swd2->streams[i], best.streams[i].data,
                                   best.streams[i].n_bytes);
        if (best.shared) {
                swb_predictor_shared_free(swd2->shared);
                swd2->shared = SWB_TAKE_PTR(best.shared);
        }
        swd2->source = base + n_old;
        swd2->part_bytes = SWB_MAX(swd2->part_bytes,
                                   best.n_entries * SWB_SWD2_ENTRY_BYTES + best.predictor_bytes);
        return r;
}

/* Streams behind the last one that has a byte are left out. */
static size_t count_streams(const struct swb_swd2 *swd2)
{
        size_t n = SWB_SWD2_STREAMS_MAX;

        while (n > SWB_SWD2_CORRECTIONS && swd2->streams[n - 1].n_bytes == 0)
                n--;
        return n;
}

/* Would a reader take them? */
static int check_limits(const struct swb_swd2 *swd2, size_t n_streams)
{
        for (size_t i = 0; i < n_streams; i++)
                if (swd2->streams[i].n_bytes > UINT32_MAX)
                        return -E2BIG;
        return swd2->streams[SWB_SWD2_PLAN].n_bytes > SWB_SWD2_PLAN_MAX ? -E2BIG : 0;
}

/* ---- packing: with the largest window whose decoders a reader has the memory for */

struct packed {
        struct swb_buf data;
        uint8_t number;
        size_t decoder_bytes;
};

struct packing {
        const struct swb_swd2 *swd2;
        size_t n;
        struct packed items[SWB_SWD2_STREAMS_MAX];
};

static void packing_done(struct packing *packing)
{
        for (size_t i = 0; i < packing->n; i++)
                swb_buf_done(&packing->items[i].data);
}

static enum swb_mix_mode mix_mode_of(size_t stream)
{
        if (stream == SWB_SWD2_DIFFERENCES)
                return SWB_MIX_DIFFERENCES;
        return stream == SWB_SWD2_NEW_BYTES ? SWB_MIX_BYTES : SWB_MIX_NUMBERS;
}

static int pack_stream(const struct swb_swd2 *swd2, size_t number, size_t window_bytes,
                       struct packed *packed)
{
        const struct swb_buf *stream = &swd2->streams[number];
        bool quickly = swd2->packs_quickly;
        const struct swb_pack_limits limits = {.dictionary_bytes = (uint32_t)window_bytes,
                                               .brotli = !quickly,
                                               .mixed = !quickly,
                                               .mix_mode = mix_mode_of(number),
                                               .quick = quickly,
                                               .decoder_bytes = swb_swd2_decoder_bytes,
                                               .window_bytes = window_bytes};
        enum swb_codec codec;
        int r;

        if (stream->n_bytes == 0)
                return 0;
        swb_buf_reset(&packed->data);
        r = swb_stream_pack(stream, &limits, &packed->number, &packed->data);
        if (r == 0)
                r = swb_stream_codec(packed->number, &codec);
        if (r == 0)
                packed->decoder_bytes =
                        swb_swd2_decoder_bytes(codec, stream->n_bytes, window_bytes);
        return r;
}

/* A window that is no smaller for a stream's decoder changes nothing in it. */
static bool is_smaller_for(const struct packed *packed, size_t n_stream, size_t window_bytes)
{
        enum swb_codec codec;

        return swb_stream_codec(packed->number, &codec) == 0 &&
               swb_swd2_decoder_bytes(codec, n_stream, window_bytes) < packed->decoder_bytes;
}

/* What a reader needs then goes to ret_needs, without the difference itself, and the size of that
 * to ret_n. */
static int pack_all(struct packing *packing, size_t window_bytes, bool again, uint64_t *ret_needs,
                    uint64_t *ret_n)
{
        uint64_t decoders_bytes = 0, n = 0;

        for (size_t i = 0; i < packing->n; i++) {
                const struct swb_buf *stream = &packing->swd2->streams[i];
                struct packed *packed = &packing->items[i];
                int r = 0;

                if (!again || is_smaller_for(packed, stream->n_bytes, window_bytes))
                        r = pack_stream(packing->swd2, i, window_bytes, packed);
                if (r < 0)
                        return r;
                decoders_bytes += packed->decoder_bytes;
                n += packed->data.n_bytes;
        }
        *ret_needs = swb_swd2_needs(decoders_bytes, 0, packing->swd2->part_bytes);
        *ret_n = n + SWB_STREAM_TABLE_HEAD_BYTES + packing->n * SWB_STREAM_TABLE_ENTRY_BYTES;
        return 0;
}

static int put_packed(const struct packing *packing, size_t window_bytes, uint64_t needs,
                      struct swb_buf *buf)
{
        uint8_t head[SWB_STREAM_TABLE_HEAD_BYTES] = SWB_SWD2_MAGIC;
        uint64_t units = needs / SWB_SWD2_UNIT_BYTES;
        int r;

        head[4] = (uint8_t)packing->n;
        head[5] = (uint8_t)(window_bytes / SWB_SWD2_UNIT_BYTES);
        head[6] = (uint8_t)units;
        head[7] = (uint8_t)(units >> 8);
        r = swb_buf_append(buf, head, sizeof(head));
        for (size_t i = 0; i < packing->n && r == 0; i++) {
                uint8_t entry[SWB_STREAM_TABLE_ENTRY_BYTES] = {packing->items[i].number};

                swb_put_le32(entry + 1, (uint32_t)packing->items[i].data.n_bytes);
                swb_put_le32(entry + 5, (uint32_t)packing->swd2->streams[i].n_bytes);
                r = swb_buf_append(buf, entry, sizeof(entry));
        }
        for (size_t i = 0; i < packing->n && r == 0; i++)
                r = swb_buf_append(buf, packing->items[i].data.data,
                                   packing->items[i].data.n_bytes);
        return r;
}

/* What a reader would need if no coding changed with the window: near enough to leave out windows
 * that are packed for nothing. */
static uint64_t expect(const struct packing *packing, size_t window_bytes)
{
        uint64_t decoders_bytes = 0, n = 0;

        for (size_t i = 0; i < packing->n; i++) {
                const struct packed *packed = &packing->items[i];
                enum swb_codec codec;

                if (swb_stream_codec(packed->number, &codec) < 0)
                        continue;
                n += packed->data.n_bytes;
                decoders_bytes += swb_swd2_decoder_bytes(codec, packing->swd2->streams[i].n_bytes,
                                                         window_bytes);
        }
        return swb_swd2_needs(decoders_bytes, 0, packing->swd2->part_bytes) + n;
}

static int pack_within(struct packing *packing, struct swb_buf *buf)
{
        for (size_t i = 0; i < SWB_ELEMENTS(windows); i++) {
                uint64_t needs, n;
                int r;

                if (i > 0 && i + 1 < SWB_ELEMENTS(windows) &&
                    expect(packing, windows[i]) > packing->swd2->max_memory_bytes)
                        continue;
                r = pack_all(packing, windows[i], i > 0, &needs, &n);

                if (r < 0)
                        return r;
                if (needs + n <= packing->swd2->max_memory_bytes)
                        return put_packed(packing, windows[i], needs, buf);
        }
        return -E2BIG;
}

int swb_swd2_write(const struct swb_swd2 *swd2, struct swb_buf *buf)
{
        _cleanup_(packing_done) struct packing packing = {.swd2 = swd2, .n = count_streams(swd2)};
        size_t start = buf->n_bytes;
        int r = check_limits(swd2, packing.n);

        for (size_t i = 0; i < packing.n; i++)
                packing.items[i].data = SWB_BUF_INIT(SIZE_MAX);
        if (r == 0)
                r = pack_within(&packing, buf);
        if (r < 0)
                buf->n_bytes = start;
        return r;
}

uint64_t swb_swd2_memory(uint64_t n_old, uint64_t n_new)
{
        /* Masks; streams of the best attempt, as they grow, beside either the search of the next
         * one or its streams, and the predictor. Then a coding of the largest. */
        return n_old + n_new + 3 * n_new +
               SWB_MAX(swb_difference_memory(n_old), 3 * n_new + SWB_SWD2_PREDICTOR_BYTES) +
               ENCODER_BYTES;
}
