/* SPDX-License-Identifier: Apache-2.0 */
/*
 * golden-payload [--key=PUBLIC.pem]... PAYLOAD [NAME=OLD]...
 *
 * Reads a payload with Switchback's reader and decoders, makes the new partitions in memory and
 * prints what it found, in the words that tools/refdecoder prints too. A refusal is "refused FAULT:
 * text" and status 1. For tests: sizes are small, nothing is written to disk.
 */
#include "base/text.h"
#include "codec/puffpatch.h"
#include "codec/split.h"
#include "codec/swpatch.h"
#include "open/wrapper.h"
#include "os/fec.h"
#include "os/file.h"
#include "os/hash.h"
#include "os/keyring.h"
#include "payload/reader.h"

#define FILE_MAX_BYTES ((size_t)64 << 20)
#define SIGNATURES_MAX 16
#define SCRATCH_BYTES ((size_t)1 << 20)

struct image {
        char *name;
        struct swb_buf bytes; /* a multiple of the block size */
};

struct golden {
        struct swb_keyring *keys;
        size_t n_keys;
        struct swb_buf file;
        struct image olds[SWB_PARTITIONS_MAX];
        size_t n_olds;
        struct swb_payload_reader *reader;
        uint8_t *targets[SWB_PARTITIONS_MAX];
        struct swb_sha256 sha; /* of the metadata and the blobs */
};

static uint64_t blocks_of(uint64_t n_bytes)
{
        return (n_bytes + SWB_BLOCK_BYTES - 1) / SWB_BLOCK_BYTES;
}

static int fail_codec(int r, const struct swb_operation *op, struct swb_error *err)
{
        return swb_fail(err, r,
                        r == -E2BIG             ? SWB_FAULT_LIMIT
                        : r == -ENOMEM          ? SWB_FAULT_NO_MEMORY
                        : r == -EPROTONOSUPPORT ? SWB_FAULT_UNSUPPORTED
                                                : SWB_FAULT_FORMAT,
                        "decode %s: %s", swb_op_to_string(op->type), strerror(-r));
}

static const struct swb_buf *find_old(const struct golden *g, const char *name)
{
        static const struct swb_buf none = {0};

        for (size_t i = 0; i < g->n_olds; i++)
                if (strcmp(g->olds[i].name, name) == 0)
                        return &g->olds[i].bytes;
        return &none;
}

/* Copies the extents' bytes out of an image; what the image does not have reads as zeros. */
static void gather(const struct swb_buf *image, const struct swb_extent *extents, size_t n,
                   uint8_t *out)
{
        for (size_t i = 0; i < n; i++) {
                size_t n_bytes = (size_t)extents[i].n_blocks * SWB_BLOCK_BYTES;
                uint64_t start = extents[i].start_block * SWB_BLOCK_BYTES;

                memset(out, 0, n_bytes);
                if (extents[i].start_block != SWB_SPARSE_HOLE && start < image->n_bytes)
                        memcpy(out, image->data + start,
                               SWB_MIN(n_bytes, image->n_bytes - (size_t)start));
                out += n_bytes;
        }
}

static void scatter(uint8_t *target, const struct swb_extent *extents, size_t n,
                    const uint8_t *data)
{
        for (size_t i = 0; i < n; i++) {
                size_t n_bytes = (size_t)extents[i].n_blocks * SWB_BLOCK_BYTES;

                if (extents[i].start_block != SWB_SPARSE_HOLE)
                        memcpy(target + extents[i].start_block * SWB_BLOCK_BYTES, data, n_bytes);
                data += n_bytes;
        }
}

struct patching {
        const uint8_t *source;
        uint8_t *target;
};

static int read_source(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct patching *p = context;

        memcpy(data, p->source + offset, n);
        return 0;
}

static int write_target(void *context, const uint8_t *data, size_t n)
{
        struct patching *p = context;

        memcpy(p->target, data, n);
        p->target += n;
        return 0;
}

/* Of what is opened, what does not fit the memory lies in more memory. */
static int write_scratch(void *context, uint64_t offset, const uint8_t *data, size_t n)
{
        if (offset > SCRATCH_BYTES || n > SCRATCH_BYTES - offset)
                return -E2BIG;
        memcpy((uint8_t *)context + offset, data, n);
        return 0;
}

