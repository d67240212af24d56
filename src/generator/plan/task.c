/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/task.h"

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
        }
        free(list->items);
        *list = (struct swb_task_list){0};
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
