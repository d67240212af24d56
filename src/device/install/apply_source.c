/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "codec/puffpatch.h"
#include "codec/swpatch.h"
#include "device/install/apply_parts.h"

static int open_source(const struct swb_operation *operation, const struct swb_slot *slot,
                       struct swb_extent_reader *reader, struct swb_error *err)
{
        const struct swb_extent_file file = {slot->source_fd, slot->source, slot->old_bytes};

        if (slot->source_fd < 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_SOURCE, "there is no source to read");
        return swb_extent_reader_init(reader, &file, operation->src, operation->n_src, err);
}

/* Ends `sha` and compares. */
static int check_source(const struct swb_operation *operation, const struct swb_slot *slot,
                        struct swb_sha256 *sha, struct swb_error *err)
{
        uint8_t digest[SWB_SHA256_BYTES];

        swb_sha256_final(sha, digest);
        if (!operation->has_src_hash || memcmp(digest, operation->src_hash, sizeof(digest)) == 0)
                return 0;
        return swb_slot_fail_source(slot, err);
}

/* Hashed on its way: a wrong source leaves wrong bytes in the target, where they do no harm. */
int swb_apply_copy(struct swb_apply *apply, const struct swb_operation *operation,
                   struct swb_slot *slot, struct swb_error *err)
{
        _cleanup_(swb_extent_reader_done) struct swb_extent_reader reader = {0};
        const struct swb_extent_target target = swb_apply_target(apply, slot);
        struct swb_extent_writer writer;
        struct swb_sha256 sha;
        uint64_t offset = 0;
        int r;

        r = open_source(operation, slot, &reader, err);
        if (r < 0)
                return r;
        swb_extent_writer_init(&writer, &target, operation->dst, operation->n_dst);
        if (reader.n_bytes != writer.n_bytes)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "copies %" PRIu64 " bytes to %" PRIu64, reader.n_bytes,
                                writer.n_bytes);
        swb_sha256_init(&sha);
        while (offset < reader.n_bytes) {
                uint8_t *space;
                size_t n;

                r = swb_extent_writer_space(&writer, &space, &n, err);
                if (r >= 0)
                        r = swb_extent_reader_get(&reader, offset, space, n, err);
                if (r < 0)
                        return r;
                if (operation->has_src_hash)
                        swb_sha256_update(&sha, space, n);
                swb_extent_writer_commit(&writer, n);
                offset += n;
        }
        r = check_source(operation, slot, &sha, err);
        return r < 0 ? r : swb_extent_writer_finish(&writer, err);
}

static int hash_source(struct swb_apply *apply, const struct swb_operation *operation,
                       const struct swb_slot *slot, struct swb_extent_reader *reader,
                       struct swb_error *err)
{
        struct swb_sha256 sha;
        int r;

        if (!operation->has_src_hash)
                return 0;
        swb_sha256_init(&sha);
        for (uint64_t offset = 0; offset < reader->n_bytes; offset += SWB_IO_BYTES) {
                size_t n = (size_t)SWB_MIN((uint64_t)SWB_IO_BYTES, reader->n_bytes - offset);

                r = swb_extent_reader_get(reader, offset, apply->buffer, n, err);
                if (r < 0)
                        return r;
                swb_sha256_update(&sha, apply->buffer, n);
        }
        return check_source(operation, slot, &sha, err);
}

struct patch {
        struct swb_extent_reader reader;
        struct swb_extent_writer writer;
        struct swb_error *err; /* filled by the callbacks, which can return only a number */
        bool failed;
};

static int patch_read(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        struct patch *patch = context;
        int r = swb_extent_reader_get(&patch->reader, offset, data, n, patch->err);

        patch->failed |= r < 0;
        return r;
}

static int patch_write(void *context, const uint8_t *data, size_t n)
{
        struct patch *patch = context;
        int r = swb_extent_writer_put(&patch->writer, data, n, patch->err);

        patch->failed |= r < 0;
        return r;
}

static void patch_done(struct patch *patch)
{
        swb_extent_reader_done(&patch->reader);
}

typedef int (*patch_function)(const uint8_t *patch, size_t n_patch, uint64_t n_source,
                              uint64_t n_target, size_t max_memory_bytes,
                              const struct swb_bspatch_io *io);

static patch_function patch_of(const struct swb_operation *operation)
{
        if (operation->type == SWB_OP_SWDIFF)
                return swb_swpatch;
        return operation->type == SWB_OP_PUFFDIFF ? swb_puffpatch : swb_bspatch;
}

/* A difference between opened contents, or one as ever. */
static int run_patch(struct swb_apply *apply, const struct swb_operation *operation,
                     const uint8_t *blob, uint64_t n_source, uint64_t n_target,
                     const struct swb_bspatch_io *io)
{
        const struct swb_open_limits limits = {apply->open_memory_bytes, apply->scratch};
        size_t n_blob = (size_t)operation->data_length;

        swb_buf_done(&apply->work);
        if (operation->type != SWB_OP_SWDIFF || !swb_open_is_wrapped(blob, n_blob))
                return patch_of(operation)(blob, n_blob, n_source, n_target,
                                           SWB_DECODER_MEMORY_BYTES, io);
        return swb_open_patch(blob, n_blob, n_source, n_target, &limits, swb_swpatch,
                              SWB_DECODER_MEMORY_BYTES, io);
}

/* src_length and dst_length: old payloads say with them how much of the last block is meant. */
int swb_apply_patch(struct swb_apply *apply, const struct swb_operation *operation,
                    const uint8_t *blob, struct swb_slot *slot, struct swb_error *err)
{
        const struct swb_extent_target target = swb_apply_target(apply, slot);
        _cleanup_(patch_done) struct patch patch = {.err = err};
        const struct swb_bspatch_io io = {&patch, patch_read, patch_write};
        uint64_t n_source, n_target;
        int r;

        apply->decoder = swb_decoder_free(apply->decoder); /* patches bring their own */
        r = open_source(operation, slot, &patch.reader, err);
        if (r < 0)
                return r;
        r = hash_source(apply, operation, slot, &patch.reader, err);
        if (r < 0)
                return r;
        swb_extent_writer_init(&patch.writer, &target, operation->dst, operation->n_dst);
        n_source = patch.reader.n_bytes;
        if (operation->src_length > 0)
                n_source = SWB_MIN(n_source, operation->src_length);
        n_target = patch.writer.n_bytes;
        if (operation->dst_length > 0)
                n_target = SWB_MIN(n_target, operation->dst_length);
        r = run_patch(apply, operation, blob, n_source, n_target, &io);
        if (r < 0)
                return patch.failed ? r : swb_apply_fail_codec(err, r, "patch");
        return swb_apply_finish_padded(&patch.writer, err);
}