static int read_scratch(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        memcpy(data, (const uint8_t *)context + offset, n);
        return 0;
}

static int patch_opened(const struct swb_operation *op, const uint8_t *blob, uint64_t n_source,
                        uint64_t n_target, const struct swb_bspatch_io *io)
{
        _cleanup_free_ uint8_t *memory = calloc(1, SCRATCH_BYTES);
        const struct swb_open_scratch scratch = {memory, SCRATCH_BYTES, write_scratch,
                                                 read_scratch};
        const struct swb_open_limits limits = {SWB_OPEN_MEMORY_BYTES, &scratch};

        if (!memory)
                return -ENOMEM;
        return swb_open_patch(blob, (size_t)op->data_length, n_source, n_target, &limits,
                              swb_swpatch, SWB_DECODER_MEMORY_BYTES, io);
}

static int patch(const struct swb_operation *op, const uint8_t *blob, const uint8_t *source,
                 uint8_t *out, size_t n_out)
{
        struct patching p = {source, out};
        const struct swb_bspatch_io io = {&p, read_source, write_target};
        uint64_t n_source = swb_extents_blocks(op->src, op->n_src) * SWB_BLOCK_BYTES;

        if (op->type == SWB_OP_PUFFDIFF)
                return swb_puffpatch(blob, (size_t)op->data_length, n_source, n_out,
                                     SWB_DECODER_MEMORY_BYTES, &io);
        if (op->type == SWB_OP_SWDIFF && swb_open_is_wrapped(blob, (size_t)op->data_length))
                return patch_opened(op, blob, n_source, n_out, &io);
        if (op->type == SWB_OP_SWDIFF)
                return swb_swpatch(blob, (size_t)op->data_length, n_source, n_out,
                                   SWB_DECODER_MEMORY_BYTES, &io);
        return swb_bspatch(blob, (size_t)op->data_length,
                           op->src_length ? op->src_length : n_source,
                           op->dst_length ? op->dst_length : n_out, SWB_DECODER_MEMORY_BYTES, &io);
}

static int unsplit(const uint8_t *blob, size_t n, uint8_t *out, size_t n_out)
{
        _cleanup_(swb_buf_done) struct swb_buf work = SWB_BUF_INIT(SWB_SPLIT_WORK_BYTES);
        struct patching patching = {.target = out};

        return swb_unsplit(blob, n, n_out, &work, write_target, &patching);
}

/* out is zeroed. */
static int make_content(const struct swb_operation *op, const uint8_t *blob, const uint8_t *source,
                        uint8_t *out, size_t n_out)
{
        size_t n = (size_t)op->data_length;

        switch (op->type) {
        case SWB_OP_REPLACE:
                memcpy(out, blob, n);
                return 0;
        case SWB_OP_REPLACE_BZ:
                return swb_decode(SWB_CODEC_BZ2, SWB_DECODER_MEMORY_BYTES, blob, n, out, n_out);
        case SWB_OP_REPLACE_XZ:
                return swb_decode(SWB_CODEC_XZ, SWB_DECODER_MEMORY_BYTES, blob, n, out, n_out);
        case SWB_OP_REPLACE_ZSTD:
                return swb_decode(SWB_CODEC_ZSTD, SWB_DECODER_MEMORY_BYTES, blob, n, out, n_out);
        case SWB_OP_REPLACE_SPLIT:
                return unsplit(blob, n, out, n_out);
        case SWB_OP_SOURCE_COPY:
                memcpy(out, source, n_out);
                return 0;
        case SWB_OP_SOURCE_BSDIFF:
        case SWB_OP_BROTLI_BSDIFF:
        case SWB_OP_PUFFDIFF:
        case SWB_OP_SWDIFF:
                return patch(op, blob, source, out, n_out);
        default: /* ZERO, DISCARD */
                return 0;
        }
}

static int check_hash(const void *data, size_t n, const uint8_t *want, enum swb_fault fault,
                      const char *what, struct swb_error *err)
{
        uint8_t digest[SWB_SHA256_BYTES];

        swb_sha256(data, n, digest);
        if (memcmp(digest, want, sizeof(digest)) != 0)
                return swb_fail(err, -EBADMSG, fault, "%s has another hash", what);
        return 0;
}

