/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses become names of what they point at, so that content that only moved is alike again. The
 * names need not be right, only the same on both sides: in a first pass a hash of the bytes there,
 * in later ones the place in the new file.
 */
#include "predict/predictor.h"

#include <string.h>

#include "predict/map.h"
#include "predict/program.h"

/* So many bytes are what a content is named by. */
#define CONTENT_BYTES 12u
/* All of a table of bits is one thing, and nothing else. */
#define NAME_OF_BITS 0x524c4552u
/* From a type without a name to one with it. */
#define TYPE_HOPS 6u

struct side {
        struct swb_program program;
        struct swb_view *view;
        uint8_t *masked;
};

/* What names follow from. */
struct naming {
        struct side old, new;
        struct swb_layout layout;
        struct swb_map map;
        uint8_t tokens[256];
        bool placed; /* names are places in the new file */
};

static uint64_t get_value(struct swb_view *view, uint64_t offset, uint8_t width)
{
        const uint8_t *p = swb_view_at(view, offset, width);
        uint64_t value = 0;

        for (unsigned i = width; p && i-- > 0;)
                value = value << 8 | p[i];
        return value;
}

static void put_value(uint8_t *p, uint8_t width, uint64_t value)
{
        for (unsigned i = 0; i < width; i++, value >>= 8)
                p[i] = (uint8_t)value;
}

/* Of an instruction only the bits of the address. */
static void put_name(struct side *side, uint64_t offset, enum swb_field_kind kind, uint32_t name)
{
        uint8_t width = swb_field_width(kind);
        uint32_t value = (uint32_t)get_value(side->view, offset, width), mask = UINT32_MAX;

        if (kind >= SWB_FIELD_ARM_BRANCH && kind <= SWB_FIELD_ARM_NEAR)
                mask = swb_arm64_mask(swb_arm64_form(value));
        put_value(side->masked + offset, width,
                  mask == UINT32_MAX ? name : (value & ~mask) | (name & mask));
}

/* A spot of the new file where the old one is expected. */
static uint32_t move(const struct naming *naming, uint32_t spot)
{
        const struct swb_elf *old = &naming->old.program.elf, *new = &naming->new.program.elf;
        const struct swb_section *s = swb_elf_at_spot(old, spot);
        const struct swb_layout_section *to;
        int64_t moved, shift = 0;

        if (!s)
                return spot;
        to = &naming->layout.sections[s - old->sections];
        moved = (int64_t)to->offset - s->offset;
        if (s->role != SWB_ROLE_NO_CONTENT)
                shift = swb_map_shift(&naming->map, s->offset, spot, moved) - moved;
        if (to->index >= new->n_sections)
                return spot;
        return new->sections[to->index].spot + (spot - s->spot) + (uint32_t)shift;
}

/* The masked bytes about a spot, as far as they are content. */
static uint32_t content_name(const struct side *side, uint32_t spot, uint32_t before)
{
        uint64_t begin = spot - SWB_MIN(spot, before);
        uint32_t hash = 2166136261u;

        if (begin + CONTENT_BYTES > side->view->n_bytes)
                return 0;
        for (uint64_t i = 0; i < CONTENT_BYTES; i++)
                hash = (hash ^ side->masked[begin + i]) * 16777619u;
        return hash ^ hash >> 15;
}

/* The name of a symbol, or of its section. */
static uint32_t symbol_name(const struct side *side, uint32_t symbol)
{
        const struct swb_elf *elf = &side->program.elf;
        const struct swb_section *s = swb_elf_at_spot(elf, symbol);
        uint32_t name = swb_elf_u32(elf, symbol), number = swb_elf_u32(elf, symbol + 4) >> 16;

        if (name != 0 && s && s->link < elf->n_sections)
                return swb_elf_text_hash(elf, (uint64_t)elf->sections[s->link].offset + name);
        if (number >= elf->n_sections)
                return 0;
        return swb_elf_text_hash(elf, (uint64_t)elf->names_offset + elf->sections[number].name);
}

