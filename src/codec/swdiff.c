/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/swdiff.h"

#include "base/endian.h"
#include "codec/stream_pack.h"

/* A reader has 12 MiB: an eighth for each stream of numbers, the rest for the other two (PF-83). */
#define NUMBERS_DICTIONARY_BYTES (1u << 20)
#define DATA_DICTIONARY_BYTES (3u << 20)
/* lzma at the level used, with the larger dictionary. */
#define ENCODER_BYTES ((uint64_t)64 << 20)
#define N_NUMBERS 3
/* A reader's 1.5 MiB are enough for bzip2 with blocks of 300 kB. */
#define NUMBERS_BZ2_LEVEL 3

static int list_numbers(const struct swb_difference *d, struct swb_buf *numbers)
{
        int r = 0;

        for (size_t i = 0; i < d->n_entries && r >= 0; i++) {
                r = swb_append_number(&numbers[0], (uint64_t)d->entries[i].n_diff);
                if (r >= 0)
                        r = swb_append_number(&numbers[1], (uint64_t)d->entries[i].n_extra);
                if (r >= 0)
                        r = swb_append_number(&numbers[2], swb_zigzag(d->entries[i].seek));
        }
        return r;
}

static int write_streams(struct swb_buf *const *streams, bool all_codecs, struct swb_buf *buf)
{
        const struct swb_pack_limits numbers = {.dictionary_bytes = NUMBERS_DICTIONARY_BYTES,
                                                .bz2_level = all_codecs ? NUMBERS_BZ2_LEVEL : 0};
        const struct swb_pack_limits data = {.dictionary_bytes = DATA_DICTIONARY_BYTES,
                                             .bz2_level = all_codecs ? 9 : 0,
                                             .brotli = all_codecs};
        uint8_t header[SWB_SWDIFF_HEADER_BYTES] = "SWD1";
        size_t start = buf->n_bytes;
        int r = swb_buf_append(buf, header, sizeof(header));

        for (size_t i = 0; i < SWB_SWDIFF_STREAMS && r >= 0; i++) {
                size_t begin = buf->n_bytes;

                if (streams[i]->n_bytes > 0)
                        r = swb_stream_pack(streams[i], i < N_NUMBERS ? &numbers : &data,
                                            header + 4 + i, buf);
                swb_buf_done(streams[i]);
                if (r >= 0 && buf->n_bytes - begin > UINT32_MAX)
                        r = -E2BIG;
                if (r >= 0 && i + 1 < SWB_SWDIFF_STREAMS)
                        swb_put_le32(header + 12 + 4 * i, (uint32_t)(buf->n_bytes - begin));
        }
        if (r >= 0)
                memcpy(buf->data + start, header, sizeof(header));
        return r;
}

int swb_swdiff_write(struct swb_difference *difference, bool all_codecs, struct swb_buf *buf)
{
        struct swb_buf numbers[N_NUMBERS] = {SWB_BUF_INIT(SIZE_MAX), SWB_BUF_INIT(SIZE_MAX),
                                             SWB_BUF_INIT(SIZE_MAX)};
        struct swb_buf *const streams[SWB_SWDIFF_STREAMS] = {&numbers[0], &numbers[1], &numbers[2],
                                                             &difference->diff, &difference->extra};
        size_t start = buf->n_bytes;
        int r = list_numbers(difference, numbers);

        if (r >= 0)
                r = write_streams(streams, all_codecs, buf);
        for (size_t i = 0; i < N_NUMBERS; i++)
                swb_buf_done(&numbers[i]);
        swb_difference_done(difference);
        if (r < 0)
                buf->n_bytes = start;
        return r;
}

uint64_t swb_swdiff_memory(uint64_t n_target)
{
        /* the streams, doubled at worst as they grew; then a coding of the largest, and a copy */
        return 4 * n_target + ENCODER_BYTES;
}
