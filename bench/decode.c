/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/decode.c - what decoding a full payload costs, beside xz
 *
 *     decode PAYLOAD IMAGE.xz ROUNDS
 *
 * Decodes all operations of the payload as the device does, then the xz file, in turns, in one
 * process and thread; nothing is hashed or written but what xz's own check needs. Prints the
 * processor's seconds of each round, and the medians: of both, and of the rounds' ratios.
 */
#include <lzma.h>
#include <time.h>

#include "base/text.h"
#include "codec/codec.h"
#include "codec/split.h"
#include "os/file.h"
#include "payload/reader.h"

#define FILE_MAX_BYTES ((size_t)1 << 30)
#define OUT_BYTES ((size_t)1 << 20)
#define ROUNDS_MAX 99u

/* What one side keeps from operation to operation, as swb-install does. */
struct ours {
        struct swb_payload_reader *reader;
        struct swb_decoder *decoder;
        enum swb_codec codec;
        struct swb_buf work;
        uint8_t *out; /* OUT_BYTES: where a writer would be */
        uint64_t n_made;
};

static double seconds(void)
{
        struct timespec ts = {0};

        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts); /* fails for an unknown clock only */
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int take(void *context, const uint8_t *data _unused_, size_t n)
{
        struct ours *ours = context;

        ours->n_made += n;
        return 0;
}

static int decode_stream(struct ours *ours, enum swb_codec codec, const uint8_t *in, size_t n_in)
{
        int r;

        if (ours->decoder && ours->codec == codec) {
                r = swb_decoder_reset(ours->decoder);
        } else {
                ours->decoder = swb_decoder_free(ours->decoder);
                ours->codec = codec;
                r = swb_decoder_new(codec, SWB_DECODER_MEMORY_BYTES, &ours->decoder);
        }
        while (r == SWB_DECODER_MORE) {
                uint8_t *out = ours->out;
                size_t had_in = n_in, n_room = OUT_BYTES;

                r = swb_decoder_step(ours->decoder, &in, &n_in, &out, &n_room);
                ours->n_made += OUT_BYTES - n_room;
                if (r == SWB_DECODER_MORE && n_in == had_in && n_room == OUT_BYTES)
                        return -EBADMSG;
        }
        return r < 0 ? r : 0;
}

static int decode_split(struct ours *ours, const struct swb_operation *op, const uint8_t *blob)
{
        ours->decoder = swb_decoder_free(ours->decoder);
        return swb_unsplit(blob, (size_t)op->data_length,
                           swb_extents_blocks(op->dst, op->n_dst) * SWB_BLOCK_BYTES, &ours->work,
                           take, ours);
}

static int decode_operation(struct ours *ours, struct swb_error *err)
{
        const struct swb_operation *op;
        size_t partition, number;
        const uint8_t *blob;
        int r = 0;

        op = swb_payload_reader_operation(ours->reader, &partition, &number, &blob);
        if (op->type == SWB_OP_REPLACE_SPLIT)
                r = decode_split(ours, op, blob);
        else if (op->type == SWB_OP_REPLACE_ZSTD)
                r = decode_stream(ours, SWB_CODEC_ZSTD, blob, (size_t)op->data_length);
        else if (op->type == SWB_OP_REPLACE_XZ)
                r = decode_stream(ours, SWB_CODEC_XZ, blob, (size_t)op->data_length);
        else if (op->type == SWB_OP_REPLACE_BZ)
                r = decode_stream(ours, SWB_CODEC_BZ2, blob, (size_t)op->data_length);
        else
                ours->n_made += swb_extents_blocks(op->dst, op->n_dst) * SWB_BLOCK_BYTES;
        return r < 0 ? swb_fail(err, r, SWB_FAULT_FORMAT, "operation %zu: %s", number, strerror(-r))
                     : 0;
}

