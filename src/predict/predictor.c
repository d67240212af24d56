/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/predictor.h"

#include <elf.h>
#include <string.h>

#include "base/endian.h"
#include "predict/image.h"
#include "predict/learned.h"
#include "predict/map.h"
#include "predict/program.h"
#include "predict/relr.h"

/* The learned table has an entry for so many bytes of the old file, within bounds. */
#define BYTES_PER_LESSON 32u
#define LESSON_BITS_MIN 10u
#define LESSON_BITS_MAX 20u

#define SHARED_BITS 16u
_Static_assert(sizeof(struct swb_lesson) << SHARED_BITS == SWB_PREDICTOR_SHARED_BYTES, "PA-42");
/* Neighbours are those with the same number but for these bits. */
#define NEAR_BITS 6u
/* So many groups of neighbours are looked at, downwards. */
#define NEAR_GROUPS 4u
/* Names of pieces lie above those of groups. */
#define PIECE_NAMES (1u << 27)

struct swb_predictor_shared {
        struct swb_learned learned;
};

struct swb_predictor {
        struct swb_program program;
        struct swb_layout layout;
        struct swb_map map;
        struct swb_relr relr;
        struct swb_learned learned;
        struct swb_learned *shared; /* borrowed, or the one above */
        /* What swb_predictor_predict() looked up last, for swb_predictor_learn(). */
        uint64_t asked;
        struct swb_reference reference;
        uint64_t base_shift, target_shift;
        uint32_t next; /* where swb_predictor_next() goes on searching */
};

enum swb_model swb_model_of(const uint8_t *start, size_t n, uint64_t n_content)
{
        static const uint8_t magic[] = {0x7f, 'E', 'L', 'F', 2, 1};
        uint64_t sections;

        if (swb_image_is(start, n, n_content))
                return SWB_MODEL_ELF;
        if (n < SWB_MODEL_START_BYTES || memcmp(start, magic, sizeof(magic)) != 0)
                return SWB_MODEL_NONE;
        sections = swb_get_le64(start + 40); /* e_shoff: the last thing in most files */
        return sections > 0 && sections < n_content ? SWB_MODEL_ELF : SWB_MODEL_NONE;
}

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
                                 max_memory - n_learned - p->program.n_memory);
        if (r >= 0)
                r = swb_relr_init(&p->relr, &p->program, &p->map,
                                  max_memory - n_learned - p->program.n_memory - p->map.n_memory);
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
        p->shared = &p->learned;
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
        swb_relr_done(&predictor->relr);
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
        *ret = (struct swb_place){.old = old,
                                  .new = old,
                                  .width = swb_field_width(kind),
                                  .kind = swb_field_stream(kind)};
        return true;
}

/* ---- shifts: differences of addresses, modulo 2^64 */

/* How far a place in the file has moved. */
static uint64_t place_shift(const struct swb_predictor *p, uint64_t old, uint64_t new,
                            bool in_section)
{
        const struct swb_section *s = swb_elf_at_spot(&p->program.elf, old);
        const struct swb_layout_section *to;

        if (!s)
                return new - old;
        to = &p->layout.sections[s - p->program.elf.sections];
        return (new - to->offset) - (old - s->offset) + (in_section ? 0 : to->address - s->address);
}

