/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/swd2.h"

#include "base/endian.h"
#include "codec/stream_pack.h"
#include "codec/stream_table.h"
#include "codec/swd2_attempt.h"

#define DICTIONARY_BYTES (3u << 20)
#define BZ2_LEVEL 8 /* its decoder's 3.3 MB fit where the dictionary does */
/* lzma at the level used, with the dictionary. */
#define ENCODER_BYTES ((uint64_t)64 << 20)

void swb_swd2_init(struct swb_swd2 *swd2, enum swb_swd2_effort effort)
{
        *swd2 = (struct swb_swd2){.effort = effort};
        for (size_t i = 0; i < SWB_SWD2_STREAMS_MAX; i++)
                swd2->streams[i] = SWB_BUF_INIT(SIZE_MAX);
}

void swb_swd2_done(struct swb_swd2 *swd2)
{
        for (size_t i = 0; i < SWB_SWD2_STREAMS_MAX; i++)
                swb_buf_done(&swd2->streams[i]);
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
        struct swb_swd2_pair pair = {.old = SWB_VIEW_OF_MEMORY(old, n_old),
                                     .new = SWB_VIEW_OF_MEMORY(new, n_new)};
        int r;

        if (n_new == 0)
                return 0;
        r = swb_swd2_attempt_best(&pair, swd2->effort, &best);
        if (r == 0 && best.n_entries > SWB_SWD2_ENTRIES_MAX)
                r = -E2BIG;
        if (r == 0)
                r = plan_part(swd2, &best, base, n_old, n_new);
        for (size_t i = SWB_SWD2_COPIES; i < SWB_SWD2_STREAMS_MAX && r == 0; i++)
                r = swb_buf_append(&swd2->streams[i], best.streams[i].data,
                                   best.streams[i].n_bytes);
        swd2->source = base + n_old;
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
        size_t memory = 0;

        for (size_t i = 0; i < n_streams; i++) {
                if (swd2->streams[i].n_bytes > UINT32_MAX)
                        return -E2BIG;
                if (swd2->streams[i].n_bytes > 0)
                        memory += swb_swd2_decoder_bytes(swd2->streams[i].n_bytes);
        }
        return memory > SWB_SWD2_DECODERS_BYTES ||
                               swd2->streams[SWB_SWD2_PLAN].n_bytes > SWB_SWD2_PLAN_MAX
                       ? -E2BIG
                       : 0;
}

static int write_stream(const struct swb_buf *stream, size_t entry, struct swb_buf *buf)
{
        const struct swb_pack_limits limits = {.dictionary_bytes = DICTIONARY_BYTES,
                                               .bz2_level = BZ2_LEVEL,
                                               .brotli = true,
                                               .decoder_bytes =
                                                       swb_swd2_decoder_bytes(stream->n_bytes)};
        size_t begin = buf->n_bytes;
        uint8_t number = SWB_STREAM_NONE;
        int r = stream->n_bytes > 0 ? swb_stream_pack(stream, &limits, &number, buf) : 0;

        if (r < 0)
                return r;
        buf->data[entry] = number;
        swb_put_le32(buf->data + entry + 1, (uint32_t)(buf->n_bytes - begin));
        swb_put_le32(buf->data + entry + 5, (uint32_t)stream->n_bytes);
        return 0;
}

int swb_swd2_write(const struct swb_swd2 *swd2, struct swb_buf *buf)
{
        uint8_t table[SWB_STREAM_TABLE_HEAD_BYTES +
                      SWB_SWD2_STREAMS_MAX * SWB_STREAM_TABLE_ENTRY_BYTES] = SWB_SWD2_MAGIC;
        size_t start = buf->n_bytes, n = count_streams(swd2);
        int r = check_limits(swd2, n);

        table[4] = (uint8_t)n;
        if (r == 0)
                r = swb_buf_append(buf, table,
                                   SWB_STREAM_TABLE_HEAD_BYTES + n * SWB_STREAM_TABLE_ENTRY_BYTES);
        for (size_t i = 0; i < n && r == 0; i++)
                r = write_stream(&swd2->streams[i],
                                 start + SWB_STREAM_TABLE_HEAD_BYTES +
                                         i * SWB_STREAM_TABLE_ENTRY_BYTES,
                                 buf);
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
