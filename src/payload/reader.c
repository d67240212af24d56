/* SPDX-License-Identifier: Apache-2.0 */
#include "payload/reader.h"

#include "base/buf.h"
#include "payload/manifest.h"

enum stage {
        STAGE_HEADER,             /* collecting 24 bytes */
        STAGE_MANIFEST,           /* collecting the manifest behind them */
        STAGE_METADATA_SIGNATURE, /* collecting */
        STAGE_ACCEPT,             /* METADATA was told, waiting for accept() */
        STAGE_NEXT_OPERATION,     /* between operations */
        STAGE_BLOB,               /* collecting the operation's data */
        STAGE_SIGNATURES,         /* collecting */
        STAGE_END,
        STAGE_FAILED,
};

struct swb_payload_reader {
        enum stage stage;
        struct swb_error error; /* why it is stuck */
        enum swb_manifest_strictness strictness;
        uint64_t offset; /* in the file, of the next byte to be fed */

        struct swb_buf metadata; /* header, manifest, metadata signature */
        size_t n_signed;         /* of it header and manifest */

        bool accepted;
        struct swb_manifest manifest;
        struct swb_manifest_view view;
        size_t n_operations;
        struct swb_op_walk walk; /* the operation that is fed */
        struct swb_op_walk peek;
        struct swb_buf blob;
        struct swb_buf signatures;
};

int swb_payload_reader_new(struct swb_payload_reader **ret, struct swb_error *err)
{
        struct swb_payload_reader *reader = calloc(1, sizeof(*reader));

        if (!reader)
                return swb_oom(err);
        reader->metadata.max_bytes = SWB_PAYLOAD_HEADER_BYTES;
        reader->blob.max_bytes = SWB_OPERATION_DATA_MAX_BYTES;
        *ret = reader;
        return 0;
}

struct swb_payload_reader *swb_payload_reader_free(struct swb_payload_reader *reader)
{
        if (!reader)
                return NULL;
        swb_buf_done(&reader->metadata);
        swb_buf_done(&reader->blob);
        swb_buf_done(&reader->signatures);
        swb_op_walk_done(&reader->walk);
        swb_op_walk_done(&reader->peek);
        free(reader);
        return NULL;
}

void swb_payload_reader_only_inspect(struct swb_payload_reader *reader)
{
        reader->strictness = SWB_MANIFEST_TO_INSPECT;
}

/* The end of every public call: a failure was put into reader->error, and stays. */
static int answer(struct swb_payload_reader *reader, int r, struct swb_error *err)
{
        if (r >= 0)
                return r;
        reader->stage = STAGE_FAILED;
        if (err)
                *err = reader->error;
        return r;
}

static int misused(struct swb_payload_reader *reader, const char *what)
{
        return swb_fail(&reader->error, -EINVAL, SWB_FAULT_INTERNAL, "payload reader: %s", what);
}

/* What is fed, and how much of it is used. */
/* A buffer for blobs is kept up to this size. */
#define BLOB_KEPT_BYTES ((size_t)1 << 20)

struct input {
        const uint8_t *data;
        size_t n_bytes;
        size_t used;
};

/* Moves input to buf until that holds `want` bytes. Return: 1 it does, 0 more input is needed. */
static int collect(struct swb_payload_reader *reader, struct input *in, struct swb_buf *buf,
                   size_t want)
{
        size_t n = SWB_MIN(want - buf->n_bytes, in->n_bytes - in->used);

        if (n > 0) {
                if (swb_buf_append(buf, in->data + in->used, n) < 0)
                        return swb_oom(&reader->error);
                in->used += n;
                reader->offset += n;
        }
        return buf->n_bytes == want;
}

