/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/task.h"

/* Far below what readers take of one operation. */
#define JOINED_EXTENTS_MAX 32768u

struct swb_task *swb_task_list_add(struct swb_task_list *list, enum swb_task_kind kind)
{
        if (list->n == list->cap) {
                size_t cap = list->cap ? list->cap * 2 : 64;
                struct swb_task *items = reallocarray(list->items, cap, sizeof(*items));

                if (!items)
                        return NULL;
                list->items = items;
                list->cap = cap;
        }
        list->items[list->n] = (struct swb_task){.kind = kind};
        return &list->items[list->n++];
}

void swb_task_list_done(struct swb_task_list *list)
{
        for (size_t i = 0; i < list->n; i++) {
                swb_extent_list_done(&list->items[i].src);
                swb_extent_list_done(&list->items[i].dst);
                free(list->items[i].parts);
                free(list->items[i].regions.items);
                if (list->items[i].known)
                        swb_recipe_done(list->items[i].known);
                free(list->items[i].known);
        }
        free(list->items);
        *list = (struct swb_task_list){0};
}

static int add_part(struct swb_task *task, uint64_t src_blocks, uint64_t dst_blocks)
{
        if (task->n_parts == task->parts_cap) {
                size_t cap = task->parts_cap ? task->parts_cap * 2 : 8;
                struct swb_task_part *parts = reallocarray(task->parts, cap, sizeof(*parts));

                if (!parts)
                        return -ENOMEM;
                task->parts = parts;
                task->parts_cap = cap;
        }
        task->parts[task->n_parts++] = (struct swb_task_part){src_blocks, dst_blocks};
        return 0;
}

static int join(struct swb_task *to, struct swb_task *from)
{
        if (add_part(to, from->src.n_blocks, from->dst.n_blocks) < 0 ||
            swb_extent_list_append(&to->src, from->src.items, from->src.n) < 0 ||
            swb_extent_list_append(&to->dst, from->dst.items, from->dst.n) < 0)
                return -ENOMEM;
        swb_extent_list_done(&from->src);
        swb_extent_list_done(&from->dst);
        return 0;
}

/* Room for one more, in blocks and in extents? */
static bool can_join(const struct swb_task *to, const struct swb_task *from, uint64_t src_blocks,
                     uint64_t dst_blocks)
{
        return from->n_opened_new == 0 && to->src.n_blocks + from->src.n_blocks <= src_blocks &&
               to->dst.n_blocks + from->dst.n_blocks <= dst_blocks &&
               to->src.n + from->src.n <= JOINED_EXTENTS_MAX &&
               to->dst.n + from->dst.n <= JOINED_EXTENTS_MAX;
}

int swb_task_list_join(struct swb_task_list *list, uint64_t src_blocks, uint64_t dst_blocks)
{
        size_t n = 0, open = SIZE_MAX;

        for (size_t i = 0; i < list->n; i++) {
                struct swb_task *task = &list->items[i];

                if (task->kind == SWB_TASK_DIFF && open != SIZE_MAX &&
                    can_join(&list->items[open], task, src_blocks, dst_blocks)) {
                        if (join(&list->items[open], task) < 0)
                                return -ENOMEM;
                        continue;
                }
                list->items[n] = *task;
                if (n < i)
                        *task = (struct swb_task){0};
                task = &list->items[n];
                if (task->kind == SWB_TASK_DIFF) {
                        /* What is opened is long enough for itself. */
                        if (task->n_opened_new == 0)
                                open = n;
                        if (add_part(task, task->src.n_blocks, task->dst.n_blocks) < 0)
                                return -ENOMEM;
                }
                n++;
        }
        list->n = n;
        return 0;
}

int swb_task_list_add_replace(struct swb_task_list *list, const struct swb_extent_list *dst,
                              uint64_t chunk_blocks)
{
        for (uint64_t done = 0; done < dst->n_blocks; done += chunk_blocks) {
                struct swb_task *task = swb_task_list_add(list, SWB_TASK_REPLACE);

                if (!task || swb_extent_list_append_slice(&task->dst, dst, done, chunk_blocks) < 0)
                        return -ENOMEM;
        }
        return 0;
}
