/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a manifest, without header: so the fuzzer need not find out how long one is.
 * Checks: what the reader accepts, the writer writes, and the reader then finds the same in it.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/endian.h"
#include "payload/reader.h"
#include "payload/writer.h"

#define SIGNATURE_BYTES 9

struct contents {
        struct swb_payload_reader *reader;
        struct swb_operation *operations; /* of all partitions, extents their own */
        size_t n_operations;
};

static void contents_done(struct contents *c)
{
        for (size_t i = 0; i < c->n_operations; i++) {
                free(c->operations[i].src);
                free(c->operations[i].dst);
        }
        free(c->operations);
        swb_payload_reader_free(c->reader);
}

static struct swb_extent *copy_extents(const struct swb_extent *extents, size_t n)
{
        struct swb_extent *copy = calloc(n + 1, sizeof(*copy));

        if (!copy)
                abort();
        if (n > 0)
                memcpy(copy, extents, n * sizeof(*copy));
        return copy;
}

static void keep(struct contents *c, const struct swb_operation *op)
{
        struct swb_operation *more =
                reallocarray(c->operations, c->n_operations + 1, sizeof(*more));

        if (!more)
                abort();
        c->operations = more;
        more += c->n_operations++;
        *more = *op;
        more->src = copy_extents(op->src, op->n_src);
        more->dst = copy_extents(op->dst, op->n_dst);
}

static int feed(struct swb_payload_reader *reader, const uint8_t *data, size_t n)
{
        size_t used;
        int r = swb_payload_reader_feed(reader, data, n, &used, NULL);

        swb_assert(r < 0 || used == n);
        return r;
}

/* Return: true when it was accepted. */
static bool read_manifest(struct contents *c, const uint8_t *manifest, size_t n,
                          uint32_t n_signature)
{
        static const uint8_t signature[SIGNATURE_BYTES];
        uint8_t header[SWB_PAYLOAD_HEADER_BYTES] = SWB_PAYLOAD_MAGIC;
        const struct swb_operation *op;
        size_t partition;
        int r;

        if (swb_payload_reader_new(&c->reader, NULL) < 0)
                abort();
        swb_put_be64(header + 4, SWB_PAYLOAD_MAJOR);
        swb_put_be64(header + 12, n);
        swb_put_be32(header + 20, n_signature);
        r = feed(c->reader, header, sizeof(header));
        if (r >= 0)
                r = feed(c->reader, manifest, n);
        if (r >= 0 && n_signature > 0)
                r = feed(c->reader, signature, n_signature);
        if (r < 0)
                return false;
        swb_assert(r == SWB_PAYLOAD_METADATA);
        if (swb_payload_reader_accept(c->reader, NULL) < 0)
                return false;
        while ((r = swb_payload_reader_peek(c->reader, c->n_operations, &op, &partition, NULL)) > 0)
                keep(c, op);
        swb_assert(r == 0);
        return true;
}

static bool same_extents(const struct swb_extent *a, const struct swb_extent *b, size_t n)
{
        return n == 0 || memcmp(a, b, n * sizeof(*a)) == 0;
}

static void assert_same_partition(const struct swb_partition *a, const struct swb_partition *b)
{
        swb_assert(strcmp(a->name, b->name) == 0 && strcmp(a->version, b->version) == 0);
        swb_assert(a->has_old == b->has_old && a->has_new == b->has_new);
        swb_assert(a->old_bytes == b->old_bytes && a->new_bytes == b->new_bytes);
        swb_assert(memcmp(a->old_hash, b->old_hash, sizeof(a->old_hash)) == 0);
        swb_assert(memcmp(a->new_hash, b->new_hash, sizeof(a->new_hash)) == 0);
        swb_assert(a->run_postinstall == b->run_postinstall);
        swb_assert(a->postinstall_optional == b->postinstall_optional);
        swb_assert(strcmp(a->postinstall_path, b->postinstall_path) == 0);
        swb_assert(strcmp(a->filesystem_type, b->filesystem_type) == 0);
        swb_assert(a->n_operations == b->n_operations);
}

static void assert_same(const struct contents *a, const struct contents *b)
{
        const struct swb_manifest *ma = swb_payload_reader_manifest(a->reader);
        const struct swb_manifest *mb = swb_payload_reader_manifest(b->reader);

        swb_assert(ma->n_partitions == mb->n_partitions && ma->minor == mb->minor);
        swb_assert(ma->max_timestamp == mb->max_timestamp);
        for (size_t i = 0; i < ma->n_partitions; i++)
                assert_same_partition(&ma->partitions[i], &mb->partitions[i]);
        swb_assert(a->n_operations == b->n_operations);
        for (size_t i = 0; i < a->n_operations; i++) {
                const struct swb_operation *x = &a->operations[i], *y = &b->operations[i];

                swb_assert(x->type == y->type && x->data_offset == y->data_offset);
                swb_assert(x->data_length == y->data_length && x->n_src == y->n_src);
                swb_assert(x->n_dst == y->n_dst && same_extents(x->src, y->src, x->n_src));
                swb_assert(same_extents(x->dst, y->dst, x->n_dst));
                swb_assert(memcmp(x->data_hash, y->data_hash, 32) == 0);
                swb_assert(memcmp(x->src_hash, y->src_hash, 32) == 0);
                swb_assert(x->src_length == y->src_length && x->dst_length == y->dst_length);
                swb_assert(memcmp(x->dst_hash, y->dst_hash, 32) == 0);
                swb_assert(x->n_tag_bytes == y->n_tag_bytes);
                swb_assert(x->n_tag_bytes == 0 || memcmp(x->tags, y->tags, x->n_tag_bytes) == 0);
        }
}

/* Two rules bind writers only: no more than 4 GiB for old clients, and a hash of a patch's source.
 */
static bool only_readers_take(const struct contents *c, uint32_t minor)
{
        for (size_t i = 0; i < c->n_operations; i++) {
                const struct swb_operation *op = &c->operations[i];

                if ((minor < 6 && op->data_offset > UINT32_MAX) ||
                    (op->n_src > 0 && op->data_length > 0 && !op->has_src_hash))
                        return true;
        }
        return false;
}

static void write_and_compare(const struct contents *c)
{
        const struct swb_manifest *m = swb_payload_reader_manifest(c->reader);
        const struct swb_operation *operations[SWB_PARTITIONS_MAX];
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_MANIFEST_MAX_BYTES);
        _cleanup_(contents_done) struct contents again = {0};
        size_t first = 0;
        bool ok;
        int r;

        for (size_t i = 0; i < m->n_partitions; i++) {
                operations[i] = c->operations + first;
                first += m->partitions[i].n_operations;
        }
        swb_assert(first == c->n_operations);
        r = swb_manifest_write(m, operations, (uint32_t)m->signatures_size, &buf, NULL);
        if (r < 0) {
                swb_assert(only_readers_take(c, m->minor));
                return;
        }
        ok = read_manifest(&again, buf.data + SWB_PAYLOAD_HEADER_BYTES,
                           buf.n_bytes - SWB_PAYLOAD_HEADER_BYTES,
                           m->signatures_size ? SIGNATURE_BYTES : 0);
        swb_assert(ok);
        assert_same(c, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        for (uint32_t n_signature = 0; n_signature <= SIGNATURE_BYTES;
             n_signature += SIGNATURE_BYTES) {
                _cleanup_(contents_done) struct contents contents = {0};

                if (read_manifest(&contents, data, n_bytes, n_signature))
                        write_and_compare(&contents);
        }
        return 0;
}
