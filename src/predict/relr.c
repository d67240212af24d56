/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/relr.h"

#include "base/endian.h"
#include "predict/window.h"

#define WORD_BYTES 8u
/* An odd word's bits but the lowest. */
#define WORD_BITS 63u

/* ---- words that the table names */

static bool next_word(struct swb_view *view, struct swb_relr_walk *walk, uint64_t *ret)
{
        const uint8_t *p =
                walk->at + WORD_BYTES <= walk->end ? swb_view_at(view, walk->at, WORD_BYTES) : NULL;

        walk->there = p != NULL;
        if (!p)
                return false;
        walk->at += WORD_BYTES;
        *ret = swb_get_le64(p);
        return true;
}

bool swb_relr_next(struct swb_view *view, struct swb_relr_walk *walk)
{
        uint64_t word;
        unsigned skipped;

        while (walk->bits == 0) {
                if (!next_word(view, walk, &word))
                        return false;
                if (word % 2 == 0) {
                        walk->place = word;
                        walk->where = word + WORD_BYTES;
                        return true;
                }
                walk->bits = word >> 1;
                walk->place = walk->where - WORD_BYTES;
                walk->where += (uint64_t)WORD_BITS * WORD_BYTES;
        }
        skipped = (unsigned)__builtin_ctzll(walk->bits);
        walk->bits = walk->bits >> skipped >> 1;
        walk->place += (skipped + 1) * (uint64_t)WORD_BYTES;
        return true;
}

static struct swb_relr_walk walk_of(const struct swb_section *s)
{
        return (struct swb_relr_walk){.at = s->offset, .end = s->offset + (uint64_t)s->n_bytes};
}

/* How many words a table names. */
static uint64_t count_places(const struct swb_elf *elf, const struct swb_section *s)
{
        struct swb_window window = {.view = elf->view};
        uint64_t n = 0;

        for (uint64_t i = 0; i + WORD_BYTES <= s->n_bytes; i += WORD_BYTES) {
                uint64_t word = swb_get_le64(swb_window_at(&window, s->offset + i));

                n += word % 2 ? (uint64_t)__builtin_popcountll(word) - 1 : 1;
        }
        return n;
}

int swb_relr_tables(struct swb_program *program, size_t max_memory)
{
        const struct swb_elf *elf = &program->elf;

        for (uint32_t i = 1; i < elf->n_sections && program->relr == 0; i++)
                if (elf->sections[i].role == SWB_ROLE_RELR && elf->n_by_address > 0)
                        program->relr = i;
        if (program->relr == 0)
                return 0;
        program->n_relr = count_places(elf, &elf->sections[program->relr]);
        program->relr_walk = walk_of(&elf->sections[program->relr]);
        (void)swb_relr_next(elf->view, &program->relr_walk);
        return program->n_relr > max_memory / sizeof(uint32_t) ? -E2BIG : 0;
}

bool swb_relr_place(struct swb_program *program, const struct swb_section *s, uint64_t begin,
                    uint64_t end, uint64_t *ret)
{
        struct swb_relr_walk *walk = &program->relr_walk;
        uint64_t address = swb_elf_address(s, begin);

        while (walk->there && walk->place < address)
                (void)swb_relr_next(program->elf.view, walk);
        if (!walk->there || end - begin < WORD_BYTES ||
            walk->place - address > end - begin - WORD_BYTES)
                return false;
        *ret = begin + (walk->place - address);
        return true;
}

void swb_relr_find_words(struct swb_program *program, const struct swb_section *s)
{
        uint64_t begin = s->offset, end = begin + s->n_bytes;

        while (s->address != 0 && swb_relr_place(program, s, begin, end, &begin)) {
                swb_pointer_add(program, begin);
                begin += WORD_BYTES;
        }
}

/* ---- the table */