static int walk(struct ours *ours, const struct swb_buf *payload, struct swb_error *err)
{
        size_t at = 0, used;
        int r = SWB_PAYLOAD_MORE;

        while (r != SWB_PAYLOAD_END) {
                r = swb_payload_reader_feed(ours->reader, payload->data + at, payload->n_bytes - at,
                                            &used, err);
                at += r < 0 ? 0 : used;
                if (r == SWB_PAYLOAD_MORE && at == payload->n_bytes)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "the payload is cut");
                if (r == SWB_PAYLOAD_METADATA && swb_payload_reader_accept(ours->reader, err) < 0)
                        return -EBADMSG;
                if (r == SWB_PAYLOAD_OPERATION && decode_operation(ours, err) < 0)
                        return -EBADMSG;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int decode_ours(const struct swb_buf *payload, uint64_t *ret_n, struct swb_error *err)
{
        struct ours ours = {.work = SWB_BUF_INIT(SWB_SPLIT_WORK_BYTES), .out = malloc(OUT_BYTES)};
        int r = ours.out ? swb_payload_reader_new(&ours.reader, err) : swb_oom(err);

        if (r >= 0)
                r = walk(&ours, payload, err);
        *ret_n = ours.n_made;
        swb_payload_reader_free(ours.reader);
        (void)swb_decoder_free(ours.decoder);
        swb_buf_done(&ours.work);
        free(ours.out);
        return r;
}

static int decode_xz(const struct swb_buf *file, uint64_t *ret_n, struct swb_error *err)
{
        _cleanup_free_ uint8_t *out = malloc(OUT_BYTES);
        lzma_stream stream = LZMA_STREAM_INIT;
        lzma_ret r =
                out ? lzma_stream_decoder(&stream, UINT64_MAX, LZMA_CONCATENATED) : LZMA_MEM_ERROR;

        stream.next_in = file->data;
        stream.avail_in = file->n_bytes;
        while (r == LZMA_OK) {
                stream.next_out = out;
                stream.avail_out = OUT_BYTES;
                r = lzma_code(&stream, stream.avail_in > 0 ? LZMA_RUN : LZMA_FINISH);
        }
        *ret_n = stream.total_out;
        lzma_end(&stream);
        return r == LZMA_STREAM_END
                       ? 0
                       : swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "xz refuses with %d", (int)r);
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

static double median(double *values, size_t n)
{
        qsort(values, n, sizeof(*values), compare);
        return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static int run(const struct swb_buf *payload, const struct swb_buf *xz, size_t rounds,
               struct swb_error *err)
{
        double ours[ROUNDS_MAX], theirs[ROUNDS_MAX], ratios[ROUNDS_MAX];

        for (size_t i = 0; i < rounds; i++) {
                uint64_t n_ours, n_theirs;
                double start = seconds(), middle;
                int r = decode_ours(payload, &n_ours, err);

                middle = seconds();
                if (r >= 0)
                        r = decode_xz(xz, &n_theirs, err);
                if (r >= 0 && n_ours != n_theirs)
                        r = swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                     "the two hold images of different sizes");
                if (r < 0)
                        return r;
                ours[i] = middle - start;
                theirs[i] = seconds() - middle;
                ratios[i] = theirs[i] / ours[i];
                (void)printf("%.3f %.3f %.2f\n", ours[i], theirs[i], ratios[i]);
        }
        (void)printf("decoding %.1f MB: %.3f CPU s, xz %.1f MB: %.3f CPU s, %.2f times as long "
                     "(medians of %zu rounds)\n",
                     (double)payload->n_bytes / 1e6, median(ours, rounds),
                     (double)xz->n_bytes / 1e6, median(theirs, rounds), median(ratios, rounds),
                     rounds);
        return 0;
}

int main(int argc, char **argv)
{
        _cleanup_(swb_buf_done) struct swb_buf payload = SWB_BUF_INIT(FILE_MAX_BYTES),
                                               xz = SWB_BUF_INIT(FILE_MAX_BYTES);
        struct swb_error err = SWB_ERROR_INIT;
        uint64_t rounds = 0;
        int r;

        if (argc != 4 || swb_parse_u64(argv[3], &rounds) < 0 || rounds < 1 || rounds > ROUNDS_MAX)
                return 2;
        r = swb_read_file(argv[1], &payload, &err);
        if (r >= 0)
                r = swb_read_file(argv[2], &xz, &err);
        if (r >= 0)
                r = run(&payload, &xz, (size_t)rounds, &err);
        if (r < 0)
                (void)fprintf(stderr, "decode: %s\n", err.text);
        return r < 0;
}
