/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/predictor.h"

#include "predict/learned.h"
#include "predict/map.h"
#include "predict/program.h"

/* The learned table has an entry for so many bytes of the old file, within bounds. */
#define BYTES_PER_LESSON 32u
#define LESSON_BITS_MIN 10u
#define LESSON_BITS_MAX 20u

struct swb_predictor {
        struct swb_program program;
        struct swb_layout layout;
        struct swb_map map;
        struct swb_learned learned;
        /* What swb_predictor_predict() looked up last, for swb_predictor_learn(). */
        uint64_t asked;
        struct swb_reference reference;
        uint64_t base_shift;
        uint32_t next; /* where swb_predictor_next() goes on searching */
};

static unsigned lesson_bits(uint64_t n_bytes)
{
        unsigned bits = LESSON_BITS_MIN;

        while (bits < LESSON_BITS_MAX && ((uint64_t)BYTES_PER_LESSON << bits) < n_bytes)
                bits++;
        return bits;
}

static int set_up(struct swb_predictor *p, struct swb_view *old, const struct swb_copy *copies,
                  size_t n_copies, const uint8_t *hints, size_t n_hints, size_t max_memory)
{
        size_t n_learned = (sizeof(struct swb_lesson) << lesson_bits(old->n_bytes)) + sizeof(*p);
        int r;

        if (n_learned > max_memory)
                return -E2BIG;
        r = swb_learned_init(&p->learned, lesson_bits(old->n_bytes));
        if (r >= 0)
                r = swb_program_init(&p->program, old, max_memory - n_learned);
        if (r >= 0)
                r = swb_layout_init(&p->layout, &p->program.elf, hints, n_hints);
        p->program.layout = &p->layout;
        if (r >= 0)
                r = swb_map_init(&p->map, &p->program.elf, &p->layout, copies, n_copies,
                                 max_memory - n_learned - p->program.fields.n_memory);
        return r >= 0 ? swb_view_error(old) : r;
}

int swb_predictor_new(enum swb_model model, struct swb_view *old, const struct swb_copy *copies,
                      size_t n_copies, const uint8_t *hints, size_t n_hints,
                      size_t max_memory_bytes, struct swb_predictor **ret)
{
        _cleanup_(swb_predictor_freep) struct swb_predictor *p = calloc(1, sizeof(*p));
        struct swb_view none = SWB_VIEW_OF_MEMORY(NULL, 0);
        int r;

        if (!p)
                return -ENOMEM;
        p->asked = UINT64_MAX;
        r = set_up(p, model == SWB_MODEL_ELF ? old : &none, copies, n_copies, hints, n_hints,
                   max_memory_bytes);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(p);
        return 0;
}

struct swb_predictor *swb_predictor_free(struct swb_predictor *predictor)
{
        if (!predictor)
                return NULL;
        swb_program_done(&predictor->program);
        swb_layout_done(&predictor->layout);
        swb_map_done(&predictor->map);
        swb_learned_done(&predictor->learned);
        free(predictor);
        return NULL;
}

bool swb_predictor_next(struct swb_predictor *predictor, uint64_t begin, uint64_t end,
                        struct swb_place *ret)
{
        enum swb_field_kind kind;
        uint64_t old;

        if (!swb_fields_next(&predictor->program.fields, begin, end, &old, &kind, &predictor->next))
                return false;
        *ret = (struct swb_place){
                .old = old, .new = old, .width = swb_field_width(kind), .kind = (uint8_t)kind};
        return true;
}

/* ---- shifts: differences of addresses, modulo 2^64 */

static uint64_t in_address(const struct swb_section *s, const struct swb_layout_section *to,
                           uint64_t shift, bool in_section)
{
        return in_section ? shift : shift + (to->address - s->address);
}

