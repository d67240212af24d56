/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/opened_map.h"

void swb_opened_map_done(struct swb_opened_map *map)
{
        free(map->items);
        *map = (struct swb_opened_map){0};
}

static void add_outermost(struct swb_opened_map *map, const struct swb_recipe *recipe,
                          const struct swb_piece *piece)
{
        const struct swb_opened_place *last = map->n > 0 ? &map->items[map->n - 1] : NULL;
        struct swb_opened_place *place = &map->items[map->n++];

        *place = (struct swb_opened_place){.opened = last ? last->opened + last->n_opened : 0,
                                           .stored = last ? last->stored + last->n_stored : 0,
                                           .n_stored = piece->n_encoded};
        if (piece->setting == 0)
                return;
        place->packing = swb_recipe_setting(recipe, piece)->packing;
        place->encoder = swb_recipe_setting(recipe, piece)->encoder;
        place->depth = 1;
}

int swb_opened_map_init(struct swb_opened_map *map, const struct swb_recipe *recipe,
                        uint64_t n_content)
{
        *map = (struct swb_opened_map){0};
        map->items = calloc((recipe ? recipe->n_pieces : 0) + 1, sizeof(*map->items));
        if (!map->items)
                return -ENOMEM;
        if (!recipe)
                map->items[map->n++] =
                        (struct swb_opened_place){.n_opened = n_content, .n_stored = n_content};
        for (size_t i = 0; recipe && i < recipe->n_pieces; i++) {
                const struct swb_piece *piece = &recipe->pieces[i];
                struct swb_opened_place *place;

                if (piece->depth == 0)
                        add_outermost(map, recipe, piece);
                place = &map->items[map->n - 1];
                if (piece->setting > 0)
                        place->depth = SWB_MAX(place->depth, piece->depth + 1u);
                if (!swb_recipe_has_inner(recipe, i))
                        place->n_opened += piece->n_opened;
        }
        return 0;
}

/* Where a byte of a layer lies in what the layer opens to. */
static uint64_t behind(const struct swb_opened_map *layer, uint64_t stored, size_t *at)
{
        const struct swb_opened_place *place;

        while (*at < layer->n && layer->items[*at].stored + layer->items[*at].n_stored <= stored)
                ++*at;
        if (*at == layer->n)
                return layer->n > 0 ? layer->items[layer->n - 1].opened +
                                              layer->items[layer->n - 1].n_opened
                                    : 0;
        place = &layer->items[*at];
        return place->opened + (uint64_t)((double)(stored - place->stored) *
                                          (double)place->n_opened / (double)place->n_stored);
}

/* What of the layer lies in a place opens further. */
static void deepen(struct swb_opened_place *place, const struct swb_opened_map *layer, size_t first)
{
        const struct swb_opened_place *deepest = NULL;

        for (size_t i = first; i < layer->n; i++) {
                const struct swb_opened_place *inner = &layer->items[i];

                if (inner->stored >= place->opened + place->n_opened)
                        break;
                if (inner->depth > (deepest ? deepest->depth : 0))
                        deepest = inner;
        }
        if (!deepest)
                return;
        if (place->depth == 0) {
                place->packing = deepest->packing;
                place->encoder = deepest->encoder;
        }
        place->depth += deepest->depth;
}

int swb_opened_map_add_layer(struct swb_opened_map *map, const struct swb_recipe *recipe)
{
        _cleanup_(swb_opened_map_done) struct swb_opened_map layer = {0};
        uint64_t begin = 0;
        size_t at = 0;
        int r = swb_opened_map_init(&layer, recipe, 0);

        for (size_t i = 0; i < map->n && r >= 0; i++) {
                struct swb_opened_place *place = &map->items[i];
                size_t first = at;
                uint64_t end = behind(&layer, place->opened + place->n_opened, &at);

                deepen(place, &layer, first);
                place->opened = begin;
                place->n_opened = end - begin;
                begin = end;
        }
        return r;
}

size_t swb_opened_map_find(const struct swb_opened_map *map, uint64_t opened)
{
        size_t low = 0, high = map->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (map->items[middle].opened + map->items[middle].n_opened <= opened)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}