static int apply(struct golden *g, struct swb_error *err)
{
        const struct swb_manifest *m = swb_payload_reader_manifest(g->reader);
        _cleanup_free_ uint8_t *source = NULL, *out = NULL;
        const struct swb_operation *op;
        size_t partition, number, n_source, n_out;
        const uint8_t *blob;
        int r = 0;

        op = swb_payload_reader_operation(g->reader, &partition, &number, &blob);
        swb_sha256_update(&g->sha, blob, (size_t)op->data_length);
        n_source = (size_t)swb_extents_blocks(op->src, op->n_src) * SWB_BLOCK_BYTES;
        n_out = (size_t)swb_extents_blocks(op->dst, op->n_dst) * SWB_BLOCK_BYTES;
        source = malloc(n_source + 1);
        out = calloc(1, n_out);
        if (!source || !out)
                return swb_oom(err);
        gather(find_old(g, m->partitions[partition].name), op->src, op->n_src, source);
        if (op->has_data_hash)
                r = check_hash(blob, (size_t)op->data_length, op->data_hash, SWB_FAULT_HASH, "blob",
                               err);
        if (r >= 0 && op->has_src_hash)
                r = check_hash(source, n_source, op->src_hash, SWB_FAULT_SOURCE, "source", err);
        if (r < 0)
                return swb_wrap(err, r, "operation %zu", number);
        r = make_content(op, blob, source, out, n_out);
        if (r < 0)
                return swb_wrap(err, fail_codec(r, op, err), "operation %zu", number);
        scatter(g->targets[partition], op->dst, op->n_dst, out);
        return 0;
}

static int verify(const struct golden *g, const struct swb_signature *signatures, size_t n,
                  const uint8_t *digest, const char *what, struct swb_error *err)
{
        int r = 1;

        for (size_t i = 0; i < n && r > 0; i++)
                r = swb_keyring_verify(g->keys, digest, signatures[i].data, signatures[i].n_bytes,
                                       NULL, err);
        if (r > 0 && g->n_keys > 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_SIGNATURE, "%s: no signature verifies",
                                what);
        return SWB_MIN(r, 0);
}

static int accept_metadata(struct golden *g, struct swb_error *err)
{
        struct swb_signature signatures[SIGNATURES_MAX];
        uint8_t digest[SWB_SHA256_BYTES];
        const struct swb_manifest *m;
        const uint8_t *metadata;
        size_t n_metadata, n;
        int r;

        metadata = swb_payload_reader_metadata(g->reader, &n_metadata);
        swb_sha256_init(&g->sha);
        swb_sha256_update(&g->sha, metadata, n_metadata);
        swb_sha256(metadata, n_metadata, digest);
        if (g->n_keys > 0) {
                r = swb_payload_reader_metadata_signatures(g->reader, signatures, SIGNATURES_MAX,
                                                           &n, err);
                if (r >= 0)
                        r = verify(g, signatures, n, digest, "metadata", err);
                if (r < 0)
                        return r;
        }
        r = swb_payload_reader_accept(g->reader, err);
        if (r < 0)
                return r;
        m = swb_payload_reader_manifest(g->reader);
        for (size_t i = 0; i < m->n_partitions; i++) {
                g->targets[i] =
                        calloc((size_t)blocks_of(m->partitions[i].new_bytes), SWB_BLOCK_BYTES);
                if (!g->targets[i])
                        return swb_oom(err);
        }
        return 0;
}

static int check_payload_signature(struct golden *g, struct swb_error *err)
{
        struct swb_signature signatures[SIGNATURES_MAX];
        uint8_t digest[SWB_SHA256_BYTES];
        size_t n;
        int r;

        r = swb_payload_reader_signatures(g->reader, signatures, SIGNATURES_MAX, &n, err);
        if (r < 0)
                return r;
        swb_sha256_final(&g->sha, digest);
        return verify(g, signatures, n, digest, "payload", err);
}

