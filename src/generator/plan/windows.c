/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/windows.h"

#include "generator/scan/sketch.h"

#define EXAMINE_BLOCKS ((1u << 20) / SWB_BLOCK_BYTES)
#define PIECE_BLOCKS 2048u /* sampled by one job */
/* One feature in 2^bits is taken: many of a small content, few of a large one. */
#define SAMPLE_BITS_SMALL 8
#define SAMPLE_BITS_LARGE 12
#define LARGE_BLOCKS ((64u << 20) / SWB_BLOCK_BYTES)
/* Features that stand in more places than this say nothing of where a content is. */
#define PLACES_MAX 4u
/* Unit in which a part of the old content is chosen. */
#define CELL_BLOCKS ((1u << 20) / SWB_BLOCK_BYTES)
/* A piece is worth a difference when one feature in this many is found again. */
#define FOUND_SHARE 400u

struct sample {
        uint64_t feature;
        uint64_t block; /* in the content's own count */
};

struct samples {
        struct sample *items;
        size_t n, cap;
        bool failed;
};

/* A part of a content, and what was found in it. */
struct piece {
        const struct swb_image *image;
        struct swb_extent_list blocks;
        uint64_t first; /* number of its first block in the content */
        unsigned bits;
        struct samples found;
};

static void add_sample(struct samples *list, uint64_t feature, uint64_t block)
{
        if (list->n == list->cap) {
                size_t cap = list->cap ? list->cap * 2 : 1024;
                struct sample *items = reallocarray(list->items, cap, sizeof(*items));

                if (!items) {
                        list->failed = true;
                        return;
                }
                list->items = items;
                list->cap = cap;
        }
        list->items[list->n++] = (struct sample){.feature = feature, .block = block};
}

static void on_feature(void *context, uint64_t feature, size_t offset)
{
        struct piece *piece = context;

        add_sample(&piece->found, feature, piece->first + (offset - 1) / SWB_BLOCK_BYTES);
}

static int sample_piece(void *object, struct swb_error *err)
{
        struct piece *piece = object;
        size_t n_bytes = (size_t)piece->blocks.n_blocks * SWB_BLOCK_BYTES;
        _cleanup_free_ uint8_t *data = malloc(n_bytes);
        int r;

        if (!data)
                return swb_oom(err);
        r = swb_image_read_extents(piece->image, piece->blocks.items, piece->blocks.n, data, err);
        if (r < 0)
                return r;
        swb_sketch_sample(data, n_bytes, piece->bits, on_feature, piece);
        return piece->found.failed ? swb_oom(err) : 0;
}

struct pieces {
        struct piece *items;
        size_t n;
};

static void pieces_done(struct pieces *pieces)
{
        for (size_t i = 0; i < pieces->n; i++) {
                swb_extent_list_done(&pieces->items[i].blocks);
                free(pieces->items[i].found.items);
        }
        free(pieces->items);
}

static int run_pieces(const struct swb_pool *pool, struct pieces *pieces, struct swb_error *err)
{
        _cleanup_free_ struct swb_job *jobs = calloc(pieces->n + 1, sizeof(*jobs));

        if (!jobs)
                return swb_oom(err);
        for (size_t i = 0; i < pieces->n; i++)
                jobs[i] = (struct swb_job){.run = sample_piece,
                                           .object = &pieces->items[i],
                                           .memory_bytes = 2 * pieces->items[i].blocks.n_blocks *
                                                           SWB_BLOCK_BYTES,
                                           .work = pieces->items[i].blocks.n_blocks};
        return swb_pool_run(pool, "align", jobs, pieces->n, err);
}

/* All samples of a content, in order of position. */
static int sample_content(const struct swb_pool *pool, const struct swb_image *image,
                          const struct swb_extent_list *blocks, unsigned bits, struct samples *ret,
                          struct swb_error *err)
{
        _cleanup_(pieces_done) struct pieces pieces = {0};
        int r;