/* A type is called by its name, or by what it is of which named type. */
static uint32_t type_name(const struct side *side, uint32_t number)
{
        const struct swb_elf *elf = &side->program.elf;
        const struct swb_btf *btf = &side->program.btf;
        uint32_t hash = 1;

        for (unsigned i = 0; i < TYPE_HOPS && number - btf->first_type < btf->n_starts; i++) {
                uint32_t at = btf->starts[number - btf->first_type];
                uint32_t name = swb_elf_u32(elf, at), info = swb_elf_u32(elf, at + 4);

                hash = (hash ^ info) * 16777619u;
                if (name >= btf->first_string && name > 0)
                        return hash ^ swb_elf_text_hash(elf, (uint64_t)btf->strings + name -
                                                                     btf->first_string);
                number = swb_elf_u32(elf, at + 8);
        }
        return hash;
}

/* What the symbol is, to which the order by name refers. */
static uint32_t sequence_name(struct side *side, uint32_t offset)
{
        struct swb_reference reference = swb_program_refer(
                &side->program, offset, SWB_FIELD_SYMBOL_TABLE, get_value(side->view, offset, 4));

        return content_name(side, reference.target, 0);
}

/* Tokens are called what the new file calls them. */
static void match_tokens(struct naming *naming)
{
        const struct swb_program *old = &naming->old.program, *new = &naming->new.program;
        uint32_t hashes[256];

        for (unsigned i = 0; i < 256; i++) {
                naming->tokens[i] = (uint8_t)i;
                hashes[i] = swb_elf_text_hash(&new->elf, swb_kallsyms_token(new, (uint8_t)i));
        }
        for (unsigned i = 0; i < 256; i++) {
                uint32_t hash = swb_elf_text_hash(&old->elf, swb_kallsyms_token(old, (uint8_t)i));

                for (unsigned k = 0; k < 256; k++)
                        if (hashes[k] == hash)
                                naming->tokens[i] = (uint8_t)k;
        }
}

static uint32_t first_name(const struct side *side, enum swb_field_kind kind,
                           const struct swb_reference *reference)
{
        switch ((int)kind) {
        case SWB_FIELD_NAME:
        case SWB_FIELD_TYPE_NAME:
                return swb_elf_text_hash(&side->program.elf, reference->target);
        case SWB_FIELD_CHECKSUM:
                return reference->target;
        case SWB_FIELD_RELA_SYMBOL:
                return symbol_name(side, reference->target);
        case SWB_FIELD_RELA_OFFSET:
                return reference->in_section ? content_name(side, reference->target, 4) : 0;
        case SWB_FIELD_RELA_ADDEND:
        case SWB_FIELD_BRANCH:
        case SWB_FIELD_ARM_BRANCH:
        case SWB_FIELD_UNWIND_PLACE:
        case SWB_FIELD_UNWIND_INDEX:
        case SWB_FIELD_TABLE:
        case SWB_FIELD_ORC:
        case SWB_FIELD_DISTANCE:
        case SWB_FIELD_SYMBOL_TABLE:
        case SWB_FIELD_POINTER:
                return content_name(side, reference->target, 0);
        case SWB_FIELD_KERNEL_RELOCATION:
                return content_name(side, reference->target, 6);
        default:
                return 0;
        }
}

/* What has a name of its own needs no better one, and where a linked program's relocations write is
 * in the order of what they write: a place as name would only get in the way. */
static bool has_better_name(enum swb_field_kind kind, const struct swb_reference *reference)
{
        return (kind == SWB_FIELD_RELA_OFFSET && !reference->in_section) ||
               kind == SWB_FIELD_NAME || kind == SWB_FIELD_DISTANCE ||
               kind == SWB_FIELD_TYPE_NAME || kind == SWB_FIELD_RELA_SYMBOL;
}

static uint32_t name_of(struct naming *naming, bool is_old, enum swb_field_kind kind,
                        uint64_t offset, const struct swb_reference *reference)
{
        if (kind == SWB_FIELD_TOKEN)
                return is_old ? naming->tokens[reference->target & 0xff] : reference->target & 0xff;
        if (kind == SWB_FIELD_TYPE_ID)
                return type_name(is_old ? &naming->old : &naming->new,
                                 (uint32_t)get_value(is_old ? naming->old.view : naming->new.view,
                                                     offset, 4));
        if (kind == SWB_FIELD_RELR)
                return NAME_OF_BITS;
        if (reference->known || reference->target >= SWB_SPOT_PLACE)
                return 0;
        if (kind == SWB_FIELD_SEQUENCE && !naming->placed)
                return sequence_name(is_old ? &naming->old : &naming->new, reference->target);
        if (!naming->placed || has_better_name(kind, reference))
                return first_name(is_old ? &naming->old : &naming->new, kind, reference);
        return is_old ? move(naming, reference->target) : reference->target;
}