static int handle(struct golden *g, int event, struct swb_error *err)
{
        switch (event) {
        case SWB_PAYLOAD_METADATA:
                return accept_metadata(g, err);
        case SWB_PAYLOAD_OPERATION:
                return apply(g, err);
        case SWB_PAYLOAD_SIGNATURES:
                return check_payload_signature(g, err);
        default:
                return 0;
        }
}

static int read_payload(struct golden *g, struct swb_error *err)
{
        size_t at = 0, used;
        int event, r;

        do {
                event = swb_payload_reader_feed(g->reader, g->file.data + at, g->file.n_bytes - at,
                                                &used, err);
                if (event < 0)
                        return event;
                at += used;
                r = handle(g, event, err);
                if (r < 0)
                        return r;
                if (event == SWB_PAYLOAD_MORE && at == g->file.n_bytes)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "the payload is cut at byte %zu", at);
        } while (event != SWB_PAYLOAD_END);
        /* bytes behind the end are noticed when they are fed */
        event = swb_payload_reader_feed(g->reader, g->file.data + at, g->file.n_bytes - at, &used,
                                        err);
        return SWB_MIN(event, 0);
}

static int read_blocks(void *context, uint64_t block, uint64_t n_blocks, uint8_t *data,
                       struct swb_error *err _unused_)
{
        const uint8_t *target = context;

        memcpy(data, target + block * SWB_BLOCK_BYTES, (size_t)n_blocks * SWB_BLOCK_BYTES);
        return 0;
}

static int write_blocks(void *context, uint64_t block, uint64_t n_blocks, const uint8_t *data,
                        struct swb_error *err _unused_)
{
        uint8_t *target = context;

        memcpy(target + block * SWB_BLOCK_BYTES, data, (size_t)n_blocks * SWB_BLOCK_BYTES);
        return 0;
}

/* PF-28 */
static int make_fec(const struct swb_partition *p, const struct swb_verity_io *io,
                    struct swb_error *err)
{
        const struct swb_fec fec = {.data_start = p->tree.data.start_block,
                                    .data_blocks = p->tree.data.n_blocks,
                                    .tree_start = p->tree.tree.start_block,
                                    .tree_blocks = p->tree.tree.n_blocks,
                                    .fec_start = p->fec.fec.start_block,
                                    .roots = p->fec.roots};

        return swb_fec_make(&fec, io, err);
}

/* PF-27 */
static int make_trees(struct golden *g, struct swb_error *err)
{
        const struct swb_manifest *m = swb_payload_reader_manifest(g->reader);
        int r = 0;

        for (size_t i = 0; i < m->n_partitions && r >= 0; i++) {
                const struct swb_hash_tree *tree = &m->partitions[i].tree;
                const struct swb_verity_io io = {g->targets[i], read_blocks, write_blocks};
                struct swb_verity verity = {.data_start = tree->data.start_block,
                                            .data_blocks = tree->data.n_blocks,
                                            .tree_start = tree->tree.start_block,
                                            .n_salt = tree->n_salt};
                uint8_t root[SWB_SHA256_BYTES];

                memcpy(verity.salt, tree->salt, tree->n_salt);
                if (m->partitions[i].has_tree)
                        r = swb_verity_make(&verity, &io, root, err);
                if (r >= 0 && m->partitions[i].has_fec)
                        r = make_fec(&m->partitions[i], &io, err);
        }
        return r;
}

static void print_extents(const char *name, const struct swb_extent *extents, size_t n)
{
        (void)printf(" %s=", name);
        for (size_t i = 0; i < n; i++) {
                if (extents[i].start_block == SWB_SPARSE_HOLE)
                        (void)printf("%shole+%ju", i ? "," : "", (uintmax_t)extents[i].n_blocks);
                else
                        (void)printf("%s%ju+%ju", i ? "," : "", (uintmax_t)extents[i].start_block,
                                     (uintmax_t)extents[i].n_blocks);
        }
}

static int print_partition(struct golden *g, const struct swb_partition *p, size_t *number,
                           struct swb_error *err)
{
        const struct swb_operation *op;
        size_t partition;
        int r;

