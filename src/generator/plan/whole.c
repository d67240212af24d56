/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/whole.h"

/* Of one task: before packing (a device has as much memory for one), and after (what a cut costs).
 */
#define TASK_BLOCKS_MAX ((uint64_t)(SWB_SPLIT_TARGET_MAX / SWB_BLOCK_BYTES))
#define TASK_COST_MAX ((uint64_t)4 << 20)

struct entry {
        const struct swb_image *image;
        const struct swb_file *file;
        uint32_t number; /* in the scan: by kind and path */
        struct swb_content content;
};

struct whole {
        const struct swb_pool *pool;
        const struct swb_scan *scan;
        const bool *is_wanted;
        struct swb_task_list *tasks;
        struct entry *entries;
        size_t n;
        struct swb_task *task; /* the open one */
        uint64_t cost;         /* of it */
        bool is_sorted;        /* it holds programs */
};

static void whole_done(struct whole *w)
{
        for (size_t i = 0; i < w->n; i++)
                swb_content_done(&w->entries[i].content);
        free(w->entries);
}

static int examine(void *object, struct swb_error *err)
{
        struct entry *entry = object;

        return swb_content_examine(entry->image, entry->file, &entry->content, err);
}

static int examine_all(struct whole *w, struct swb_error *err)
{
        _cleanup_free_ struct swb_job *jobs = calloc(w->n + 1, sizeof(*jobs));

        if (!jobs)
                return swb_oom(err);
        for (size_t i = 0; i < w->n; i++)
                jobs[i] = (struct swb_job){.run = examine,
                                           .object = &w->entries[i],
                                           .memory_bytes = swb_content_memory(),
                                           .work = w->entries[i].file->blocks.n_blocks};
        return swb_pool_run(w->pool, "examine", jobs, w->n, err);
}

static const char *ending_of(const struct entry *entry)
{
        const char *name = strrchr(entry->file->path, '/');
        const char *dot = strrchr(name ? name : entry->file->path, '.');

        return entry->content.class == SWB_CONTENT_OTHER && dot ? dot : "";
}

/* What resembles each other: the same class, the same ending, the same folder. */
static int compare_entries(const void *a, const void *b)
{
        const struct entry *x = a, *y = b;
        int order;

        if (x->content.class != y->content.class)
                return x->content.class < y->content.class ? -1 : 1;
        order = strcmp(ending_of(x), ending_of(y));
        if (order != 0)
                return order;
        return x->number < y->number ? -1 : x->number > y->number;
}

/* Makes sure that the open task has room. */
static int open_task(struct whole *w, bool is_sorted, uint64_t n_blocks, uint64_t cost)
{
        if (w->task && w->is_sorted == is_sorted &&
            w->task->dst.n_blocks + n_blocks <= TASK_BLOCKS_MAX && w->cost + cost <= TASK_COST_MAX)
                return 0;
        w->task = swb_task_list_add(w->tasks, SWB_TASK_REPLACE);
        w->cost = 0;
        w->is_sorted = is_sorted;
        return w->task ? 0 : -ENOMEM;
}

/* n_blocks wanted ones of a file, from its block `first` on, inside one extent and one piece. */
static int add_run(struct whole *w, const struct entry *entry, uint64_t first, uint64_t block,
                   uint64_t n_blocks)
{
        uint64_t cost = entry->content.costs[first / SWB_CONTENT_PIECE_BLOCKS] * n_blocks /
                        SWB_CONTENT_PIECE_BLOCKS;
        int r = open_task(w, entry->content.n_regions > 0, n_blocks, cost);

        if (r == 0)
                r = swb_extent_list_add(&w->task->dst, block, n_blocks);
        if (r < 0)
                return r;
        w->cost += cost;
        return swb_content_slice(&entry->content, first * SWB_BLOCK_BYTES,
                                 n_blocks * SWB_BLOCK_BYTES, &w->task->regions);
}

static int add_extent(struct whole *w, const struct entry *entry, const struct swb_extent *extent,
                      uint64_t first)
{
        uint64_t i = 0;
        int r = 0;

        while (i < extent->n_blocks && r == 0) {
                const bool *wanted = w->is_wanted + extent->start_block + i;
                uint64_t in_piece =
                        SWB_CONTENT_PIECE_BLOCKS - (first + i) % SWB_CONTENT_PIECE_BLOCKS;
                uint64_t max = SWB_MIN(extent->n_blocks - i, in_piece), run = 0;

                while (run < max && wanted[run])
                        run++;
                if (run > 0)
                        r = add_run(w, entry, first + i, extent->start_block + i, run);
                i += run > 0 ? run : 1;
        }
        return r;
}

static int add_entry(struct whole *w, const struct entry *entry)
{
        const struct swb_extent_list *blocks = &entry->file->blocks;
        uint64_t first = 0;
        int r = 0;

        for (size_t i = 0; i < blocks->n && r == 0; i++) {
                r = add_extent(w, entry, &blocks->items[i], first);
                first += blocks->items[i].n_blocks;
        }
        return r;
}

static bool is_any_wanted(const struct whole *w, const struct swb_file *file)
{
        for (size_t i = 0; i < file->blocks.n; i++)
                for (uint64_t k = 0; k < file->blocks.items[i].n_blocks; k++)
                        if (w->is_wanted[file->blocks.items[i].start_block + k])
                                return true;
        return false;
}

int swb_whole_plan(const struct swb_pool *pool, const struct swb_scan *scan, const bool *is_wanted,
                   struct swb_task_list *tasks, struct swb_error *err)
{
        _cleanup_(whole_done) struct whole w = {
                .pool = pool, .scan = scan, .is_wanted = is_wanted, .tasks = tasks};
        int r;

        w.entries = calloc(scan->n_files + 1, sizeof(*w.entries));
        if (!w.entries)
                return swb_oom(err);
        for (size_t i = 0; i < scan->n_files; i++)
                if (is_any_wanted(&w, &scan->files[i]))
                        w.entries[w.n++] = (struct entry){.image = scan->image,
                                                          .file = &scan->files[i],
                                                          .number = (uint32_t)i};
        r = examine_all(&w, err);
        if (r < 0)
                return r;
        qsort(w.entries, w.n, sizeof(*w.entries), compare_entries);
        for (size_t i = 0; i < w.n; i++)
                if (add_entry(&w, &w.entries[i]) < 0)
                        return swb_oom(err);
        return 0;
}
