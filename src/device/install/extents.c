/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/extents.h"

#include <inttypes.h>

#include "os/file.h"

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
                n_read = swb_extent_file_clip(&reader->file, offset, n);
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
