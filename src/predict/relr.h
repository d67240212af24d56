/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * predict/relr.h - relocated words that a table of bits names (SHT_RELR), and that table itself
 *
 * An even word of the table is the address of a relocated word; an odd one has a bit for each of
 * the 63 words behind the last one that was spoken of. So a new word in the middle of the data
 * moves all bits behind it: what the table becomes does not follow from its words but from where
 * the words that it names went. Spec: docs/design/delta.md, PA-58, PA-66, PA-67.
 */
#include "predict/map.h"
#include "predict/program.h"

/* The next word that the table names: walk->place. false: it is through. */
bool swb_relr_next(struct swb_view *view, struct swb_relr_walk *walk);

/* Where the words that the old table names are expected in the new file. */
struct swb_relr {
        uint32_t *expected; /* new addresses, from `origin` on, ascending */
        size_t n;
        uint64_t origin;
        uint64_t first; /* where the old table begins */
        uint64_t next;  /* in the new file: the word behind the last one that was learned */
        uint64_t where; /* the address from which that one's bits count, if `known` */
        bool known;
        size_t n_memory; /* bytes of it */
        size_t n_peak;   /* the most that it took */
};

/* 0, -E2BIG (more than max_memory bytes), -ENOMEM. */
int swb_relr_init(struct swb_relr *relr, const struct swb_program *program,
                  const struct swb_map *map, size_t max_memory) _warn_unused_;
void swb_relr_done(struct swb_relr *relr);

/* What the table's word becomes; false: nothing tells. */
bool swb_relr_predict(const struct swb_relr *relr, const struct swb_place *place, uint64_t *ret);
void swb_relr_learn(struct swb_relr *relr, const struct swb_place *place, uint64_t new_value);
