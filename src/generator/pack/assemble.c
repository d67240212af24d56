/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/pack/assemble.h"

#include "os/file.h"
#include "payload/writer.h"

#define COPY_BYTES ((size_t)256 << 10)

/* The payload's file so far, and its running hashes. */
struct sink {
        const struct swb_output *output;
        uint64_t offset;
        struct swb_sha256 file;    /* all bytes */
        struct swb_sha256 payload; /* all but the signatures */
};

static int put(struct sink *sink, const void *data, size_t n_bytes, bool is_signature,
               struct swb_error *err)
{
        int r = swb_pwrite(swb_output_fd(sink->output), swb_output_path(sink->output), data,
                           n_bytes, sink->offset, err);

        if (r < 0)
                return r;
        sink->offset += n_bytes;
        swb_sha256_update(&sink->file, data, n_bytes);
        if (!is_signature)
                swb_sha256_update(&sink->payload, data, n_bytes);
        return 0;
}

static uint64_t first_block(const struct swb_operation *op)
{
        uint64_t first = UINT64_MAX;

        for (size_t i = 0; i < op->n_dst; i++)
                first = SWB_MIN(first, op->dst[i].start_block);
        return first;
}

/* No two operations write the same block, so this order is complete. */
static int compare_operations(const void *a, const void *b)
{
        uint64_t x = first_block(a), y = first_block(b);

        return x < y ? -1 : x > y;
}

static int put_operation(struct sink *sink, const struct swb_spool *spool, uint64_t offset,
                         uint64_t n_bytes, uint8_t *buf, struct swb_error *err)
{
        for (uint64_t done = 0; done < n_bytes;) {
                size_t n = (size_t)SWB_MIN(n_bytes - done, (uint64_t)COPY_BYTES);
                int r = swb_spool_read(spool, offset + done, buf, n, err);

                if (r == 0)
                        r = put(sink, buf, n, false, err);
                if (r < 0)
                        return r;
                done += n;
        }
        return 0;
}

/* Sorts (but for pieces, whose order says what changes together), notes in `places` where each
 * operation's data lies in the spool, and gives it its place in the payload. */
static int lay_out(struct swb_assembly *a, uint64_t *places, struct swb_error *err)
{
        uint64_t offset = 0;
        size_t n = 0;

        for (size_t p = 0; p < a->manifest->n_partitions; p++) {
                struct swb_operation_list *list = &a->operations[p];

                if (!a->rules->pieces)
                        qsort(list->items, list->n, sizeof(*list->items), compare_operations);
                a->manifest->partitions[p].n_operations = list->n;
                for (size_t i = 0; i < list->n; i++) {
                        places[n++] = list->items[i].data_offset;
                        list->items[i].data_offset = list->items[i].data_length ? offset : 0;
                        offset += list->items[i].data_length;
                }
        }
        if (a->rules->offsets_32_bit && offset > UINT32_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT,
                                "the operations' data exceed 4 GiB, which clients of minor version "
                                "%u can't read: use --minor=6",
                                a->rules->minor);
        a->manifest->signatures_offset = offset;
        return 0;
}

static int write_head(struct swb_assembly *a, struct sink *sink, struct swb_payload_facts *facts,
                      struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf head =
                SWB_BUF_INIT(SWB_MANIFEST_MAX_BYTES + SWB_PAYLOAD_HEADER_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf signatures = SWB_BUF_INIT(SWB_SIGNATURES_MAX_BYTES);
        const struct swb_operation *lists[SWB_PARTITIONS_MAX] = {NULL};
        uint32_t n_message;
        int r = swb_signing_message_bytes(a->signing, &n_message, err);

        if (r < 0)
                return r;
        if (n_message == 0)
                a->manifest->signatures_offset = 0;
        a->manifest->signatures_size = n_message;
        for (size_t p = 0; p < a->manifest->n_partitions; p++)
                lists[p] = a->operations[p].items;
        r = swb_manifest_write(a->manifest, lists, n_message, &head, err);
        if (r < 0)
                return swb_wrap(err, r, "write the manifest");
        facts->n_metadata_bytes = head.n_bytes;
        swb_sha256(head.data, head.n_bytes, facts->metadata_hash);
        r = put(sink, head.data, head.n_bytes, false, err);
        if (r == 0)
                r = swb_signing_write(a->signing, facts->metadata_hash, &signatures, err);
        return r < 0 ? r : put(sink, signatures.data, signatures.n_bytes, true, err);
}

static int write_data(const struct swb_assembly *a, const uint64_t *places, struct sink *sink,
                      struct swb_error *err)
{
        _cleanup_free_ uint8_t *buf = malloc(COPY_BYTES);
        size_t n = 0;

        if (!buf)
                return swb_oom(err);
        for (size_t p = 0; p < a->manifest->n_partitions; p++)
                for (size_t i = 0; i < a->operations[p].n; i++, n++) {
                        int r = put_operation(sink, a->spool, places[n],
                                              a->operations[p].items[i].data_length, buf, err);

                        if (r < 0)
                                return r;
                }
        return 0;
}

static int write_tail(const struct swb_assembly *a, struct sink *sink,
                      struct swb_payload_facts *facts, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf signatures = SWB_BUF_INIT(SWB_SIGNATURES_MAX_BYTES);
        int r;

        swb_sha256_final(&sink->payload, facts->payload_hash);
        r = swb_signing_write(a->signing, facts->payload_hash, &signatures, err);
        if (r == 0)
                r = put(sink, signatures.data, signatures.n_bytes, true, err);
        if (r < 0)
                return r;
        swb_sha256_final(&sink->file, facts->file_hash);
        facts->n_bytes = sink->offset;
        return 0;
}

int swb_assemble(struct swb_assembly *a, const struct swb_output *output,
                 struct swb_payload_facts *ret, struct swb_error *err)
{
        _cleanup_free_ uint64_t *places = NULL;
        struct swb_payload_facts facts = {0};
        struct sink sink = {.output = output};
        size_t n = 1;
        int r;

        for (size_t p = 0; p < a->manifest->n_partitions; p++)
                n += a->operations[p].n;
        places = calloc(n, sizeof(*places));
        if (!places)
                return swb_oom(err);
        swb_sha256_init(&sink.file);
        swb_sha256_init(&sink.payload);
        r = lay_out(a, places, err);
        if (r == 0)
                r = write_head(a, &sink, &facts, err);
        if (r == 0)
                r = write_data(a, places, &sink, err);
        if (r == 0)
                r = write_tail(a, &sink, &facts, err);
        if (r < 0)
                return r;
        *ret = facts;
        return 0;
}