        pieces.items = calloc(blocks->n_blocks / PIECE_BLOCKS + 1, sizeof(*pieces.items));
        if (!pieces.items)
                return swb_oom(err);
        for (uint64_t done = 0; done < blocks->n_blocks; done += PIECE_BLOCKS) {
                struct piece *piece = &pieces.items[pieces.n++];

                *piece = (struct piece){.image = image, .first = done, .bits = bits};
                if (swb_extent_list_append_slice(&piece->blocks, blocks, done, PIECE_BLOCKS) < 0)
                        return swb_oom(err);
        }
        r = run_pieces(pool, &pieces, err);
        for (size_t i = 0; i < pieces.n && r == 0; i++)
                for (size_t k = 0; k < pieces.items[i].found.n; k++)
                        add_sample(ret, pieces.items[i].found.items[k].feature,
                                   pieces.items[i].found.items[k].block);
        return r == 0 && ret->failed ? swb_oom(err) : r;
}

static void samples_done(struct samples *samples)
{
        free(samples->items);
}

static int compare_samples(const void *a, const void *b)
{
        const struct sample *x = a, *y = b;

        if (x->feature != y->feature)
                return x->feature < y->feature ? -1 : 1;
        return x->block < y->block ? -1 : x->block > y->block;
}

/* Appends the places of a feature in the old content, unless there are too many. */
static size_t find_places(const struct samples *old, uint64_t feature, uint64_t *places)
{
        size_t low = 0, high = old->n, n = 0;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (old->items[middle].feature < feature)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (; low < old->n && old->items[low].feature == feature; low++) {
                if (n == PLACES_MAX)
                        return 0;
                places[n++] = old->items[low].block;
        }
        return n;
}

/* A part of the new content, and where its like stands in the old one. */
struct window {
        uint64_t dst_first, dst_blocks;
        struct swb_extent_list src; /* empty: not worth a difference */
};

/* The old content in cells: how often features of the window were found in each. */
struct cell {
        uint64_t number;
        uint64_t votes;
        bool chosen;
};

static int compare_cells(const void *a, const void *b)
{
        const struct cell *x = a, *y = b;

        if (x->votes != y->votes)
                return x->votes > y->votes ? -1 : 1;
        return x->number < y->number ? -1 : x->number > y->number;
}

/* Marks the cells with most votes, then their neighbours, up to `room` cells. */
static int choose_cells(struct cell *cells, size_t n, size_t room)
{
        struct cell *order = malloc(n * sizeof(*order));

        if (!order)
                return -ENOMEM;
        memcpy(order, cells, n * sizeof(*order));
        qsort(order, n, sizeof(*order), compare_cells);
        for (size_t i = 0; i < n && order[i].votes > 0 && room > 0; i++, room--)
                cells[order[i].number].chosen = true;
        for (size_t i = 0; i < n && order[i].votes > 0; i++)
                for (uint64_t k = order[i].number ? order[i].number - 1 : 0;
                     k <= order[i].number + 1 && k < n; k++)
                        if (room > 0 && !cells[k].chosen) {
                                cells[k].chosen = true;
                                room--;
                        }
        free(order);
        return 0;
}

static int take_cells(const struct cell *cells, size_t n, const struct swb_extent_list *src,
                      struct swb_extent_list *ret)
{
        for (size_t i = 0; i < n; i++)
                if (cells[i].chosen &&
                    swb_extent_list_append_slice(ret, src, i * CELL_BLOCKS, CELL_BLOCKS) < 0)
                        return -ENOMEM;
        return 0;
}

/* Counts the window's features in the old content. Return: is that worth a difference? */
static bool vote(const struct window *window, const struct samples *old, const struct samples *new,
                 struct cell *cells)
{
        uint64_t n_looked = 0, n_found = 0;

        for (size_t i = 0; i < new->n; i++) {
                uint64_t places[PLACES_MAX];
                size_t n;

                if (new->items[i].block < window->dst_first)
                        continue;
                if (new->items[i].block >= window->dst_first + window->dst_blocks)
                        break;
                n = find_places(old, new->items[i].feature, places);
                for (size_t k = 0; k < n; k++)
                        cells[places[k] / CELL_BLOCKS].votes++;
                n_looked++;
                n_found += n > 0;
        }
        return n_found * FOUND_SHARE >= n_looked;
}

static int find_window(struct window *window, const struct samples *old, const struct samples *new,
                       const struct swb_extent_list *src, uint64_t limit_blocks)
{
        size_t n = (size_t)(src->n_blocks / CELL_BLOCKS) + 1;
        _cleanup_free_ struct cell *cells = calloc(n, sizeof(*cells));

        if (!cells)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                cells[i].number = i;
        if (!vote(window, old, new, cells))
                return 0;
        if (src->n_blocks <= limit_blocks)
                return swb_extent_list_append(&window->src, src->items, src->n);
        if (choose_cells(cells, n, (size_t)(limit_blocks / CELL_BLOCKS)) < 0)
                return -ENOMEM;
        return take_cells(cells, n, src, &window->src);
}