static uint64_t mapped_shift(const struct swb_predictor *p, uint32_t spot, bool in_section)
{
        return swb_map_moved(&p->map, &p->program.elf, &p->layout, spot, in_section);
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

/* ---- lessons */

static bool is_name(uint32_t spot)
{
        return spot >= SWB_SPOT_NAMES;
}

/* Lessons about other than content are also good for what is near. 0: they are not. */
static uint32_t group_of(const struct swb_predictor *p, uint32_t spot)
{
        uint32_t names = spot >> SWB_NAME_BITS & 7;

        if (!is_name(spot))
                return spot >= p->program.elf.view->n_bytes
                               ? swb_name_spot(SWB_NAMES_NEAR, spot >> NEAR_BITS)
                               : 0;
        if (names != SWB_NAMES_TYPE && names != SWB_NAMES_BASE_TYPE &&
            names != SWB_NAMES_BASE_STRING)
                return 0;
        return swb_name_spot(names & SWB_NAMES_SHARED ? SWB_NAMES_SHARED_RULE : SWB_NAMES_RULE,
                             names << (SWB_NAME_BITS - 3) |
                                     (spot & ((1u << SWB_NAME_BITS) - 1)) >> NEAR_BITS);
}

static bool get_lesson(const struct swb_predictor *p, uint32_t spot, uint64_t *ret_shift)
{
        int64_t shift;

        if (!swb_learned_get(swb_spot_is_shared(spot) ? p->shared : &p->learned, spot, &shift))
                return false;
        *ret_shift = (uint64_t)shift;
        return true;
}

static void put_lesson(struct swb_predictor *p, uint32_t spot, uint64_t shift)
{
        swb_learned_put(swb_spot_is_shared(spot) ? p->shared : &p->learned, spot, (int64_t)shift);
}

/* The name of the piece of the map in which the spot lies; 0: none. */
static uint32_t piece_name(const struct swb_predictor *p, uint32_t spot)
{
        const struct swb_section *s = spot ? swb_elf_at_spot(&p->program.elf, spot) : NULL;
        size_t number = s ? swb_map_find(&p->map, s->offset, spot) : 0;

        return number > 0 ? swb_name_spot(SWB_NAMES_NEAR, PIECE_NAMES | (uint32_t)number) : 0;
}

static bool get_nearest(const struct swb_predictor *p, const struct swb_reference *reference,
                        uint64_t *ret_shift)
{
        uint32_t group = group_of(p, reference->target);
        uint32_t piece = piece_name(p, reference->piece_of);

        if (get_lesson(p, reference->target, ret_shift) ||
            (piece > 0 && get_lesson(p, piece, ret_shift)))
                return true;
        for (uint32_t i = 0; group > 0 && i < NEAR_GROUPS; i++)
                if (get_lesson(p, group - i, ret_shift))
                        return true;
        return reference->otherwise && get_lesson(p, reference->otherwise, ret_shift);
}

static void put_all(struct swb_predictor *p, const struct swb_reference *reference, uint64_t shift)
{
        uint32_t group = group_of(p, reference->target);
        uint32_t piece = piece_name(p, reference->piece_of);

        put_lesson(p, reference->target, shift);
        if (group > 0)
                put_lesson(p, group, shift);
        if (piece > 0)
                put_lesson(p, piece, shift);
        if (reference->otherwise)
                put_lesson(p, reference->otherwise, shift);
}

static bool may_learn(const struct swb_reference *reference)
{
        return reference->learns && !reference->known && reference->target < SWB_SPOT_PLACE;
}

static uint64_t target_shift(const struct swb_predictor *p, const struct swb_place *place,
                             const struct swb_reference *reference)
{
        uint64_t shift;

        if (may_learn(reference) && get_nearest(p, reference, &shift))
                return shift;
        return shift_of(p, place, reference->target, reference->in_section);
}

static uint64_t base_shift(const struct swb_predictor *p, const struct swb_place *place,
                           const struct swb_reference *reference)
{
        uint64_t shift;

        if (reference->base_learns && get_lesson(p, reference->base, &shift))
                return shift;
        return shift_of(p, place, reference->base, reference->in_section);
}

static uint64_t origin_shift(const struct swb_predictor *p, const struct swb_reference *reference)
{
        uint64_t shift;

        if (reference->origin == 0)
                return 0;
        if (get_lesson(p, reference->origin, &shift))
                return shift;
        return mapped_shift(p, reference->origin, reference->in_section);
}

/* moved * factor / scale, modulo 2^64. */
static uint64_t scaled(const struct swb_reference *reference, uint64_t moved)
{
        uint64_t factor = reference->factor ? (uint64_t)reference->factor : 1;

        return (uint64_t)((int64_t)(moved * factor) / SWB_MAX(reference->scale, 1));
}

uint64_t swb_predictor_predict(struct swb_predictor *predictor, const struct swb_place *place,
                               uint64_t value)
{
        struct swb_reference *reference = &predictor->reference;
        uint64_t moved;

        *reference = swb_program_refer(&predictor->program, place->old,
                                       (enum swb_field_kind)place->kind, value);
        predictor->asked = place->old;
        if (place->kind == SWB_FIELD_RELR)
                reference->known = swb_relr_predict(&predictor->relr, place, &reference->value);
        if (reference->known)
                return reference->value;
        predictor->base_shift = base_shift(predictor, place, reference);
        predictor->target_shift =
                target_shift(predictor, place, reference) - origin_shift(predictor, reference);
        if (reference->form != SWB_FORM_WHOLE)
                return swb_arm64_put(reference->form, (uint32_t)value,
                                     reference->place_address + predictor->base_shift,
                                     reference->target_address + predictor->target_shift);
        moved = scaled(reference, predictor->target_shift - predictor->base_shift);
        if (reference->reversed)
                return swb_reverse_3(swb_reverse_3((uint32_t)value) + (uint32_t)moved);
        return value + reference->bias + moved;
}

/* As a signed number of the field's width. */
static uint64_t extend(uint64_t value, uint8_t width)
{
        return width == 4 ? (uint64_t)(int64_t)(int32_t)value : value;
}

/* An instruction tells only some bits of an address: they correct what was expected of it. */
static void learn_instruction(struct swb_predictor *p, uint32_t old_value, uint32_t new_value)
{
        const struct swb_reference *reference = &p->reference;
        uint64_t place = reference->place_address + p->base_shift;
        uint64_t target = reference->target_address + p->target_shift;
        uint32_t expected = swb_arm64_put(reference->form, old_value, place, target);
        int64_t off;

        if (swb_arm64_form(new_value) != reference->form || !may_learn(reference))
                return;
        off = swb_arm64_get(reference->form, new_value) - swb_arm64_get(reference->form, expected);
        put_all(p, reference, p->target_shift + (uint64_t)off);
}

void swb_predictor_learn(struct swb_predictor *predictor, const struct swb_place *place,
                         uint64_t old_value, uint64_t new_value)
{
        const struct swb_reference *reference = &predictor->reference;
        uint64_t moved;

        if (predictor->asked != place->old)
                (void)swb_predictor_predict(predictor, place, old_value);
        if (place->kind == SWB_FIELD_RELR)
                swb_relr_learn(&predictor->relr, place, new_value);
        if (reference->known)
                return;
        if (reference->form != SWB_FORM_WHOLE) {
                learn_instruction(predictor, (uint32_t)old_value, (uint32_t)new_value);
                return;
        }
        moved = extend(new_value - old_value, place->width) - reference->bias;
        if (reference->factor < 0)
                moved = -moved;
        if (reference->base_learns)
                put_lesson(predictor, reference->base, predictor->target_shift - moved);
        else if (may_learn(reference))
                put_all(predictor, reference, moved * reference->scale + predictor->base_shift);
}

int swb_predictor_shared_copy(const struct swb_predictor_shared *shared,
                              struct swb_predictor_shared **ret)
{
        _cleanup_(swb_predictor_shared_freep) struct swb_predictor_shared *copy =
                calloc(1, sizeof(*copy));

        if (!copy || swb_learned_init(&copy->learned, SHARED_BITS) < 0)
                return -ENOMEM;
        if (shared)
                memcpy(copy->learned.lessons, shared->learned.lessons, SWB_PREDICTOR_SHARED_BYTES);
        *ret = SWB_TAKE_PTR(copy);
        return 0;
}

struct swb_predictor_shared *swb_predictor_shared_free(struct swb_predictor_shared *shared)
{
        if (shared)
                swb_learned_done(&shared->learned);
        free(shared);
        return NULL;
}

bool swb_predictor_shares(const struct swb_predictor *predictor)
{
        const struct swb_elf *elf = &predictor->program.elf;

        return elf->n_sections > 0 && elf->type == ET_REL;
}

void swb_predictor_share(struct swb_predictor *predictor, struct swb_predictor_shared *shared)
{
        predictor->shared = &shared->learned;
}

const char *swb_predictor_kind(uint8_t kind)
{
        return swb_field_name((enum swb_field_kind)kind);
}

size_t swb_predictor_memory(const struct swb_predictor *predictor)
{
        const struct swb_program *program = &predictor->program;

        return sizeof(*predictor) + (sizeof(struct swb_lesson) << predictor->learned.bits) +
               SWB_MAX(program->n_peak,
                       program->n_memory + predictor->map.n_memory + predictor->relr.n_peak);
}
