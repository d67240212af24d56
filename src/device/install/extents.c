/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/extents.h"

#include <fcntl.h>
#include <inttypes.h>

#include "os/file.h"

void swb_extent_writer_init(struct swb_extent_writer *writer,
                            const struct swb_extent_target *target,
                            const struct swb_extent *extents, size_t n)
{
        *writer = (struct swb_extent_writer){
                .target = target,
                .extents = extents,
                .n = n,
                .n_bytes = swb_extents_blocks(extents, n) * SWB_BLOCK_BYTES,
        };
}

/* How many of n bytes at an offset belong to the image. */
static size_t clip(const struct swb_extent_file *file, uint64_t offset, size_t n)
{
        if (offset >= file->n_bytes)
                return 0;
        return (size_t)SWB_MIN((uint64_t)n, file->n_bytes - offset);
}

static int write_file(const struct swb_extent_target *target, uint64_t offset, const uint8_t *data,
                      size_t n, struct swb_error *err)
{
        int r;

        n = clip(&target->file, offset, n);
        if (n == 0)
                return 0;
        r = swb_pwrite(target->file.fd, target->file.name, data, n, offset, err);
        if (r < 0)
                return r;
        /* Decoding goes on meanwhile. A hint: errors are kept for fdatasync(). */
        if (target->write_behind)
                (void)sync_file_range(target->file.fd, (off_t)offset, (off_t)n,
                                      SYNC_FILE_RANGE_WRITE);
        return 0;
}

/* One write of at most SWB_IO_BYTES inside one extent. */
static int write_piece(const struct swb_extent_target *target, const struct swb_extent *extent,
                       uint64_t at, const uint8_t *data, size_t n, struct swb_error *err)
{
        int r = 0;

        if (extent->start_block != SWB_SPARSE_HOLE)
                r = write_file(target, extent->start_block * SWB_BLOCK_BYTES + at, data, n, err);
        return r < 0 ? r : target->step->done(target->step->context, n, err);
}

/* Writes past the buffer. The caller has made sure that the extents have room. */
static int write_out(struct swb_extent_writer *writer, const uint8_t *data, size_t n,
                     struct swb_error *err)
{
        while (n > 0) {
                const struct swb_extent *extent = &writer->extents[writer->index];
                uint64_t left = extent->n_blocks * SWB_BLOCK_BYTES - writer->done;
                size_t piece = (size_t)SWB_MIN(left, (uint64_t)SWB_MIN(n, (size_t)SWB_IO_BYTES));
                int r;

                r = write_piece(writer->target, extent, writer->done, data, piece, err);
                if (r < 0)
                        return r;
                data += piece;
                n -= piece;
                writer->done += piece;
                if (piece == left) {
                        writer->index++;
                        writer->done = 0;
                }
        }
        return 0;
}

static int flush(struct swb_extent_writer *writer, struct swb_error *err)
{
        size_t n = writer->fill;

        writer->fill = 0;
        return write_out(writer, writer->target->buffer, n, err);
}

int swb_extent_writer_space(struct swb_extent_writer *writer, uint8_t **ret_space, size_t *ret_n,
                            struct swb_error *err)
{
        if (writer->fill == SWB_IO_BYTES) {
                int r = flush(writer, err);

                if (r < 0)
                        return r;
        }
        *ret_space = writer->target->buffer + writer->fill;
        *ret_n = (size_t)SWB_MIN((uint64_t)(SWB_IO_BYTES - writer->fill),
                                 writer->n_bytes - writer->taken);
        return 0;
}

void swb_extent_writer_commit(struct swb_extent_writer *writer, size_t n)
{
        swb_assert(n <= SWB_IO_BYTES - writer->fill && n <= writer->n_bytes - writer->taken);
        writer->fill += n;
        writer->taken += n;
}

int swb_extent_writer_put(struct swb_extent_writer *writer, const uint8_t *data, size_t n,
                          struct swb_error *err)
{
        int r;

        if (n > writer->n_bytes - writer->taken)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "makes more than the %" PRIu64 " bytes of its destination",
                                writer->n_bytes);
        while (n > 0) {
                uint8_t *space;
                size_t n_space;

                if (writer->fill == 0 && n >= SWB_IO_BYTES) {
                        writer->taken += n;
                        return write_out(writer, data, n, err);
                }
                r = swb_extent_writer_space(writer, &space, &n_space, err);
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
        if (writer->taken != writer->n_bytes)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "makes %" PRIu64 " bytes for a destination of %" PRIu64,
                                writer->taken, writer->n_bytes);
        return flush(writer, err);
}