/* How far a place in the file has moved. */
static uint64_t place_shift(const struct swb_predictor *p, uint64_t old, uint64_t new,
                            bool in_section)
{
        const struct swb_section *s = swb_elf_at_spot(&p->program.elf, old);
        const struct swb_layout_section *to;

        if (!s)
                return new - old;
        to = &p->layout.sections[s - p->program.elf.sections];
        return in_address(s, to, (new - to->offset) - (old - s->offset), in_section);
}

/* The same of what a spot stands for, as far as the copies tell. */
static uint64_t mapped_shift(const struct swb_predictor *p, uint32_t spot, bool in_section)
{
        const struct swb_section *s = swb_elf_at_spot(&p->program.elf, spot);
        const struct swb_layout_section *to;
        int64_t moved, shift = 0;

        if (!s)
                return 0;
        to = &p->layout.sections[s - p->program.elf.sections];
        moved = (int64_t)to->offset - s->offset;
        if (s->role != SWB_ROLE_NO_CONTENT)
                shift = swb_map_shift(&p->map, s->offset, spot, moved) - moved;
        return in_address(s, to, (uint64_t)shift, in_section);
}

static uint64_t shift_of(const struct swb_predictor *p, const struct swb_place *place,
                         uint32_t spot, bool in_section)
{
        if (spot == SWB_SPOT_NONE)
                return 0;
        if (spot == SWB_SPOT_PLACE)
                return place_shift(p, place->old, place->new, in_section);
        return mapped_shift(p, spot, in_section);
}

static bool may_learn(const struct swb_reference *reference)
{
        return reference->learns && !reference->known && reference->target < SWB_SPOT_PLACE;
}

static uint64_t target_shift(const struct swb_predictor *p, const struct swb_place *place,
                             const struct swb_reference *reference)
{
        int64_t shift;

        if (may_learn(reference) && swb_learned_get(&p->learned, reference->target, &shift))
                return (uint64_t)shift;
        return shift_of(p, place, reference->target, reference->in_section);
}

/* moved * factor / scale, modulo 2^64. */
static uint64_t scaled(const struct swb_reference *reference, uint64_t moved)
{
        int64_t times = (int64_t)(moved * SWB_MAX(reference->factor, 1u));

        return (uint64_t)(times / SWB_MAX(reference->scale, 1));
}

uint64_t swb_predictor_predict(struct swb_predictor *predictor, const struct swb_place *place,
                               uint64_t value)
{
        struct swb_reference *reference = &predictor->reference;

        *reference = swb_program_refer(&predictor->program, place->old,
                                       (enum swb_field_kind)place->kind, value);
        predictor->asked = place->old;
        if (reference->known)
                return reference->value;
        predictor->base_shift = shift_of(predictor, place, reference->base, reference->in_section);
        return value +
               scaled(reference, target_shift(predictor, place, reference) - predictor->base_shift);
}

/* As a signed number of the field's width. */
static uint64_t extend(uint64_t value, uint8_t width)
{
        return width == 4 ? (uint64_t)(int64_t)(int32_t)value : value;
}

void swb_predictor_learn(struct swb_predictor *predictor, const struct swb_place *place,
                         uint64_t old_value, uint64_t new_value)
{
        const struct swb_reference *reference = &predictor->reference;
        uint64_t moved = extend(new_value - old_value, place->width);

        if (predictor->asked != place->old)
                (void)swb_predictor_predict(predictor, place, old_value);
        if (!may_learn(reference))
                return;
        swb_learned_put(&predictor->learned, reference->target,
                        (int64_t)(moved * reference->scale + predictor->base_shift));
}

const char *swb_predictor_kind(uint8_t kind)
{
        return swb_field_name((enum swb_field_kind)kind);
}

size_t swb_predictor_memory(const struct swb_predictor *predictor)
{
        return sizeof(*predictor) + (sizeof(struct swb_lesson) << predictor->learned.bits) +
               predictor->program.fields.n_memory +
               predictor->map.n_pieces * sizeof(*predictor->map.pieces);
}
