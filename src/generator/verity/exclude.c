/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/verity/exclude.h"

static void replace(struct swb_extent_list *list, struct swb_extent_list *by)
{
        swb_extent_list_done(list);
        *list = *by;
        *by = (struct swb_extent_list){0};
}

/* Keeps n blocks of the target from `at` on, counted in its order; of a copy the source's, too. */
static int keep(const struct swb_task *task, struct swb_task *kept, uint64_t at, uint64_t n)
{
        int r = n ? swb_extent_list_append_slice(&kept->dst, &task->dst, at, n) : 0;

        if (r < 0 || n == 0 || task->kind != SWB_TASK_COPY)
                return r;
        return swb_extent_list_append_slice(&kept->src, &task->src, at, n);
}

/* Blocks begin .. end of the target, counted in its order, are not of its parts any more. */
static void shrink_parts(struct swb_task *task, uint64_t begin, uint64_t end)
{
        uint64_t at = 0;

        for (size_t i = 0; i < task->n_parts; i++) {
                uint64_t n_blocks = task->parts[i].dst_blocks;
                uint64_t first = SWB_MAX(at, begin), last = SWB_MIN(at + n_blocks, end);

                if (first < last)
                        task->parts[i].dst_blocks -= last - first;
                at += n_blocks;
        }
}

static int exclude(struct swb_task *task, struct swb_task *kept, const struct swb_extent *extent)
{
        uint64_t at = 0, gone = 0, end = extent->start_block + extent->n_blocks;
        int r = 0;

        for (size_t i = 0; i < task->dst.n && r == 0; i++) {
                const struct swb_extent *e = &task->dst.items[i];
                uint64_t first = SWB_MAX(e->start_block, extent->start_block);
                uint64_t last = SWB_MIN(e->start_block + e->n_blocks, end);

                if (first >= last) {
                        r = keep(task, kept, at, e->n_blocks);
                } else {
                        r = keep(task, kept, at, first - e->start_block);
                        if (r == 0)
                                r = keep(task, kept, at + last - e->start_block,
                                         e->start_block + e->n_blocks - last);
                        shrink_parts(task, at + first - e->start_block - gone,
                                     at + last - e->start_block - gone);
                        gone += last - first;
                }
                at += e->n_blocks;
        }
        return r;
}

/* They say what the blocks hold that were there before. */
static void drop_regions(struct swb_task *task)
{
        free(task->regions.items);
        task->regions = (struct swb_split_regions){0};
}

static int exclude_from(struct swb_task *task, const struct swb_extent *extent)
{
        struct swb_task kept = {.kind = task->kind};
        int r = exclude(task, &kept, extent);

        if (r == 0 && kept.dst.n_blocks < task->dst.n_blocks)
                drop_regions(task);
        if (r == 0)
                replace(&task->dst, &kept.dst);
        if (r == 0 && task->kind == SWB_TASK_COPY)
                replace(&task->src, &kept.src);
        swb_extent_list_done(&kept.dst);
        swb_extent_list_done(&kept.src);
        return r;
}

int swb_task_list_exclude(struct swb_task_list *tasks, const struct swb_extent *extent)
{
        size_t n = 0, n_tasks = tasks->n;
        int r = 0;

        for (size_t i = 0; i < n_tasks && r == 0; i++)
                r = exclude_from(&tasks->items[i], extent);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_tasks; i++) {
                struct swb_task task = tasks->items[i];

                if (task.dst.n > 0) {
                        tasks->items[n++] = task;
                        continue;
                }
                swb_extent_list_done(&task.src);
                swb_extent_list_done(&task.dst);
                free(task.regions.items);
        }
        tasks->n = n;
        return 0;
}
