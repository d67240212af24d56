/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/apply.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>

#include "codec/split.h"
#include "device/install/apply_parts.h"
#include "device/install/outbox.h"
#include "os/file.h"

_Static_assert(SWB_SPLIT_ROOM_BYTES <= SWB_WRITER_ROOM_BYTES, "writers have less room");

int swb_apply_init(struct swb_apply *apply, struct swb_step step, struct swb_error *err)
{
        uint8_t *buffer = aligned_alloc(SWB_BLOCK_BYTES, SWB_IO_BYTES);

        if (!buffer)
                return swb_oom(err);
        *apply = (struct swb_apply){.buffer = buffer,
                                    .step = step,
                                    .work = SWB_BUF_INIT(SWB_SPLIT_WORK_BYTES),
                                    .open_memory_bytes = SWB_APPLY_OPEN_BYTES};
        return 0;
}

void swb_apply_done(struct swb_apply *apply)
{
        apply->decoder = swb_decoder_free(apply->decoder);
        swb_buf_done(&apply->work);
        free(apply->buffer);
        apply->buffer = NULL;
}

struct swb_extent_target swb_apply_target(const struct swb_apply *apply,
                                          const struct swb_slot *slot)
{
        return (struct swb_extent_target){.file = {slot->fd, slot->target, slot->new_bytes},
                                          .direct_fd = slot->direct_fd,
                                          .write_behind = apply->write_behind,
                                          .step = &apply->step,
                                          .outbox = apply->outbox,
                                          .buffer = apply->buffer};
}

int swb_apply_finish_padded(struct swb_extent_writer *writer, struct swb_error *err)
{
        static const uint8_t zeros[SWB_BLOCK_BYTES];
        uint64_t missing = writer->n_bytes - writer->taken;

        if (missing < SWB_BLOCK_BYTES) {
                int r = swb_extent_writer_put(writer, zeros, (size_t)missing, err);

                if (r < 0)
                        return r;
        }
        return swb_extent_writer_finish(writer, err);
}

static int apply_raw(struct swb_apply *apply, const struct swb_operation *operation,
                     const uint8_t *blob, struct swb_slot *slot, struct swb_error *err)
{
        const struct swb_extent_target target = swb_apply_target(apply, slot);
        struct swb_extent_writer writer;
        int r;

        swb_extent_writer_init(&writer, &target, operation->dst, operation->n_dst);
        r = swb_extent_writer_put(&writer, blob, (size_t)operation->data_length, err);
        return r < 0 ? r : swb_apply_finish_padded(&writer, err);
}

int swb_apply_fail_codec(struct swb_error *err, int code, const char *what)
{
        if (code == -ENOMEM)
                return swb_fail_errno(err, ENOMEM, "decode %s", what);
        if (code == -EPROTONOSUPPORT)
                return swb_fail(err, code, SWB_FAULT_UNSUPPORTED,
                                "%s data needs an encoder, or holds a patch of a kind, that this "
                                "device has not",
                                what);
        if (code == -E2BIG)
                return swb_fail(
                        err, code, SWB_FAULT_LIMIT,
                        "%s data wants more than the %u MiB that decoding may take, or than the "
                        "%u MiB that there are for all of an operation",
                        what, (unsigned)(SWB_DECODER_MEMORY_BYTES >> 20),
                        (unsigned)(SWB_PATCH_MEMORY_BYTES >> 20));
        if (code != -EBADMSG)
                return swb_fail_errno(err, code, "decode %s", what);
        return swb_fail(err, code, SWB_FAULT_FORMAT, "%s data is damaged or cut", what);
}

/* One step from the blob into the writer's buffer. */
static int decode_step(struct swb_decoder *decoder, enum swb_codec codec, const uint8_t **in,
                       size_t *n_in, struct swb_extent_writer *writer, struct swb_error *err)
{
        const size_t had_in = *n_in;
        size_t n_room, n_left, n_made;
        uint8_t *out, beyond;
        int r;

        r = swb_extent_writer_space(writer, &out, &n_room, err);
        if (r < 0)
                return r;
        if (n_room == 0) { /* all is there, but for the stream's end */
                out = &beyond;
                n_room = 1;
        }
        n_left = n_room;
        r = swb_decoder_step(decoder, in, n_in, &out, &n_left);
        if (r < 0)
                return swb_apply_fail_codec(err, r, swb_codec_to_string(codec));
        n_made = n_room - n_left;
        if (n_made > 0 && writer->taken == writer->n_bytes)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "%s data makes more than the %" PRIu64 " bytes of its destination",
                                swb_codec_to_string(codec), writer->n_bytes);
        swb_extent_writer_commit(writer, n_made);
        if (r == SWB_DECODER_MORE && n_made == 0 && *n_in == had_in)
                return swb_apply_fail_codec(err, -EBADMSG, swb_codec_to_string(codec));
        return r;
}

