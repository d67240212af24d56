/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/span_list.h"

#include "base/grow.h"

void swb_span_list_done(struct swb_span_list *list)
{
        free(list->items);
        *list = (struct swb_span_list){0};
}

int swb_span_list_add(struct swb_span_list *list, const struct swb_patch_span *span)
{
        if (SWB_GROW(list) < 0)
                return -ENOMEM;
        list->items[list->n++] = *span;
        return 0;
}

struct chain {
        uint64_t weight;
        size_t before; /* SIZE_MAX: none */
};

/* The heaviest chain that ends with span i, by those before it. */
static void link_span(const struct swb_span_list *list, struct chain *chains, size_t i)
{
        const struct swb_patch_span *span = &list->items[i];

        chains[i] = (struct chain){span->n_new, SIZE_MAX};
        for (size_t k = 0; k < i; k++)
                if (swb_span_old_end(&list->items[k]) <= span->old &&
                    swb_span_new_end(&list->items[k]) <=
                            span->new &&chains[k].weight + span->n_new > chains[i].weight)
                        chains[i] = (struct chain){chains[k].weight + span->n_new, k};
}

static void take_chain(struct swb_span_list *list, const struct chain *chains, bool *taken)
{
        size_t best = 0, n = 0;

        for (size_t i = 1; i < list->n; i++)
                if (chains[i].weight > chains[best].weight)
                        best = i;
        for (size_t i = best; i != SIZE_MAX; i = chains[i].before)
                taken[i] = true;
        for (size_t i = 0; i < list->n; i++)
                if (taken[i])
                        list->items[n++] = list->items[i];
        list->n = n;
}

int swb_span_list_ascend(struct swb_span_list *list)
{
        _cleanup_free_ struct chain *chains = calloc(list->n + 1, sizeof(*chains));
        _cleanup_free_ bool *taken = calloc(list->n + 1, sizeof(*taken));

        if (!chains || !taken)
                return -ENOMEM;
        if (list->n == 0)
                return 0;
        for (size_t i = 0; i < list->n; i++)
                link_span(list, chains, i);
        take_chain(list, chains, taken);
        return 0;
}
