/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/scan/examine.h"

int swb_examine_read_stored(const struct swb_examine *e, uint64_t start, size_t n, uint8_t *data)
{
        uint64_t first = start / SWB_BLOCK_BYTES,
                 last = (start + n + SWB_BLOCK_BYTES - 1) / SWB_BLOCK_BYTES;
        _cleanup_free_ uint8_t *blocks = malloc((size_t)(last - first) * SWB_BLOCK_BYTES);
        struct swb_extent_list list = {0};
        int r;

        if (!blocks ||
            swb_extent_list_append_slice(&list, &e->file->blocks, first, last - first) < 0) {
                swb_extent_list_done(&list);
                return swb_oom(e->err);
        }
        r = swb_image_read_extents(e->image, list.items, list.n, blocks, e->err);
        swb_extent_list_done(&list);
        if (r == 0)
                memcpy(data, blocks + start % SWB_BLOCK_BYTES, n);
        return r;
}

bool swb_examine_is_stored(const struct swb_examine *e, uint64_t start, uint64_t n)
{
        return start <= e->n_bytes && n <= e->n_bytes - start;
}

struct swb_place swb_examine_place(const struct swb_examine *e, uint64_t at)
{
        uint64_t skipped = 0;

        for (size_t i = 0; i < e->file->n_holes; i++) {
                const struct swb_hole *hole = &e->file->holes[i];
                uint64_t begin = hole->before * SWB_BLOCK_BYTES + skipped,
                         n = hole->n_blocks * SWB_BLOCK_BYTES;

                if (at < begin)
                        return (struct swb_place){at - skipped, begin - at, false};
                if (at < begin + n)
                        return (struct swb_place){begin - skipped, begin + n - at, true};
                skipped += n;
        }
        return (struct swb_place){at - skipped, e->n_logical - at, false};
}

bool swb_examine_is_inside(const struct swb_examine *e, uint64_t start, uint64_t n)
{
        return start <= e->n_logical && n <= e->n_logical - start;
}

int swb_examine_read(const struct swb_examine *e, uint64_t start, size_t n, uint8_t *data)
{
        while (n > 0) {
                const struct swb_place place = swb_examine_place(e, start);
                size_t piece = (size_t)SWB_MIN((uint64_t)n, place.n);
                int r = 0;

                if (place.is_hole || !swb_examine_is_stored(e, place.stored, piece))
                        memset(data, 0, piece);
                else
                        r = swb_examine_read_stored(e, place.stored, piece, data);
                if (r < 0)
                        return r;
                start += piece;
                data += piece;
                n -= piece;
        }
        return 0;
}
