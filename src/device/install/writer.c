/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/writer.h"

#include <fcntl.h>
#include <inttypes.h>

#include "device/install/outbox.h"
#include "os/file.h"

/* Started on their way at once: smaller ones are many and are collected better by the kernel, until
 * the next sync. */
#define LARGE_BYTES ((size_t)64 << 10)
/* Past the page cache, and waited for: the medium takes smaller ones slowly one by one, while the
 * kernel puts neighbours together and has many under way. */
#define DIRECT_BYTES ((size_t)512 << 10)

/* ---- places ---- */

/* No copy, no page to be found, nothing to be started or dropped later: half of what a write costs.
 * Whatever the reason that it can't be: false, and the usual way has the last word. */
static bool write_direct(const struct swb_extent_place *place, uint64_t offset, const uint8_t *data,
                         size_t n)
{
        if (place->direct_fd < 0 ||
            ((uintptr_t)data | (uintptr_t)offset | (uintptr_t)n) % SWB_BLOCK_BYTES != 0)
                return false;
        return pwrite(place->direct_fd, data, n, (off_t)offset) == (ssize_t)n;
}

static int write_file(const struct swb_extent_place *place, uint64_t offset, const uint8_t *data,
                      size_t n, struct swb_error *err)
{
        const struct swb_extent_file *file = &place->file;
        int r;

        n = swb_extent_file_clip(file, offset, n);
        if (n == 0 || (n >= DIRECT_BYTES && write_direct(place, offset, data, n)))
                return 0;
        r = swb_pwrite(file->fd, file->name, data, n, offset, err);
        if (r < 0)
                return r;
        /* Decoding goes on meanwhile. A hint: errors are kept for fdatasync(). */
        if (place->write_behind && n >= LARGE_BYTES)
                (void)sync_file_range(file->fd, (off_t)offset, (off_t)n, SYNC_FILE_RANGE_WRITE);
        return 0;
}

/* Not beyond the extent that it is in. */
static void move_on(struct swb_extent_place *place, uint64_t n)
{
        place->done += n;
        if (place->done == place->extents->n_blocks * SWB_BLOCK_BYTES) {
                place->extents++;
                place->done = 0;
        }
}

static uint64_t left_in_extent(const struct swb_extent_place *place)
{
        return place->extents->n_blocks * SWB_BLOCK_BYTES - place->done;
}

int swb_extent_place_write(struct swb_extent_place *place, const uint8_t *data, size_t n,
                           struct swb_error *err)
{
        while (n > 0) {
                const struct swb_extent *extent = place->extents;
                size_t piece = (size_t)SWB_MIN(left_in_extent(place), (uint64_t)n);
                int r = 0;

                if (extent->start_block != SWB_SPARSE_HOLE)
                        r = write_file(place, extent->start_block * SWB_BLOCK_BYTES + place->done,
                                       data, piece, err);
                if (r < 0)
                        return r;
                move_on(place, piece);
                data += piece;
                n -= piece;
        }
        return 0;
}

void swb_extent_place_skip(struct swb_extent_place *place, uint64_t n)
{
        while (n > 0) {
                uint64_t piece = SWB_MIN(left_in_extent(place), n);

                move_on(place, piece);
                n -= piece;
        }
}

/* ---- writers ---- */

void swb_extent_writer_init(struct swb_extent_writer *writer,
                            const struct swb_extent_target *target,
                            const struct swb_extent *extents, size_t n)
{
        *writer = (struct swb_extent_writer){
                .target = target,
                .place = {target->file, target->outbox ? target->direct_fd : -EBADF,
                          target->write_behind, extents, 0},
                .n_buffer = target->outbox ? SWB_OUTBOX_BYTES : SWB_IO_BYTES,
                .n_bytes = swb_extents_blocks(extents, n) * SWB_BLOCK_BYTES,
        };
}

static int get_buffer(struct swb_extent_writer *writer, struct swb_error *err)
{
        if (writer->buffer)
                return 0;
        if (writer->target->outbox)
                return swb_outbox_take(writer->target->outbox, &writer->buffer, err);
        writer->buffer = writer->target->buffer;
        return 0;
}

/* The first n bytes of the buffer, which is then no longer ours. */
static int write_out(struct swb_extent_writer *writer, size_t n, struct swb_error *err)
{
        const struct swb_extent_target *target = writer->target;
        int r = 0;

        if (target->outbox) {
                swb_outbox_put(target->outbox, &writer->place, n);
                swb_extent_place_skip(&writer->place, n);
        } else {
                r = swb_extent_place_write(&writer->place, writer->buffer, n, err);
        }
        writer->buffer = NULL;
        return r < 0 ? r : target->step->done(target->step->context, n, err);
}

/* Whole blocks go, the rest of one stays in front. */
static int make_room(struct swb_extent_writer *writer, struct swb_error *err)
{
        uint8_t rest[SWB_BLOCK_BYTES];
        size_t n_rest = writer->fill % SWB_BLOCK_BYTES;
        int r;

        memcpy(rest, writer->buffer + writer->fill - n_rest, n_rest);
        r = write_out(writer, writer->fill - n_rest, err);
        if (r >= 0)
                r = get_buffer(writer, err);
        if (r < 0)
                return r;
        memcpy(writer->buffer, rest, n_rest);
        writer->fill = n_rest;
        return 0;
}

int swb_extent_writer_room(struct swb_extent_writer *writer, size_t want, uint8_t **ret_room,
                           size_t *ret_n, struct swb_error *err)
{
        int r;

        swb_assert(want <= SWB_WRITER_ROOM_BYTES);
        r = get_buffer(writer, err);
        if (r >= 0 && writer->n_buffer - writer->fill < want)
                r = make_room(writer, err);
        if (r < 0)
                return r;
        *ret_room = writer->buffer + writer->fill;
        *ret_n = writer->n_buffer - writer->fill;
        return 0;
}

int swb_extent_writer_space(struct swb_extent_writer *writer, uint8_t **ret_space, size_t *ret_n,
                            struct swb_error *err)
{
        size_t n;
        int r = swb_extent_writer_room(writer, 1, ret_space, &n, err);

        if (r < 0)
                return r;
        *ret_n = (size_t)SWB_MIN((uint64_t)n, writer->n_bytes - writer->taken);
        return 0;
}

void swb_extent_writer_commit(struct swb_extent_writer *writer, size_t n)
{
        swb_assert(n <= writer->n_buffer - writer->fill && n <= writer->n_bytes - writer->taken);
        writer->fill += n;
        writer->taken += n;
}

int swb_extent_writer_put(struct swb_extent_writer *writer, const uint8_t *data, size_t n,
                          struct swb_error *err)
{
        if (n > writer->n_bytes - writer->taken)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "makes more than the %" PRIu64 " bytes of its destination",
                                writer->n_bytes);
        while (n > 0) {
                uint8_t *space;
                size_t n_space;
                int r = swb_extent_writer_space(writer, &space, &n_space, err);

                if (r < 0)
                        return r;
                n_space = SWB_MIN(n_space, n);
                memcpy(space, data, n_space);
                swb_extent_writer_commit(writer, n_space);
                data += n_space;
                n -= n_space;
        }
        return 0;
}

int swb_extent_writer_finish(struct swb_extent_writer *writer, struct swb_error *err)
{
        size_t n = writer->fill;

        if (writer->taken != writer->n_bytes)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "makes %" PRIu64 " bytes for a destination of %" PRIu64,
                                writer->taken, writer->n_bytes);
        writer->fill = 0;
        return n > 0 ? write_out(writer, n, err) : 0;
}
