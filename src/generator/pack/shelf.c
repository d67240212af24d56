/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/pack/shelf.h"

#include <sys/mman.h>

#include "generator/pack/output.h"
#include "os/file.h"

/* A file for less would cost more than it saves. */
#define MEMORY_MAX_BYTES ((uint64_t)16 << 20)
#define TAKE_BLOCKS 256u
#define NAME "temporary file beside the output"

void swb_shelf_done(struct swb_shelf *shelf)
{
        if (shelf->map)
                (void)munmap(shelf->map, shelf->n_mapped);
        if (shelf->has_file)
                (void)swb_close(shelf->fd);
        swb_buf_done(&shelf->buf);
        *shelf = SWB_SHELF_INIT(shelf->folder);
}

/* From memory into a file. */
static int move(struct swb_shelf *shelf)
{
        int r = swb_open_unnamed(shelf->folder, &shelf->fd, NULL);

        if (r < 0)
                return r;
        shelf->has_file = true;
        r = swb_pwrite(shelf->fd, NAME, shelf->buf.data, shelf->buf.n_bytes, 0, NULL);
        swb_buf_done(&shelf->buf);
        shelf->buf = SWB_BUF_INIT(SIZE_MAX);
        return r;
}

/* With so many bytes more. */
static bool goes_to_file(const struct swb_shelf *shelf, uint64_t n)
{
        return shelf->folder && shelf->n_bytes + n > MEMORY_MAX_BYTES;
}

int swb_shelf_put(void *context, const uint8_t *data, size_t n)
{
        struct swb_shelf *shelf = context;
        int r = 0;

        if (!shelf->has_file && goes_to_file(shelf, n))
                r = move(shelf);
        if (r >= 0)
                r = shelf->has_file ? swb_pwrite(shelf->fd, NAME, data, n, shelf->n_bytes, NULL)
                                    : swb_buf_append(&shelf->buf, data, n);
        if (r >= 0)
                shelf->n_bytes += n;
        return r;
}

void swb_shelf_cut(struct swb_shelf *shelf, uint64_t n_bytes)
{
        shelf->n_bytes = n_bytes;
        if (!shelf->has_file)
                shelf->buf.n_bytes = (size_t)n_bytes;
}

int swb_shelf_map(struct swb_shelf *shelf, const uint8_t **ret)
{
        void *map;

        if (!shelf->has_file || shelf->n_bytes == 0) {
                *ret = shelf->buf.data;
                return 0;
        }
        if (!shelf->map) {
                map = mmap(NULL, (size_t)shelf->n_bytes, PROT_READ, MAP_SHARED, shelf->fd, 0);
                if (map == MAP_FAILED)
                        return -errno;
                shelf->map = map;
                shelf->n_mapped = (size_t)shelf->n_bytes;
        }
        *ret = shelf->map;
        return 0;
}

static int take_blocks(struct swb_shelf *shelf, const struct swb_image *image,
                       const struct swb_extent *blocks, uint8_t *data, struct swb_error *err)
{
        int r = swb_image_read_extents(image, blocks, 1, data, err);

        if (r < 0)
                return r;
        r = swb_shelf_put(shelf, data, (size_t)blocks->n_blocks * SWB_BLOCK_BYTES);
        return r < 0 ? swb_fail_errno(err, r, "write a %s", NAME) : 0;
}

int swb_shelf_take(struct swb_shelf *shelf, const struct swb_image *image,
                   const struct swb_extent_list *blocks, const uint8_t **ret, struct swb_error *err)
{
        _cleanup_free_ uint8_t *data = malloc((size_t)TAKE_BLOCKS * SWB_BLOCK_BYTES);
        uint64_t n_bytes = blocks->n_blocks * SWB_BLOCK_BYTES;
        int r = 0;

        if (!data ||
            (!goes_to_file(shelf, n_bytes) && swb_buf_reserve(&shelf->buf, (size_t)n_bytes) < 0))
                return swb_oom(err);
        for (size_t i = 0; i < blocks->n; i++)
                for (uint64_t done = 0; done < blocks->items[i].n_blocks && r >= 0;) {
                        struct swb_extent some = blocks->items[i];

                        if (some.start_block != SWB_SPARSE_HOLE)
                                some.start_block += done;
                        some.n_blocks = SWB_MIN(some.n_blocks - done, (uint64_t)TAKE_BLOCKS);
                        r = take_blocks(shelf, image, &some, data, err);
                        done += some.n_blocks;
                }
        if (r < 0)
                return r;
        r = swb_shelf_map(shelf, ret);
        return r < 0 ? swb_fail_errno(err, r, "map a %s", NAME) : 0;
}