/* PF-2 to PF-6 */
static int parse_header(struct swb_payload_reader *reader)
{
        struct swb_cursor c = SWB_CURSOR(reader->metadata.data, reader->metadata.n_bytes);
        const uint8_t *magic = swb_cursor_take(&c, 4);
        uint64_t major = swb_cursor_be64(&c);
        uint64_t n_manifest = swb_cursor_be64(&c);
        uint32_t n_signature = swb_cursor_be32(&c);

        if (!magic || memcmp(magic, SWB_PAYLOAD_MAGIC, 4) != 0)
                return swb_fail(&reader->error, -EBADMSG, SWB_FAULT_FORMAT,
                                "not a payload: it does not begin with " SWB_PAYLOAD_MAGIC);
        if (major != SWB_PAYLOAD_MAJOR)
                return swb_fail(&reader->error, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                                "payload of major version %ju, only %d is known", (uintmax_t)major,
                                SWB_PAYLOAD_MAJOR);
        if (n_manifest == 0)
                return swb_fail(&reader->error, -EBADMSG, SWB_FAULT_FORMAT,
                                "header: the manifest is empty");
        if (n_manifest > SWB_MANIFEST_MAX_BYTES || n_signature > SWB_SIGNATURES_MAX_BYTES)
                return swb_fail(&reader->error, -E2BIG, SWB_FAULT_LIMIT,
                                "header: manifest of %ju and metadata signature of %u bytes, at "
                                "most %u and %u are taken",
                                (uintmax_t)n_manifest, n_signature, SWB_MANIFEST_MAX_BYTES,
                                SWB_SIGNATURES_MAX_BYTES);
        reader->n_signed = SWB_PAYLOAD_HEADER_BYTES + (size_t)n_manifest;
        reader->metadata.max_bytes = reader->n_signed + n_signature;
        return 0;
}

/* Header, manifest, metadata signature: the three parts before trust. */
static int feed_metadata(struct swb_payload_reader *reader, struct input *in)
{
        int r;

        if (reader->stage == STAGE_HEADER) {
                r = collect(reader, in, &reader->metadata, SWB_PAYLOAD_HEADER_BYTES);
                if (r > 0)
                        r = parse_header(reader);
                if (r < 0 || reader->metadata.n_bytes < SWB_PAYLOAD_HEADER_BYTES)
                        return r;
                reader->stage = STAGE_MANIFEST;
        }
        if (reader->stage == STAGE_MANIFEST) {
                r = collect(reader, in, &reader->metadata, reader->n_signed);
                if (r <= 0)
                        return r;
                reader->stage = STAGE_METADATA_SIGNATURE;
        }
        r = collect(reader, in, &reader->metadata, reader->metadata.max_bytes);
        if (r <= 0)
                return r;
        reader->stage = STAGE_ACCEPT;
        return SWB_PAYLOAD_METADATA;
}

static int feed_blob(struct swb_payload_reader *reader, struct input *in)
{
        int r;

        r = collect(reader, in, &reader->blob, (size_t)reader->walk.operation.data_length);
        if (r <= 0)
                return r;
        reader->stage = STAGE_NEXT_OPERATION;
        return SWB_PAYLOAD_OPERATION;
}

static int feed_signatures(struct swb_payload_reader *reader, struct input *in)
{
        int r;

        r = collect(reader, in, &reader->signatures, (size_t)reader->manifest.signatures_size);
        if (r <= 0)
                return r;
        reader->stage = STAGE_END;
        return SWB_PAYLOAD_SIGNATURES;
}

static int feed_next_operation(struct swb_payload_reader *reader, struct input *in)
{
        int r;

        if (reader->blob.cap > BLOB_KEPT_BYTES)
                swb_buf_done(&reader->blob); /* one large operation is no reason to keep it all */
        swb_buf_reset(&reader->blob);
        r = swb_op_walk_next(&reader->walk, &reader->error);
        if (r < 0)
                return r;
        if (r > 0) {
                if (swb_buf_reserve(&reader->blob, (size_t)reader->walk.operation.data_length) < 0)
                        return swb_oom(&reader->error);
                reader->stage = STAGE_BLOB;
                return feed_blob(reader, in);
        }
        if (reader->manifest.signatures_size > 0) {
                reader->stage = STAGE_SIGNATURES;
                return feed_signatures(reader, in);
        }
        reader->stage = STAGE_END;
        return SWB_PAYLOAD_END;
}

static int feed_end(struct swb_payload_reader *reader, const struct input *in)
{
        if (in->n_bytes > 0)
                return swb_fail(&reader->error, -EBADMSG, SWB_FAULT_FORMAT,
                                "the payload ends at byte %ju, but more bytes follow",
                                (uintmax_t)reader->offset);
        return SWB_PAYLOAD_END;
}