static int add_window(struct swb_task_list *tasks, const struct swb_window_limits *limits,
                      struct window *window, const struct swb_extent_list *dst)
{
        struct swb_extent_list slice = {0};
        struct swb_task *task;
        int r = swb_extent_list_append_slice(&slice, dst, window->dst_first, window->dst_blocks);

        if (r == 0 && window->src.n_blocks == 0) {
                r = swb_task_list_add_replace(tasks, &slice, limits->chunk_blocks);
        } else if (r == 0) {
                task = swb_task_list_add(tasks, SWB_TASK_DIFF);
                if (task) {
                        task->src = window->src;
                        task->dst = slice;
                        window->src = slice = (struct swb_extent_list){0};
                }
                r = task ? 0 : -ENOMEM;
        }
        swb_extent_list_done(&slice);
        return r;
}

static bool is_whole(const struct swb_window_limits *limits, const struct swb_extent_list *src,
                     const struct swb_extent_list *dst)
{
        return SWB_MAX(src->n_blocks, dst->n_blocks) <= limits->whole_blocks;
}

static int cut_window(struct swb_task_list *tasks, const struct swb_window_limits *limits,
                      struct window *window, const struct samples *old, const struct samples *new,
                      const struct swb_extent_list *src, const struct swb_extent_list *dst)
{
        uint64_t max = is_whole(limits, src, dst) ? limits->whole_blocks : limits->src_blocks;
        int r = find_window(window, old, new, src, max);

        if (r == 0)
                r = add_window(tasks, limits, window, dst);
        swb_extent_list_done(&window->src);
        return r;
}

/* Everything in one difference. */
static int add_whole(struct swb_task_list *tasks, const struct swb_extent_list *src,
                     const struct swb_extent_list *dst)
{
        struct swb_task *task = swb_task_list_add(tasks, SWB_TASK_DIFF);

        if (!task || swb_extent_list_append(&task->src, src->items, src->n) < 0)
                return -ENOMEM;
        return swb_extent_list_append(&task->dst, dst->items, dst->n);
}

static uint64_t count_windows(const struct swb_window_limits *limits,
                              const struct swb_extent_list *src, const struct swb_extent_list *dst)
{
        if (is_whole(limits, src, dst))
                return 1;
        return (dst->n_blocks + limits->dst_blocks - 1) / limits->dst_blocks;
}

int swb_windows_cut(const struct swb_pool *pool, const struct swb_window_limits *limits,
                    const struct swb_image *old, const struct swb_extent_list *src,
                    const struct swb_image *new, const struct swb_extent_list *dst,
                    struct swb_task_list *tasks, struct swb_error *err)
{
        _cleanup_(samples_done) struct samples old_samples = {0}, new_samples = {0};
        unsigned bits = SWB_MAX(src->n_blocks, dst->n_blocks) > LARGE_BLOCKS ? SAMPLE_BITS_LARGE
                                                                             : SAMPLE_BITS_SMALL;
        uint64_t n_windows = count_windows(limits, src, dst);
        int r;

        if (src->n_blocks == 0)
                return swb_task_list_add_replace(tasks, dst, limits->chunk_blocks) < 0
                               ? swb_oom(err)
                               : 0;
        if (dst->n_blocks < EXAMINE_BLOCKS && is_whole(limits, src, dst))
                return add_whole(tasks, src, dst) < 0 ? swb_oom(err) : 0;
        r = sample_content(pool, old, src, bits, &old_samples, err);
        if (r == 0)
                r = sample_content(pool, new, dst, bits, &new_samples, err);
        if (r < 0)
                return r;
        qsort(old_samples.items, old_samples.n, sizeof(struct sample), compare_samples);
        /* all of about the same size */
        for (uint64_t i = 0, done = 0; i < n_windows; i++) {
                uint64_t end = dst->n_blocks * (i + 1) / n_windows;
                struct window window = {.dst_first = done, .dst_blocks = end - done};

                if (cut_window(tasks, limits, &window, &old_samples, &new_samples, src, dst) < 0)
                        return swb_oom(err);
                done = end;
        }
        return 0;
}
