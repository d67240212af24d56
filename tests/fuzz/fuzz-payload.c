/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a payload, or what pretends to be one.
 * Checks: the reader tells the same in pieces as at one go, and the same from the middle on when it
 * is told to go on there.
 */
#include "fuzz.h"

#include "payload/reader.h"

#define SIGNATURES_MAX 4

/* What a reader told, as one number; it ends when the reader fails or wants more than there is. */
struct story {
        uint64_t sum;
        uint64_t sum_from_second; /* of the events after the first operation */
        size_t n_operations;
        uint64_t second_offset; /* where the second operation's blob begins */
        int last;
};

static void mix(uint64_t *sum, const void *data, size_t n)
{
        for (size_t i = 0; i < n; i++)
                *sum = (*sum ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
}

static void mix_number(uint64_t *sum, uint64_t value)
{
        mix(sum, &value, sizeof(value));
}

static uint64_t sum_of_operation(const struct swb_payload_reader *reader)
{
        const struct swb_operation *op;
        size_t partition, number;
        const uint8_t *blob;
        uint64_t sum = 0;

        op = swb_payload_reader_operation(reader, &partition, &number, &blob);
        mix_number(&sum, op->type);
        mix_number(&sum, partition);
        mix_number(&sum, number);
        mix(&sum, blob, blob ? (size_t)op->data_length : 0);
        mix(&sum, op->src, op->n_src * sizeof(*op->src));
        mix(&sum, op->dst, op->n_dst * sizeof(*op->dst));
        return sum;
}

static uint64_t sum_of_signatures(struct swb_payload_reader *reader, bool metadata)
{
        struct swb_signature signatures[SIGNATURES_MAX];
        uint64_t sum = 0;
        size_t n;
        int r;

        if (metadata)
                r = swb_payload_reader_metadata_signatures(reader, signatures, SIGNATURES_MAX, &n,
                                                           NULL);
        else
                r = swb_payload_reader_signatures(reader, signatures, SIGNATURES_MAX, &n, NULL);
        for (size_t i = 0; r >= 0 && i < n; i++)
                mix(&sum, signatures[i].data, signatures[i].n_bytes);
        return sum;
}

/* Return: < 0 when the reader is stuck. */
static int handle(struct swb_payload_reader *reader, int event, struct story *story)
{
        uint64_t sum = 0;
        int r = 0;

        switch (event) {
        case SWB_PAYLOAD_METADATA:
                sum = sum_of_signatures(reader, true);
                r = swb_payload_reader_accept(reader, NULL);
                break;
        case SWB_PAYLOAD_OPERATION:
                sum = sum_of_operation(reader);
                break;
        case SWB_PAYLOAD_SIGNATURES:
                sum = sum_of_signatures(reader, false);
                break;
        default:
                break;
        }
        if (event != SWB_PAYLOAD_MORE) {
                mix_number(&story->sum, sum);
                if (story->n_operations > 0)
                        mix_number(&story->sum_from_second, sum);
        }
        if (event == SWB_PAYLOAD_OPERATION && story->n_operations++ == 0)
                story->second_offset = swb_payload_reader_offset(reader);
        return r;
}

static void read_on(struct swb_payload_reader *reader, const uint8_t *data, size_t n, size_t piece,
                    struct story *story)
{
        size_t used;
        int event, r;

        for (;;) {
                size_t give = SWB_MIN(piece, n);

                event = swb_payload_reader_feed(reader, data, give, &used, NULL);
                if (event < 0)
                        break;
                swb_assert(used <= give);
                data += used;
                n -= used;
                r = handle(reader, event, story);
                if (r < 0)
                        event = r;
                if (event < 0 || event == SWB_PAYLOAD_END)
                        break;
                if (event == SWB_PAYLOAD_MORE && n == 0)
                        break;
                swb_assert(used > 0 || event != SWB_PAYLOAD_MORE);
        }
        story->last = event;
}

static struct story read_in_pieces(const uint8_t *data, size_t n, size_t piece)
{
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader = NULL;
        struct story story = {0};

        if (swb_payload_reader_new(&reader, NULL) < 0)
                abort();
        read_on(reader, data, n, piece, &story);
        return story;
}

static struct story read_from_second(const uint8_t *data, size_t n)
{
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader = NULL;
        struct story story = {.n_operations = 1};
        uint64_t offset;
        size_t used;
        int r;

        if (swb_payload_reader_new(&reader, NULL) < 0)
                abort();
        r = swb_payload_reader_feed(reader, data, n, &used, NULL);
        swb_assert(r == SWB_PAYLOAD_METADATA);
        r = swb_payload_reader_accept(reader, NULL);
        swb_assert(r == 0);
        r = swb_payload_reader_seek(reader, 1, NULL);
        swb_assert(r == 0);
        offset = swb_payload_reader_offset(reader);
        swb_assert(offset <= n);
        read_on(reader, data + offset, n - (size_t)offset, n, &story);
        story.second_offset = offset;
        return story;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        struct story whole = read_in_pieces(data, n_bytes, SIZE_MAX);
        struct story pieces = read_in_pieces(data, n_bytes, 1 + n_bytes % 61);
        struct story second;

        swb_assert(whole.last == pieces.last);
        swb_assert(whole.sum == pieces.sum);
        if (whole.n_operations == 0)
                return 0;
        second = read_from_second(data, n_bytes);
        swb_assert(second.second_offset == whole.second_offset);
        swb_assert(second.sum_from_second == whole.sum_from_second);
        swb_assert(second.last == whole.last);
        return 0;
}