static int feed(struct swb_payload_reader *reader, struct input *in)
{
        switch (reader->stage) {
        case STAGE_HEADER:
        case STAGE_MANIFEST:
        case STAGE_METADATA_SIGNATURE:
                return feed_metadata(reader, in);
        case STAGE_ACCEPT:
                return misused(reader, "fed before the metadata was accepted");
        case STAGE_NEXT_OPERATION:
                return feed_next_operation(reader, in);
        case STAGE_BLOB:
                return feed_blob(reader, in);
        case STAGE_SIGNATURES:
                return feed_signatures(reader, in);
        case STAGE_END:
                return feed_end(reader, in);
        case STAGE_FAILED:
        default:
                return reader->error.code;
        }
}

int swb_payload_reader_feed(struct swb_payload_reader *reader, const uint8_t *data, size_t n_bytes,
                            size_t *ret_used, struct swb_error *err)
{
        struct input in = {.data = data, .n_bytes = n_bytes};
        int r = feed(reader, &in);

        if (r >= 0)
                *ret_used = in.used;
        return answer(reader, r, err);
}

const uint8_t *swb_payload_reader_metadata(const struct swb_payload_reader *reader, size_t *ret_n)
{
        *ret_n = reader->n_signed;
        return reader->metadata.data;
}

uint64_t swb_payload_reader_blobs_start(const struct swb_payload_reader *reader)
{
        return reader->metadata.max_bytes;
}

static int parse_signatures(struct swb_payload_reader *reader, const uint8_t *message, size_t n,
                            const char *name, struct swb_signature *signatures, size_t max,
                            size_t *ret_n)
{
        int r;

        r = swb_signatures_parse(message, n, signatures, max, ret_n, &reader->error);
        return r < 0 ? swb_wrap(&reader->error, r, "%s", name) : r;
}

int swb_payload_reader_metadata_signatures(struct swb_payload_reader *reader,
                                           struct swb_signature *signatures, size_t max,
                                           size_t *ret_n, struct swb_error *err)
{
        int r;

        if (reader->stage == STAGE_FAILED)
                r = reader->error.code;
        else if (reader->stage < STAGE_ACCEPT)
                r = misused(reader, "asked for the metadata's signatures before METADATA");
        else
                r = parse_signatures(reader, reader->metadata.data + reader->n_signed,
                                     reader->metadata.n_bytes - reader->n_signed,
                                     "metadata signature", signatures, max, ret_n);
        return answer(reader, r, err);
}

static int accept_metadata(struct swb_payload_reader *reader)
{
        struct swb_manifest *m = &reader->manifest;
        int r;

        if (reader->stage != STAGE_ACCEPT)
                return reader->stage == STAGE_FAILED ? reader->error.code
                                                     : misused(reader, "accept out of turn");
        r = swb_manifest_parse(reader->metadata.data + SWB_PAYLOAD_HEADER_BYTES,
                               reader->n_signed - SWB_PAYLOAD_HEADER_BYTES, m, &reader->view,
                               &reader->error);
        if (r >= 0)
                r = swb_manifest_check(m, &reader->view, reader->strictness, &reader->error);
        if (r < 0)
                return r;
        if ((m->signatures_size > 0) != (reader->metadata.n_bytes > reader->n_signed)) /* PF-37 */
                return swb_fail(&reader->error, -EBADMSG, SWB_FAULT_FORMAT,
                                "payload signed and metadata not, or the other way round");
        for (size_t i = 0; i < m->n_partitions; i++)
                reader->n_operations += m->partitions[i].n_operations;
        swb_op_walk_init(&reader->walk, m, &reader->view);
        swb_op_walk_init(&reader->peek, m, &reader->view);
        reader->signatures.max_bytes = (size_t)m->signatures_size;
        reader->accepted = true;
        reader->stage = STAGE_NEXT_OPERATION;
        return 0;
}

int swb_payload_reader_accept(struct swb_payload_reader *reader, struct swb_error *err)
{
        return answer(reader, accept_metadata(reader), err);
}

