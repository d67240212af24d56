/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/runs.h"

/* Neighbouring blocks of one file. */
struct stretch {
        size_t owner;
        uint64_t begin, n_bytes; /* in the target */
        uint64_t at;             /* in the file's blocks */
        bool is_hole;
};

void swb_runs_done(struct swb_runs *runs)
{
        free(runs->items);
        *runs = (struct swb_runs){0};
}

static int add_run(struct swb_runs *runs, size_t owner, enum swb_lot lot, uint64_t begin,
                   uint64_t n_bytes)
{
        if (runs->n == runs->cap) {
                size_t cap = runs->cap ? runs->cap * 2 : 16;
                struct swb_share *bigger = reallocarray(runs->items, cap, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                runs->items = bigger;
                runs->cap = cap;
        }
        runs->items[runs->n++] =
                (struct swb_share){.owner = owner, .lot = lot, .begin = begin, .n_bytes = n_bytes};
        return 0;
}

/* The first region that ends behind `at`. */
static size_t find_region(const struct swb_sort *sort, uint64_t at)
{
        size_t low = 0, high = sort->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (sort->regions[middle].end <= at)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static int cut_stretch(struct swb_classes *classes, const struct stretch *stretch,
                       struct swb_runs *runs, struct swb_error *err)
{
        uint64_t at = stretch->at, end = stretch->at + stretch->n_bytes;
        const struct swb_sort *sort;
        int r = swb_classes_look(classes, stretch->owner, &sort, err);

        if (r < 0)
                return r;
        for (size_t i = find_region(sort, at); at < end; i++) {
                bool has_region = !stretch->is_hole && i < sort->n;
                uint64_t stop = has_region ? SWB_MIN(end, sort->regions[i].end) : end;

                if (add_run(runs, stretch->owner, has_region ? sort->regions[i].lot : SWB_LOT_WHOLE,
                            stretch->begin + (at - stretch->at), stop - at) < 0)
                        return swb_oom(err);
                at = stop;
        }
        return 0;
}

/* A hole is of the file in which it lies: that of the block before it. */
static struct stretch block_of(const struct swb_classes *classes, const struct swb_extent *extent,
                               uint64_t k, const struct stretch *last)
{
        const struct swb_scan *scan = classes->scan;
        uint64_t block = extent->start_block + k;
        bool is_hole = extent->start_block == SWB_SPARSE_HOLE || block >= scan->image->n_blocks;
        size_t none = last->n_bytes > 0 ? last->owner : scan->n_files - 1;

        return (struct stretch){
                .owner = is_hole ? none : scan->owner[block],
                .begin = last->begin + last->n_bytes,
                .n_bytes = SWB_BLOCK_BYTES,
                .at = is_hole ? 0 : (uint64_t)classes->positions[block] * SWB_BLOCK_BYTES,
                .is_hole = is_hole};
}

int swb_runs_list(struct swb_classes *classes, const struct swb_extent *dst, size_t n_dst,
                  struct swb_runs *ret, struct swb_error *err)
{
        struct stretch stretch = {0};
        int r = 0;

        for (size_t i = 0; i < n_dst && r == 0; i++)
                for (uint64_t k = 0; k < dst[i].n_blocks && r == 0; k++) {
                        struct stretch next = block_of(classes, &dst[i], k, &stretch);

                        if (stretch.n_bytes > 0 && next.owner == stretch.owner &&
                            next.is_hole == stretch.is_hole &&
                            (next.is_hole || next.at == stretch.at + stretch.n_bytes)) {
                                stretch.n_bytes += SWB_BLOCK_BYTES;
                                continue;
                        }
                        if (stretch.n_bytes > 0)
                                r = cut_stretch(classes, &stretch, ret, err);
                        stretch = next;
                }
        if (r == 0 && stretch.n_bytes > 0)
                r = cut_stretch(classes, &stretch, ret, err);
        return r;
}