/* Names follow from content without addresses: all are taken out before any name is put in. */
static int mask_side(struct naming *naming, bool is_old)
{
        struct side *side = is_old ? &naming->old : &naming->new;
        _cleanup_(swb_buf_done) struct swb_buf names = SWB_BUF_INIT(SIZE_MAX);
        struct swb_fields *fields = &side->program.fields;
        uint64_t offset, n_bytes = side->view->n_bytes;
        enum swb_field_kind kind;
        uint32_t index = 0, name;
        size_t n = 0;
        int r;

        for (uint64_t at = 0; swb_fields_next(fields, at, n_bytes, &offset, &kind, &index);
             at = offset + 1)
                put_name(side, offset, kind, 0);
        index = 0;
        for (uint64_t at = 0; swb_fields_next(fields, at, n_bytes, &offset, &kind, &index);
             at = offset + 1) {
                struct swb_reference reference =
                        swb_program_refer(&side->program, offset, kind,
                                          get_value(side->view, offset, swb_field_width(kind)));

                name = name_of(naming, is_old, kind, offset, &reference);
                r = swb_buf_append(&names, &name, sizeof(name));
                if (r < 0)
                        return r;
        }
        index = 0;
        for (uint64_t at = 0; swb_fields_next(fields, at, n_bytes, &offset, &kind, &index);
             at = offset + 1) {
                memcpy(&name, names.data + n++ * sizeof(name), sizeof(name));
                put_name(side, offset, kind, name);
        }
        return 0;
}

static int copy_content(struct side *side)
{
        for (uint64_t i = 0; i < side->view->n_bytes; i += SWB_VIEW_SPAN_BYTES) {
                size_t n = (size_t)SWB_MIN(side->view->n_bytes - i, (uint64_t)SWB_VIEW_SPAN_BYTES);
                const uint8_t *p = swb_view_at(side->view, i, n);

                if (!p)
                        return swb_view_error(side->view);
                memcpy(side->masked + i, p, n);
        }
        return 0;
}

static int init_side(struct side *side)
{
        int r = swb_program_init(&side->program, side->view, SIZE_MAX);

        return r >= 0 ? copy_content(side) : r;
}

static int init_layout(struct naming *naming, const struct swb_copy *copies, size_t n_copies)
{
        _cleanup_(swb_buf_done) struct swb_buf hints = SWB_BUF_INIT(SIZE_MAX);
        int r = swb_layout_write(&naming->old.program.elf, &naming->new.program.elf, &hints);

        if (r >= 0)
                r = swb_layout_init(&naming->layout, &naming->old.program.elf, hints.data,
                                    hints.n_bytes);
        if (r >= 0)
                r = swb_map_init(&naming->map, &naming->old.program.elf, &naming->layout, copies,
                                 n_copies, SIZE_MAX);
        return r;
}

int swb_predictor_mask(enum swb_model model, struct swb_view *old, struct swb_view *new,
                       const struct swb_copy *copies, size_t n_copies, uint8_t *masked_old,
                       uint8_t *masked_new)
{
        struct naming naming = {
                .old = {.view = old, .masked = masked_old},
                .new = {.view = new, .masked = masked_new},
                .placed = n_copies > 0,
        };
        int r;

        if (model != SWB_MODEL_ELF) {
                r = copy_content(&naming.old);
                return r >= 0 ? copy_content(&naming.new) : r;
        }
        r = init_side(&naming.old);
        if (r >= 0)
                r = init_side(&naming.new);
        if (r >= 0)
                r = init_layout(&naming, copies, n_copies);
        if (r >= 0 && naming.old.program.elf.n_sections > 0 &&
            naming.new.program.elf.n_sections > 0)
                match_tokens(&naming);
        if (r >= 0)
                r = mask_side(&naming, true);
        if (r >= 0)
                r = mask_side(&naming, false);
        swb_program_done(&naming.old.program);
        swb_program_done(&naming.new.program);
        swb_layout_done(&naming.layout);
        swb_map_done(&naming.map);
        return r;
}