const struct swb_manifest *swb_payload_reader_manifest(const struct swb_payload_reader *reader)
{
        return reader->accepted ? &reader->manifest : NULL;
}

/* Walks until `number` operations are behind; their data is behind, too. */
static int skip_operations(struct swb_payload_reader *reader, size_t number)
{
        uint64_t offset = swb_payload_reader_blobs_start(reader);
        int r;

        swb_op_walk_rewind(&reader->walk);
        while (reader->walk.n_done < number) {
                r = swb_op_walk_next(&reader->walk, &reader->error);
                if (r < 0)
                        return r;
                swb_assert(r > 0);
                offset += reader->walk.operation.data_length;
        }
        reader->offset = offset;
        reader->stage = STAGE_NEXT_OPERATION;
        return 0;
}

int swb_payload_reader_seek(struct swb_payload_reader *reader, size_t operation,
                            struct swb_error *err)
{
        int r;

        if (reader->stage == STAGE_FAILED)
                r = reader->error.code;
        else if (!reader->accepted)
                r = misused(reader, "seek before accept");
        else if (operation > reader->n_operations)
                r = swb_fail(&reader->error, -EBADMSG, SWB_FAULT_FORMAT,
                             "can't go on at operation %zu, the payload has %zu", operation,
                             reader->n_operations);
        else
                r = skip_operations(reader, operation);
        return answer(reader, r, err);
}

static int skip_one(struct swb_payload_reader *reader)
{
        int r;

        if (reader->stage != STAGE_NEXT_OPERATION)
                return reader->stage == STAGE_FAILED ? reader->error.code
                                                     : misused(reader, "skip within an operation");
        r = swb_op_walk_next(&reader->walk, &reader->error);
        if (r == 0)
                return misused(reader, "skip behind the last operation");
        if (r > 0)
                reader->offset += reader->walk.operation.data_length;
        return r;
}

int swb_payload_reader_skip(struct swb_payload_reader *reader, struct swb_error *err)
{
        int r = skip_one(reader);

        return answer(reader, r < 0 ? r : 0, err);
}

uint64_t swb_payload_reader_offset(const struct swb_payload_reader *reader)
{
        return reader->offset;
}

const struct swb_operation *swb_payload_reader_operation(const struct swb_payload_reader *reader,
                                                         size_t *ret_partition, size_t *ret_number,
                                                         const uint8_t **ret_blob)
{
        const struct swb_operation *op = &reader->walk.operation;

        *ret_partition = reader->walk.partition;
        *ret_number = reader->walk.number;
        *ret_blob = op->data_length > 0 ? reader->blob.data : NULL;
        return op;
}

/* The walk only goes forward; peeks mostly do, too. */
static int peek_at(struct swb_payload_reader *reader, size_t number)
{
        int r = 1;

        if (!reader->accepted)
                return misused(reader, "peek before accept");
        if (reader->peek.n_done > number)
                swb_op_walk_rewind(&reader->peek);
        while (r > 0 && reader->peek.n_done <= number)
                r = swb_op_walk_next(&reader->peek, &reader->error);
        return r;
}

int swb_payload_reader_peek(struct swb_payload_reader *reader, size_t number,
                            const struct swb_operation **ret_operation, size_t *ret_partition,
                            struct swb_error *err)
{
        int r = reader->stage == STAGE_FAILED ? reader->error.code : peek_at(reader, number);

        if (r > 0) {
                *ret_operation = &reader->peek.operation;
                *ret_partition = reader->peek.partition;
        }
        return answer(reader, r, err);
}

int swb_payload_reader_signatures(struct swb_payload_reader *reader,
                                  struct swb_signature *signatures, size_t max, size_t *ret_n,
                                  struct swb_error *err)
{
        int r;

        if (reader->stage == STAGE_FAILED)
                r = reader->error.code;
        else if (reader->stage != STAGE_END)
                r = misused(reader, "asked for the payload's signatures before SIGNATURES");
        else
                r = parse_signatures(reader, reader->signatures.data, reader->signatures.n_bytes,
                                     "payload signature", signatures, max, ret_n);
        return answer(reader, r, err);
}
