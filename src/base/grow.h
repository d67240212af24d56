/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * base/grow.h - room for one more item in a list with members `items`, `n` and `cap`
 */
#include <string.h>

#include "base/cleanup.h"

#define SWB_GROW_FIRST ((size_t)16)

/* items: points to the pointer. 0, -ENOMEM: the list is as it was. */
static inline int swb_grow(void *items, size_t n, size_t *cap, size_t item_bytes)
{
        size_t wanted = *cap > 0 ? *cap * 2 : SWB_GROW_FIRST;
        void *old, *bigger;

        if (n < *cap)
                return 0;
        memcpy(&old, items, sizeof(old));
        bigger = reallocarray(old, wanted, item_bytes);
        if (!bigger)
                return -ENOMEM;
        memcpy(items, &bigger, sizeof(bigger));
        *cap = wanted;
        return 0;
}

#define SWB_GROW(list) swb_grow(&(list)->items, (list)->n, &(list)->cap, sizeof(*(list)->items))