        (void)printf("partition %s new=%ju old=", p->name, (uintmax_t)p->new_bytes);
        (void)(p->has_old ? printf("%ju", (uintmax_t)p->old_bytes) : printf("none"));
        (void)printf(" version=%s operations=%zu\n", p->version, p->n_operations);
        for (size_t i = 0; i < p->n_operations; i++, (*number)++) {
                r = swb_payload_reader_peek(g->reader, *number, &op, &partition, err);
                if (r < 0)
                        return r;
                (void)printf("operation %zu %s data=%ju+%ju", *number, swb_op_to_string(op->type),
                             (uintmax_t)op->data_offset, (uintmax_t)op->data_length);
                print_extents("src", op->src, op->n_src);
                print_extents("dst", op->dst, op->n_dst);
                (void)printf("\n");
        }
        return 0;
}

static int print_all(struct golden *g, struct swb_error *err)
{
        const struct swb_manifest *m = swb_payload_reader_manifest(g->reader);
        uint8_t digest[SWB_SHA256_BYTES];
        char hex[SWB_SHA256_HEX];
        size_t n_metadata, number = 0;
        int r = make_trees(g, err);

        if (r < 0)
                return r;
        for (size_t i = 0; i < m->n_partitions; i++) {
                r = check_hash(g->targets[i], (size_t)m->partitions[i].new_bytes,
                               m->partitions[i].new_hash, SWB_FAULT_HASH, m->partitions[i].name,
                               err);
                if (r < 0)
                        return r;
        }
        (void)swb_payload_reader_metadata(g->reader, &n_metadata);
        (void)printf("payload bytes=%zu metadata=%zu minor=%u signed=%s\n", g->file.n_bytes,
                     n_metadata, m->minor, m->signatures_size ? "yes" : "no");
        for (size_t i = 0; i < m->n_partitions; i++) {
                r = print_partition(g, &m->partitions[i], &number, err);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < m->n_partitions; i++) {
                swb_sha256(g->targets[i], (size_t)m->partitions[i].new_bytes, digest);
                swb_hex_encode(digest, sizeof(digest), hex);
                (void)printf("target %s %s\n", m->partitions[i].name, hex);
        }
        return 0;
}

static int load_old(struct golden *g, const char *argument, struct swb_error *err)
{
        const char *equals = strchr(argument, '=');
        struct image *image;

        if (!equals || g->n_olds == SWB_PARTITIONS_MAX)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' is not NAME=OLD", argument);
        image = &g->olds[g->n_olds++];
        image->bytes = SWB_BUF_INIT(FILE_MAX_BYTES);
        image->name = strndup(argument, (size_t)(equals - argument));
        if (!image->name)
                return swb_oom(err);
        return swb_read_file(equals + 1, &image->bytes, err);
}

static int run(struct golden *g, int argc, char **argv, struct swb_error *err)
{
        int r, i;

        g->file = SWB_BUF_INIT(FILE_MAX_BYTES);
        r = swb_keyring_new(&g->keys, err);
        for (i = 1; i < argc && r >= 0 && swb_starts_with(argv[i], "--key="); i++, g->n_keys++)
                r = swb_keyring_add_file(g->keys, argv[i] + strlen("--key="), err);
        if (r >= 0 && i == argc)
                r = swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "no payload given");
        if (r >= 0)
                r = swb_read_file(argv[i++], &g->file, err);
        for (; i < argc && r >= 0; i++)
                r = load_old(g, argv[i], err);
        if (r >= 0)
                r = swb_payload_reader_new(&g->reader, err);
        if (r >= 0)
                r = read_payload(g, err);
        return r < 0 ? r : print_all(g, err);
}

static void golden_done(struct golden *g)
{
        for (size_t i = 0; i < SWB_PARTITIONS_MAX; i++)
                free(g->targets[i]);
        for (size_t i = 0; i < g->n_olds; i++) {
                free(g->olds[i].name);
                swb_buf_done(&g->olds[i].bytes);
        }
        swb_payload_reader_free(g->reader);
        swb_keyring_free(g->keys);
        swb_buf_done(&g->file);
}

int main(int argc, char **argv)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct golden g = {0};
        int r = run(&g, argc, argv, &err);

        if (r < 0)
                (void)printf("refused %s: %s\n", swb_fault_to_string(err.fault), err.text);
        golden_done(&g);
        return r < 0;
}