/*
 * A full payload is a hundred streams of one codec: a new decoder for each would have the kernel
 * clear its window each time, a sixth of all the work.
 */
static int ready_decoder(struct swb_apply *apply, enum swb_codec codec)
{
        if (apply->decoder && apply->codec == codec)
                return swb_decoder_reset(apply->decoder);
        apply->decoder = swb_decoder_free(apply->decoder);
        swb_buf_done(&apply->work);
        apply->codec = codec;
        return swb_decoder_new(codec, SWB_DECODER_MEMORY_BYTES, &apply->decoder);
}

/*
 * Straight to memory, from where it is written: no window, which would be new memory to be cleared
 * by the kernel, and a copy of everything. Return: 1 when it has to be done in steps.
 */
static int apply_at_once(struct swb_apply *apply, enum swb_codec codec,
                         const struct swb_operation *operation, const uint8_t *blob,
                         struct swb_extent_writer *writer, struct swb_error *err)
{
        struct swb_buf *work = &apply->work;
        size_t n = (size_t)writer->n_bytes;
        int r;

        if (writer->n_bytes > SWB_SPLIT_TARGET_MAX)
                return 1;
        apply->decoder = swb_decoder_free(apply->decoder);
        swb_buf_reset(work);
        if (swb_buf_reserve(work, n) < 0) {
                swb_buf_done(work);
                return 1;
        }
        r = swb_decode(codec, SWB_DECODER_MEMORY_BYTES, blob, (size_t)operation->data_length,
                       work->data, n);
        if (r < 0)
                return swb_apply_fail_codec(err, r, swb_codec_to_string(codec));
        r = swb_extent_writer_put(writer, work->data, n, err);
        return r < 0 ? r : swb_extent_writer_finish(writer, err);
}

static int apply_compressed(struct swb_apply *apply, enum swb_codec codec,
                            const struct swb_operation *operation, const uint8_t *blob,
                            struct swb_slot *slot, struct swb_error *err)
{
        const struct swb_extent_target target = swb_apply_target(apply, slot);
        struct swb_extent_writer writer;
        size_t n_in = (size_t)operation->data_length;
        int r;

        swb_extent_writer_init(&writer, &target, operation->dst, operation->n_dst);
        r = codec == SWB_CODEC_ZSTD ? apply_at_once(apply, codec, operation, blob, &writer, err)
                                    : 1;
        if (r <= 0)
                return r;
        r = ready_decoder(apply, codec);
        if (r < 0)
                return swb_apply_fail_codec(err, r, swb_codec_to_string(codec));
        do
                r = decode_step(apply->decoder, codec, &blob, &n_in, &writer, err);
        while (r == SWB_DECODER_MORE);
        if (r < 0)
                return r;
        if (n_in > 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "%zu bytes follow the end of the %s data", n_in,
                                swb_codec_to_string(codec));
        return swb_extent_writer_finish(&writer, err);
}

/*
 * Punching a hole promises zeros on files and, since Linux 4.9, on block devices; where it can't,
 * it fails.
 */
static bool punch(const struct swb_apply *apply, const struct swb_slot *slot,
                  const struct swb_extent *extent)
{
        return !apply->plain_zeros &&
               fallocate(slot->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                         (off_t)(extent->start_block * SWB_BLOCK_BYTES),
                         (off_t)(extent->n_blocks * SWB_BLOCK_BYTES)) == 0;
}

static int write_zeros(const struct swb_apply *apply, const struct swb_slot *slot,
                       const struct swb_extent *extent, struct swb_error *err)
{
        const struct swb_extent_target target = swb_apply_target(apply, slot);
        struct swb_extent_writer writer;

        swb_extent_writer_init(&writer, &target, extent, 1);
        while (writer.taken < writer.n_bytes) {
                uint8_t *space;
                size_t n;
                int r = swb_extent_writer_space(&writer, &space, &n, err);

                if (r < 0)
                        return r;
                memset(space, 0, n);
                swb_extent_writer_commit(&writer, n);
        }
        return swb_extent_writer_finish(&writer, err);
}

