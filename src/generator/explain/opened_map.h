/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/explain/opened_map.h - where the bytes of an opened content lie in the stored one
 */
#include "open/recipe.h"

/* An outermost piece. */
struct swb_opened_place {
        uint64_t opened, n_opened; /* when all in it is opened */
        uint64_t stored, n_stored;
        enum swb_packing packing;
        enum swb_encoder_id encoder;
        unsigned depth; /* 0: plain; 1: opened; more: with inner pieces */
};

struct swb_opened_map {
        struct swb_opened_place *items; /* in order, without gaps; owned */
        size_t n;
};

/* recipe NULL: nothing is opened. 0, -ENOMEM. */
int swb_opened_map_init(struct swb_opened_map *map, const struct swb_recipe *recipe,
                        uint64_t n_content) _warn_unused_;
void swb_opened_map_done(struct swb_opened_map *map);
/* What the map's opened content opens to in turn: places count as there, those of pieces that hold
 * a part of another about where they are. 0, -ENOMEM. */
int swb_opened_map_add_layer(struct swb_opened_map *map,
                             const struct swb_recipe *recipe) _warn_unused_;
/* The first place that ends behind `opened`; map->n: none. */
size_t swb_opened_map_find(const struct swb_opened_map *map, uint64_t opened);
