/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/opened_content.h"

void swb_opened_content_forget(struct swb_opened_content *content)
{
        swb_shelf_done(&content->shelf);
        content->data = NULL;
}

void swb_opened_content_done(struct swb_opened_content *content)
{
        swb_opened_content_forget(content);
        swb_recipe_done(&content->recipe);
        free(content->unchanged.items);
        content->unchanged = (struct swb_ranges){0};
}

static int add_plain(struct swb_opened_content *content, const uint8_t *data, size_t n,
                     struct swb_recipe *recipe)
{
        const struct swb_piece plain = {.n_encoded = n, .n_opened = n};
        int r = swb_shelf_put(&content->shelf, data, n);

        if (r >= 0)
                r = swb_recipe_add(recipe, &plain);
        return r < 0 ? r : swb_recipe_measure(recipe);
}

static int take(struct swb_opened_content *content, uint64_t begin, const struct swb_found *found)
{
        int r = swb_recipe_append(&content->recipe, &found->recipe);

        for (size_t i = 0; i < found->unchanged.n && r >= 0; i++)
                r = swb_ranges_add(&content->unchanged, begin + found->unchanged.items[i].at,
                                   found->unchanged.items[i].n);
        return r;
}

int swb_opened_content_add(struct swb_opened_content *content, const uint8_t *data, size_t n,
                           enum swb_find_side side, const struct swb_find_limits *limits,
                           struct swb_recipe *ret_part)
{
        _cleanup_(swb_found_done) struct swb_found found = {0};
        struct swb_find_limits own = *limits;
        uint64_t begin = content->shelf.n_bytes;
        int n_pieces, r = 0;

        own.write = swb_shelf_put;
        own.context = &content->shelf;
        n_pieces = swb_recipe_find(data, n, side, &own, &found);
        if (n_pieces < 0)
                return n_pieces;
        if (n_pieces == 0 && n > 0) {
                swb_shelf_cut(&content->shelf, begin);
                r = add_plain(content, data, n, &found.recipe);
        }
        if (r >= 0)
                r = take(content, begin, &found);
        if (r < 0)
                return r;
        *ret_part = found.recipe;
        found.recipe = (struct swb_recipe){0};
        return n_pieces;
}

int swb_opened_content_close(struct swb_opened_content *content)
{
        content->n_bytes = content->shelf.n_bytes;
        return swb_shelf_map(&content->shelf, &content->data);
}