int swb_extent_reader_init(struct swb_extent_reader *reader, const struct swb_extent_file *file,
                           const struct swb_extent *extents, size_t n, struct swb_error *err)
{
        uint64_t *starts = calloc(n + 1, sizeof(*starts));

        if (!starts)
                return swb_oom(err);
        for (size_t i = 0; i < n; i++)
                starts[i + 1] = starts[i] + extents[i].n_blocks * SWB_BLOCK_BYTES;
        *reader = (struct swb_extent_reader){
                .file = *file,
                .extents = extents,
                .n = n,
                .starts = starts,
                .n_bytes = starts[n],
        };
        return 0;
}

void swb_extent_reader_done(struct swb_extent_reader *reader)
{
        free(reader->cache);
        reader->cache = NULL;
        free(reader->starts);
        reader->starts = NULL;
}

/* Sets index to the extent that holds offset (which is inside). */
static void seek(struct swb_extent_reader *reader, uint64_t offset)
{
        size_t low = 0, high = reader->n;

        if (reader->starts[reader->index] <= offset && offset < reader->starts[reader->index + 1])
                return;
        while (high - low > 1) {
                size_t middle = low + (high - low) / 2;

                if (reader->starts[middle] <= offset)
                        low = middle;
                else
                        high = middle;
        }
        reader->index = low;
}

/* n bytes at an offset of one extent. */
static int read_extent(const struct swb_extent_reader *reader, const struct swb_extent *extent,
                       uint64_t at, uint8_t *data, size_t n, struct swb_error *err)
{
        uint64_t offset = extent->start_block * SWB_BLOCK_BYTES + at;
        size_t n_read = 0;
        int r = 0;

        if (extent->start_block != SWB_SPARSE_HOLE) {
                n_read = clip(&reader->file, offset, n);
                r = swb_pread(reader->file.fd, reader->file.name, data, n_read, offset, err);
        }
        memset(data + n_read, 0, n - n_read);
        return r;
}

static int read_uncached(struct swb_extent_reader *reader, uint64_t offset, uint8_t *data, size_t n,
                         struct swb_error *err)
{
        while (n > 0) {
                size_t piece;
                int r;

                seek(reader, offset);
                piece = (size_t)SWB_MIN(reader->starts[reader->index + 1] - offset, (uint64_t)n);
                r = read_extent(reader, &reader->extents[reader->index],
                                offset - reader->starts[reader->index], data, piece, err);
                if (r < 0)
                        return r;
                data += piece;
                offset += piece;
                n -= piece;
        }
        return 0;
}

/* A stretch is of whole blocks. */
static int find_block(struct swb_extent_reader *reader, uint64_t block, const uint8_t **ret_data,
                      struct swb_error *err)
{
        size_t place = (size_t)(block % SWB_EXTENT_CACHE_BLOCKS);
        struct swb_extent_cache *cache = reader->cache;

        if (cache->blocks[place] != block + 1) {
                int r = read_uncached(reader, block * SWB_BLOCK_BYTES, cache->data[place],
                                      SWB_BLOCK_BYTES, err);

                cache->blocks[place] = r < 0 ? 0 : block + 1;
                if (r < 0)
                        return r;
        }
        *ret_data = cache->data[place];
        return 0;
}

static int read_cached(struct swb_extent_reader *reader, uint64_t offset, uint8_t *data, size_t n,
                       struct swb_error *err)
{
        while (n > 0) {
                size_t at = (size_t)(offset % SWB_BLOCK_BYTES);
                size_t piece = SWB_MIN(n, SWB_BLOCK_BYTES - at);
                const uint8_t *block;
                int r = find_block(reader, offset / SWB_BLOCK_BYTES, &block, err);

                if (r < 0)
                        return r;
                memcpy(data, block + at, piece);
                data += piece;
                offset += piece;
                n -= piece;
        }
        return 0;
}

int swb_extent_reader_get(struct swb_extent_reader *reader, uint64_t offset, uint8_t *data,
                          size_t n, struct swb_error *err)
{
        if (offset > reader->n_bytes || n > reader->n_bytes - offset)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "reads %zu bytes at %" PRIu64 " of a source of %" PRIu64, n, offset,
                                reader->n_bytes);
        if (n >= SWB_BLOCK_BYTES)
                return read_uncached(reader, offset, data, n, err);
        if (!reader->cache)
                reader->cache = calloc(1, sizeof(*reader->cache));
        return reader->cache ? read_cached(reader, offset, data, n, err)
                             : read_uncached(reader, offset, data, n, err);
}
