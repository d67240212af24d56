/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * predict/map.h - where old bytes lie in the new file, as the difference's copies tell
 *
 * Spec: docs/design/delta.md, PA-30 to PA-34.
 */
#include "predict/layout.h"
#include "predict/predictor.h"

struct swb_map {
        struct swb_map_piece {
                uint32_t old, n;
                int32_t shift;
        } * pieces; /* ascending, none over another */
        size_t n_pieces;
        size_t n_memory; /* bytes of it */
};

/* 0, -E2BIG (more than max_memory bytes), -ENOMEM. */
int swb_map_init(struct swb_map *map, const struct swb_elf *elf, const struct swb_layout *layout,
                 const struct swb_copy *copies, size_t n_copies, size_t max_memory) _warn_unused_;
void swb_map_done(struct swb_map *map);

/* The last piece that begins at or before `spot`, counted from 1; 0: none from `begin` on. */
size_t swb_map_find(const struct swb_map *map, uint32_t begin, uint32_t spot);

/* How far the address of what a spot stands for has moved, modulo 2^64; in_section: counted in its
 * section. 0 for a spot in no section. */
uint64_t swb_map_moved(const struct swb_map *map, const struct swb_elf *elf,
                       const struct swb_layout *layout, uint32_t spot, bool in_section);

/* How far the byte at `spot` has moved in the file. `begin`: of its section; `otherwise`: the
 * answer where no piece of the section begins at or before it. */
int64_t swb_map_shift(const struct swb_map *map, uint32_t begin, uint32_t spot, int64_t otherwise);
