/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/closed_list.h"

#include <string.h>

#include "base/grow.h"

static void content_done(struct swb_closed_content *content)
{
        free(content->path);
        swb_extent_list_done(&content->blocks);
}

void swb_closed_list_done(struct swb_closed_list *list)
{
        for (size_t i = 0; i < list->n; i++)
                content_done(&list->items[i]);
        free(list->items);
        *list = (struct swb_closed_list){0};
}

int swb_closed_list_add(struct swb_closed_list *list, const struct swb_file *file,
                        const struct swb_closed *closed, bool is_planned)
{
        struct swb_closed_content content = {.closed = *closed, .is_planned = is_planned};

        if (list->n == SWB_CLOSED_LIST_MAX)
                return 0;
        content.path = strdup(file->path);
        if (!content.path ||
            swb_extent_list_append(&content.blocks, file->blocks.items, file->blocks.n) < 0 ||
            SWB_GROW(list) < 0) {
                content_done(&content);
                return -ENOMEM;
        }
        list->items[list->n++] = content;
        return 0;
}
