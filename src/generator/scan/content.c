/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/scan/content.h"

#include "codec/codec.h"
#include "generator/scan/examine.h"

#define PIECE_BYTES ((size_t)SWB_CONTENT_PIECE_BLOCKS * SWB_BLOCK_BYTES)
/* The quickest level, and what sorting and patience leave of its result. */
#define GUESS_LEVEL 1
#define GUESS_PERCENT 80u

void swb_content_done(struct swb_content *content)
{
        free(content->regions);
        free(content->costs);
        *content = (struct swb_content){0};
}

int swb_content_add(struct swb_content *content, uint64_t start,
                    const struct swb_split_region *region)
{
        if (content->n_regions == content->cap) {
                size_t cap = content->cap ? content->cap * 2 : 32;
                struct swb_content_region *regions =
                        reallocarray(content->regions, cap, sizeof(*regions));

                if (!regions)
                        return -ENOMEM;
                content->regions = regions;
                content->cap = cap;
        }
        content->regions[content->n_regions++] = (struct swb_content_region){start, *region};
        return 0;
}

size_t swb_content_record_bytes(const struct swb_split_region *region)
{
        size_t n = 0;

        for (size_t i = 0; i < SWB_SPLIT_FIELDS_MAX; i++)
                n += region->fields[i];
        return n;
}

static int guess_cost(const uint8_t *data, size_t n, uint32_t *ret)
{
        _cleanup_(swb_buf_done) struct swb_buf quick = SWB_BUF_INIT(n - 1);
        int r = swb_encode(SWB_CODEC_ZSTD, GUESS_LEVEL, data, n, &quick);

        if (r == 0)
                *ret = (uint32_t)(quick.n_bytes / 100 * GUESS_PERCENT);
        else if (r == -E2BIG)
                *ret = (uint32_t)n;
        return r == -E2BIG ? 0 : r;
}

static int examine_piece(struct swb_examine *e, size_t number, uint8_t *piece)
{
        uint64_t start = (uint64_t)number * PIECE_BYTES;
        size_t n = (size_t)SWB_MIN(e->n_bytes - start, (uint64_t)PIECE_BYTES);
        const uint8_t *magic;
        int r = swb_examine_read_stored(e, start, n, piece);

        if (r == 0 && guess_cost(piece, n, &e->content->costs[number]) < 0)
                r = swb_oom(e->err);
        if (r < 0 || e->content->n_regions > 0)
                return r;
        magic = memmem(piece, n, SWB_LZ4_MAGIC, 4);
        if (!magic)
                return 0;
        return swb_examine_lz4(e, start + (uint64_t)(magic - piece) + 4);
}

int swb_content_examine(const struct swb_image *image, const struct swb_file *file,
                        struct swb_content *ret_content, struct swb_error *err)
{
        _cleanup_free_ uint8_t *piece = malloc(PIECE_BYTES);
        struct swb_examine e = {.image = image,
                                .file = file,
                                .n_bytes = file->blocks.n_blocks * SWB_BLOCK_BYTES,
                                .content = ret_content,
                                .err = err};
        bool is_regular = file->kind == SWB_FILE_REGULAR;
        int r;

        e.n_logical = e.n_bytes;
        for (size_t i = 0; i < file->n_holes; i++)
                e.n_logical += file->holes[i].n_blocks * SWB_BLOCK_BYTES;
        ret_content->class = is_regular ? SWB_CONTENT_OTHER : SWB_CONTENT_REST;
        ret_content->n_costs = (size_t)((e.n_bytes + PIECE_BYTES - 1) / PIECE_BYTES);
        ret_content->costs = calloc(ret_content->n_costs + 1, sizeof(*ret_content->costs));
        if (!piece || !ret_content->costs)
                return swb_oom(err);
        r = is_regular ? swb_examine_elf(&e) : 0;
        for (size_t i = 0; i < ret_content->n_costs && r == 0; i++)
                r = examine_piece(&e, i, piece);
        return r;
}

uint64_t swb_content_memory(void)
{
        return SWB_LZ4_BLOCK_MAX * 2 + 6 * PIECE_BYTES;
}

/* ---- slices ---- */

static int append(struct swb_split_regions *list, struct swb_split_region region, uint64_t n_bytes)
{
        struct swb_split_region *last = list->n > 0 ? &list->items[list->n - 1] : NULL;

        if (n_bytes == 0)
                return 0;
        if (last && last->kind == SWB_SPLIT_PLAIN && region.kind == SWB_SPLIT_PLAIN &&
            last->stream == region.stream) {
                last->n_bytes += (size_t)n_bytes;
                return 0;
        }
        if (list->n == list->cap) {
                size_t cap = list->cap ? list->cap * 2 : 32;
                struct swb_split_region *items = reallocarray(list->items, cap, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                list->items = items;
                list->cap = cap;
        }
        region.n_bytes = (size_t)n_bytes;
        list->items[list->n++] = region;
        return 0;
}

/* The part [from, to) of a region: whole records of it, what is left of them as it is. */
static int append_part(struct swb_split_regions *list, const struct swb_content_region *region,
                       uint64_t from, uint64_t to)
{
        struct swb_split_region plain = {.kind = SWB_SPLIT_PLAIN, .stream = region->region.stream};
        uint64_t head = 0, tail = 0;
        int r;

        if (region->region.kind == SWB_SPLIT_RECORDS) {
                size_t record = swb_content_record_bytes(&region->region);

                head = SWB_MIN((record - (from - region->start) % record) % record, to - from);
                tail = (to - from - head) % record;
        }
        /* The end of one that begins before lacks what says where its sequences are. */
        if (region->region.kind == SWB_SPLIT_LZ4 && from > region->start) {
                plain.stream++;
                return append(list, plain, to - from);
        }
        r = append(list, plain, head);
        if (r == 0)
                r = append(list, region->region, to - from - head - tail);
        return r == 0 ? append(list, plain, tail) : r;
}

/* The first region that ends behind `start`. */
static size_t find_region(const struct swb_content *content, uint64_t start)
{
        size_t low = 0, high = content->n_regions;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const struct swb_content_region *region = &content->regions[middle];

                if (region->start + region->region.n_bytes <= start)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

int swb_content_slice(const struct swb_content *content, uint64_t start, uint64_t n_bytes,
                      struct swb_split_regions *ret)
{
        const struct swb_split_region data = {.kind = SWB_SPLIT_PLAIN, .stream = SWB_STREAM_DATA};
        uint64_t end = start + n_bytes;
        int r = 0;

        for (size_t i = find_region(content, start); i < content->n_regions && r == 0; i++) {
                const struct swb_content_region *region = &content->regions[i];
                uint64_t from = SWB_MAX(start, region->start),
                         to = SWB_MIN(end, region->start + region->region.n_bytes);

                if (region->start >= end)
                        break;
                r = append(ret, data, from - start);
                if (r == 0)
                        r = append_part(ret, region, from, to);
                start = to;
        }
        return r == 0 ? append(ret, data, end - start) : r;
}
