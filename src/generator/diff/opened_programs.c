/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/opened_programs.h"

#include <string.h>

#include "generator/diff/program_at.h"
#include "generator/scan/sketch.h"

#define PROGRAMS_MAX 8192u
/* One feature in 2^bits is taken of a program. */
#define SAMPLE_BITS 8
/* A pair has at least one feature in this many in common. */
#define COMMON_SHARE 16u
#define NOBODY UINT32_MAX
#define MANY (UINT32_MAX - 1)

struct program {
        uint64_t at, n_bytes;
        uint32_t partner; /* of the other side, or NOBODY */
};

struct programs {
        const uint8_t *data;
        struct program *items;
        size_t n;
};

static void programs_done(struct programs *list)
{
        free(list->items);
}

/* ---- where they are */

/* The end of the run of encoded pieces that begins at a position of the opened content; 0: none
 * does. */
static uint64_t run_from(const struct swb_recipe *recipe, uint64_t begin)
{
        uint64_t at = 0, run = 0;

        for (size_t i = 0; i <= recipe->n_pieces; i++) {
                const struct swb_piece *piece = &recipe->pieces[i];
                bool is_end = i == recipe->n_pieces;

                if (!is_end && swb_recipe_has_inner(recipe, i))
                        continue;
                if ((is_end || piece->setting == 0) && run == begin && at > run)
                        return at;
                if (is_end || run > begin)
                        break;
                at += piece->n_opened;
                if (piece->setting == 0)
                        run = at;
        }
        return 0;
}

/* A run of about the program's size decides: what follows in it is the program's as well, as a
 * kernel's list of relocations is; and what only guesses its size ends with it. */
static uint64_t with_run(const struct swb_recipe *recipe, const struct swb_program_at *program)
{
        uint64_t end = run_from(recipe, program->at), n = program->n_bytes;
        uint64_t n_run = end > 0 ? end - program->at : 0;
        bool is_about = SWB_MIN(n_run, n) > SWB_MAX(n_run, n) / 4 * 3;

        return is_about && (n_run > n || program->is_guess) ? n_run : n;
}

static int list_programs(const struct swb_opened_content *content, struct programs *ret)
{
        struct swb_program_search search;
        struct swb_program_at program = {0};

        ret->data = content->data;
        ret->items = calloc(PROGRAMS_MAX, sizeof(*ret->items));
        if (!ret->items)
                return -ENOMEM;
        swb_program_search_init(&search, content->data, content->n_bytes);
        while (ret->n < PROGRAMS_MAX &&
               swb_program_next(&search, program.at + program.n_bytes, &program)) {
                program.n_bytes = with_run(&content->recipe, &program);
                ret->items[ret->n++] = (struct program){program.at, program.n_bytes, NOBODY};
        }
        return 0;
}

/* ---- which belong together */

struct feature {
        uint64_t value;
        uint32_t program; /* or MANY have it */
};

/* Of the old side: an open table. */
struct features {
        struct feature *slots;
        size_t mask;
        uint32_t program; /* at work */
        uint32_t *votes, n_votes;
};

static void features_done(struct features *features)
{
        free(features->slots);
        free(features->votes);
}

static struct feature *find_slot(const struct features *features, uint64_t value)
{
        size_t i = (size_t)(value * 0x9e3779b97f4a7c15u >> 20) & features->mask;

        while (features->slots[i].value != 0 && features->slots[i].value != value)
                i = (i + 1) & features->mask;
        return &features->slots[i];
}

static void count_feature(void *context, uint64_t value _unused_, size_t offset _unused_)
{
        ++*(size_t *)context;
}

static void put_feature(void *context, uint64_t value, size_t offset _unused_)
{
        const struct features *features = context;
        struct feature *slot = find_slot(features, value);

        if (slot->value == 0)
                *slot = (struct feature){value, features->program};
        else if (slot->program != features->program)
                slot->program = MANY;
}

static void vote(void *context, uint64_t value, size_t offset _unused_)
{
        struct features *features = context;
        const struct feature *slot = find_slot(features, value);

        features->n_votes++;
        if (slot->value != 0 && slot->program != MANY)
                features->votes[slot->program]++;
}

static void sample(const struct programs *list, size_t i,
                   void (*found)(void *context, uint64_t feature, size_t offset), void *context)
{
        swb_sketch_sample(list->data + list->items[i].at, (size_t)list->items[i].n_bytes,
                          SAMPLE_BITS, found, context);
}

static int index_features(const struct programs *old, struct features *ret)
{
        size_t n = 0, n_slots = 1024;

        for (size_t i = 0; i < old->n; i++)
                sample(old, i, count_feature, &n);
        while (n_slots < 2 * n)
                n_slots *= 2;
        ret->slots = calloc(n_slots, sizeof(*ret->slots));
        ret->votes = calloc(old->n + 1, sizeof(*ret->votes));
        if (!ret->slots || !ret->votes)
                return -ENOMEM;
        ret->mask = n_slots - 1;
        for (size_t i = 0; i < old->n; i++) {
                ret->program = (uint32_t)i;
                sample(old, i, put_feature, ret);
        }
        return 0;
}

static uint32_t best_of(struct features *features, size_t n_old)
{
        uint32_t best = NOBODY, most = features->n_votes / COMMON_SHARE;

        for (uint32_t i = 0; i < n_old; i++)
                if (features->votes[i] > most) {
                        best = i;
                        most = features->votes[i];
                }
        return best;
}

static bool are_equal(const struct programs *old, const struct programs *new,
                      const struct program *p)
{
        const struct program *q = &old->items[p->partner];

        return q->n_bytes == p->n_bytes &&
               memcmp(old->data + q->at, new->data + p->at, (size_t)p->n_bytes) == 0;
}

static int find_partners(const struct programs *old, struct programs *new)
{
        _cleanup_(features_done) struct features features = {0};
        int r = index_features(old, &features);

        for (size_t i = 0; i < new->n &&r >= 0; i++) {
                struct program *program = &new->items[i];

                memset(features.votes, 0, old->n * sizeof(*features.votes));
                features.n_votes = 0;
                sample(new, i, vote, &features);
                program->partner = best_of(&features, old->n);
                if (program->partner != NOBODY && are_equal(old, new, program))
                        program->partner = NOBODY;
        }
        return r;
}

/* ---- in order */

int swb_program_pairs_find(const struct swb_opened_content *old,
                           const struct swb_opened_content *new, struct swb_span_list *ret)
{
        _cleanup_(programs_done) struct programs from = {0}, to = {0};
        int r = list_programs(old, &from);

        if (r >= 0)
                r = list_programs(new, &to);
        if (r >= 0 && from.n > 0 && to.n > 0)
                r = find_partners(&from, &to);
        for (size_t i = 0; i < to.n && r >= 0; i++) {
                const struct program *program = &to.items[i], *partner;

                if (program->partner == NOBODY)
                        continue;
                partner = &from.items[program->partner];
                r = swb_span_list_add(ret, &(struct swb_patch_span){partner->at, partner->n_bytes,
                                                                    program->at, program->n_bytes});
        }
        return r < 0 ? r : swb_span_list_ascend(ret);
}