void swb_relr_find(struct swb_program *program, const struct swb_section *s)
{
        if (s != &program->elf.sections[program->relr])
                return;
        for (uint64_t i = 0; i + WORD_BYTES <= s->n_bytes; i += WORD_BYTES)
                swb_fields_add(&program->fields, s->offset + i, SWB_FIELD_RELR);
}

static int compare_u32(const void *a, const void *b)
{
        const uint32_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

int swb_relr_init(struct swb_relr *relr, const struct swb_program *program,
                  const struct swb_map *map, size_t max_memory)
{
        const struct swb_elf *elf = &program->elf;
        const struct swb_section *s = &elf->sections[program->relr];
        struct swb_relr_walk walk;
        bool ascending = true;

        *relr = (struct swb_relr){.next = UINT64_MAX, .first = UINT64_MAX};
        if (program->relr == 0)
                return 0;
        if (program->n_relr > max_memory / sizeof(uint32_t))
                return -E2BIG;
        relr->first = s->offset;
        relr->origin = program->layout->sections[elf->by_address[0]].address;
        relr->n_memory = (size_t)program->n_relr * sizeof(uint32_t);
        relr->expected = malloc(relr->n_memory + 1);
        if (!relr->expected)
                return -ENOMEM;
        for (walk = walk_of(s); swb_relr_next(elf->view, &walk);) {
                uint32_t spot = swb_elf_spot(elf, walk.place);
                uint64_t to = walk.place - relr->origin +
                              swb_map_moved(map, elf, program->layout, spot, false);

                if (spot == SWB_SPOT_NONE || to > UINT32_MAX)
                        continue;
                ascending = ascending && (relr->n == 0 || to >= relr->expected[relr->n - 1]);
                relr->expected[relr->n++] = (uint32_t)to;
        }
        relr->n_peak = relr->n_memory * (ascending ? 1 : 2); /* sorting takes as much again */
        if (relr->n_peak > max_memory)
                return -E2BIG;
        if (!ascending)
                qsort(relr->expected, relr->n, sizeof(uint32_t), compare_u32);
        return 0;
}

void swb_relr_done(struct swb_relr *relr)
{
        free(relr->expected);
        *relr = (struct swb_relr){0};
}

/* The first word that is expected at or behind that address. */
static size_t first_expected(const struct swb_relr *relr, uint64_t address)
{
        size_t low = 0, high = relr->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (relr->expected[middle] < address)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* The address from which the bits at that place count; false: unknown. */
static bool where_of(const struct swb_relr *relr, const struct swb_place *place, uint64_t *ret)
{
        if (place->old == relr->first) {
                *ret = relr->origin;
                return true;
        }
        *ret = relr->where;
        return relr->known && place->new == relr->next;
}

bool swb_relr_predict(const struct swb_relr *relr, const struct swb_place *place, uint64_t *ret)
{
        uint64_t where, bits = 0;
        size_t first;

        if (!where_of(relr, place, &where))
                return false;
        where -= relr->origin;
        first = first_expected(relr, where);
        for (size_t i = first; place->old != relr->first && i < relr->n; i++) {
                uint64_t behind = relr->expected[i] - where;

                if (behind >= (uint64_t)WORD_BITS * WORD_BYTES)
                        break;
                if (behind % WORD_BYTES == 0)
                        bits |= UINT64_C(1) << behind / WORD_BYTES;
        }
        *ret = bits << 1 | 1;
        if (bits == 0 && first < relr->n)
                *ret = relr->origin + relr->expected[first];
        return true;
}

void swb_relr_learn(struct swb_relr *relr, const struct swb_place *place, uint64_t new_value)
{
        uint64_t where;

        relr->known = where_of(relr, place, &where);
        relr->where = where + (uint64_t)WORD_BITS * WORD_BYTES;
        if (new_value % 2 == 0) {
                relr->known = true;
                relr->where = new_value + WORD_BYTES;
        }
        relr->next = place->new + WORD_BYTES;
}