/* Also for DISCARD: the target's hash covers these blocks, so "any content" is not enough. */
static int apply_zero(struct swb_apply *apply, const struct swb_operation *operation,
                      struct swb_slot *slot, struct swb_error *err)
{
        /* What comes before may be written to the same blocks, and may still be on its way. */
        int r = apply->outbox ? swb_outbox_wait(apply->outbox, swb_outbox_count(apply->outbox), err)
                              : 0;

        for (size_t i = 0; i < operation->n_dst && r >= 0; i++) {
                const struct swb_extent *extent = &operation->dst[i];

                if (extent->start_block == SWB_SPARSE_HOLE || punch(apply, slot, extent))
                        r = apply->step.done(apply->step.context,
                                             extent->n_blocks * SWB_BLOCK_BYTES, err);
                else
                        r = write_zeros(apply, slot, extent, err);
        }
        return r;
}

static void start_beside(void *context, void (*work)(void *argument), void *argument)
{
        swb_beside_start(context, work, argument);
}

static void wait_beside(void *context)
{
        swb_beside_wait(context);
}

struct sorted {
        struct swb_extent_writer writer;
        struct swb_error *err; /* filled by the callback, which can return only a number */
        bool failed;
};

static int give_room(void *context, size_t want, uint8_t **ret_out, size_t *ret_n)
{
        struct sorted *sorted = context;
        int r = swb_extent_writer_room(&sorted->writer, want, ret_out, ret_n, sorted->err);

        sorted->failed |= r < 0;
        return r;
}

static void commit_made(void *context, size_t n)
{
        struct sorted *sorted = context;

        swb_extent_writer_commit(&sorted->writer, n);
}

static int apply_split(struct swb_apply *apply, const struct swb_operation *operation,
                       const uint8_t *blob, struct swb_slot *slot, struct swb_error *err)
{
        const struct swb_split_helper helper = {apply->beside, start_beside, wait_beside};
        const struct swb_extent_target target = swb_apply_target(apply, slot);
        struct sorted sorted = {.err = err};
        const struct swb_split_output output = {&sorted, give_room, commit_made};
        int r;

        apply->decoder = swb_decoder_free(apply->decoder); /* its window is as large as a stream */
        swb_extent_writer_init(&sorted.writer, &target, operation->dst, operation->n_dst);
        r = swb_unsplit_into(blob, (size_t)operation->data_length, sorted.writer.n_bytes,
                             &apply->work, apply->beside ? &helper : NULL, &output);
        if (r < 0)
                return sorted.failed ? r : swb_apply_fail_codec(err, r, "split");
        return swb_extent_writer_finish(&sorted.writer, err);
}

static int dispatch(struct swb_apply *apply, const struct swb_operation *operation,
                    const uint8_t *blob, struct swb_slot *slot, struct swb_error *err)
{
        switch ((enum swb_op_type)operation->type) {
        case SWB_OP_REPLACE:
                return apply_raw(apply, operation, blob, slot, err);
        case SWB_OP_REPLACE_BZ:
                return apply_compressed(apply, SWB_CODEC_BZ2, operation, blob, slot, err);
        case SWB_OP_REPLACE_XZ:
                return apply_compressed(apply, SWB_CODEC_XZ, operation, blob, slot, err);
        case SWB_OP_REPLACE_ZSTD:
                return apply_compressed(apply, SWB_CODEC_ZSTD, operation, blob, slot, err);
        case SWB_OP_REPLACE_SPLIT:
                return apply_split(apply, operation, blob, slot, err);
        case SWB_OP_ZERO:
        case SWB_OP_DISCARD:
                return apply_zero(apply, operation, slot, err);
        case SWB_OP_SOURCE_COPY:
                return swb_apply_copy(apply, operation, slot, err);
        case SWB_OP_SOURCE_BSDIFF:
        case SWB_OP_BROTLI_BSDIFF:
        case SWB_OP_PUFFDIFF:
        case SWB_OP_SWDIFF:
                return swb_apply_patch(apply, operation, blob, slot, err);
        case SWB_OP_MOVE:
        case SWB_OP_BSDIFF:
        case SWB_OP_ZUCCHINI:
        case SWB_OP_LZ4DIFF_BSDIFF:
        case SWB_OP_LZ4DIFF_PUFFDIFF:
                break;
        }
        return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                        "operations of type %u are not supported", operation->type);
}

int swb_apply_operation(struct swb_apply *apply, const struct swb_operation *operation,
                        const uint8_t *blob, struct swb_slot *slot, struct swb_error *err)
{
        slot->dirty = true;
        return dispatch(apply, operation, blob, slot, err);
}
