/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's list of its own symbols: their offsets, their names as strings of tokens, their
 * order by name, the tokens. One symbol more, and the tokens may be numbered in another way. Spec:
 * docs/design/delta.md, PA-75 to PA-78.
 */
#include "predict/program.h"

#include "base/endian.h"
#include "predict/image.h"
#include "predict/window.h"

#define SYMBOLS_MIN 1000u
#define SYMBOLS_MAX ((uint64_t)1 << 20)
/* So many names and offsets are looked at in search of the list. */
#define SYMBOLS_BUDGET ((size_t)1 << 22)
/* Of every so many symbols it is said where their names begin. */
#define SYMBOLS_OF_MARKER 256u
#define TOKENS 256u
#define SEQUENCE_BYTES 3u

/* Where the list is looked for. */
struct search {
        const struct swb_elf *elf;
        struct swb_window window;
        uint64_t begin, end; /* of the section */
        size_t budget;
};

static uint64_t align_8(uint64_t at)
{
        return (at + 7) & ~UINT64_C(7);
}

/* ---- texts */

/* The bytes of a name's length at p, and in ret_n the tokens behind them. */
static unsigned name_length(const uint8_t *p, unsigned *ret_n)
{
        *ret_n = p[0] & 0x80 ? (unsigned)((p[0] & 0x7f) | p[1] << 7) : p[0];
        return p[0] & 0x80 ? 2 : 1;
}

/* Behind n names; 0: they are none. */
static uint64_t end_of_names(struct search *search, uint64_t at, uint64_t n)
{
        for (uint64_t i = 0; i < n; i++) {
                unsigned n_tokens, n_length;

                if (at >= search->end || search->budget == 0)
                        return 0;
                search->budget--;
                n_length = name_length(swb_window_at(&search->window, at), &n_tokens);
                if (n_tokens == 0)
                        return 0;
                at += n_length + n_tokens;
        }
        return at < search->end ? at : 0;
}

/* Are there 256 texts at `at`, and behind them where each begins? ret_end: the end of the texts. */
static bool are_tokens(const struct swb_elf *elf, uint64_t at, uint64_t *ret_end)
{
        struct swb_window window = {.view = elf->view};
        uint16_t begins[TOKENS];
        uint64_t end = at;

        for (unsigned i = 0; i < TOKENS; i++) {
                begins[i] = (uint16_t)(end - at);
                while (end - at < UINT16_MAX && *swb_window_at(&window, end) != 0)
                        end++;
                end++;
        }
        for (unsigned i = 0; i < TOKENS; i++) {
                const uint8_t *p = swb_view_at(elf->view, align_8(end) + i * 2, 2);

                if (!p || (p[0] | p[1] << 8) != begins[i])
                        return false;
        }
        *ret_end = end;
        return true;
}

/* What is behind the number of symbols; their order by name need not be there. */
static bool find_texts(struct search *search, uint64_t at, struct swb_kallsyms *list)
{
        uint64_t n_markers = (list->n + SYMBOLS_OF_MARKER - 1) / SYMBOLS_OF_MARKER;
        uint64_t n_sequence = (uint64_t)list->n * SEQUENCE_BYTES, sequence, tokens_end;

        list->names = (uint32_t)at;
        at = end_of_names(search, at, list->n);
        sequence = align_8(align_8(at) + n_markers * 4);
        if (at == 0 || sequence + n_sequence >= search->end)
                return false;
        if (are_tokens(search->elf, sequence, &tokens_end))
                n_sequence = 0;
        else if (!are_tokens(search->elf, align_8(sequence + n_sequence), &tokens_end))
                return false;
        list->names_end = (uint32_t)at;
        list->sequence = (uint32_t)sequence;
        list->sequence_end = (uint32_t)(sequence + n_sequence);
        list->tokens = (uint32_t)align_8(sequence + n_sequence);
        list->starts = (uint32_t)align_8(tokens_end);
        list->end = (uint32_t)tokens_end;
        return true;
}

/* ---- offsets */

/* Either all count up; or those of per-CPU variables, which are none, and then the others down from
 * -1. 0: neither; 1, -1: so. */
static int order_of(struct search *search, uint64_t begin, uint32_t n)
{
        bool up = true, down = true;
        uint32_t last = 0;

        for (uint32_t i = 0; i < n && (up || down); i++) {
                uint32_t value = swb_get_le32(swb_window_at(&search->window, begin + i * 4u));
                bool falls = (int32_t)value < (int32_t)last;

                if (search->budget == 0)
                        return 0;
                search->budget--;
                up = up && value >= last;
                down = down && ((int32_t)last >= 0 ? !falls || (int32_t)value < 0
                                                   : (int32_t)value <= (int32_t)last);
                last = value;
        }
        if (down && (int32_t)last < 0)
                return -1;
        return up && last > 0 ? 1 : 0;
}

/* The offsets and what they count from end before the number of symbols. */
static bool find_before(struct search *search, uint64_t number_at, struct swb_kallsyms *list)
{
        uint64_t n_bytes = align_8(list->n * 4ull);

        if (n_bytes + 8 > number_at - search->begin)
                return false;
        list->base = (uint32_t)(number_at - 8);
        list->begin = (uint32_t)(list->base - n_bytes);
        list->first = list->begin;
        list->order = order_of(search, list->begin, list->n);
        return list->order != 0;
}

/* Or they begin behind the texts, since Linux 6.10; then their order by name is behind them. */
static bool find_behind(struct search *search, struct swb_kallsyms *list)
{
        uint64_t begin = list->starts + TOKENS * 2u, base = begin + align_8(list->n * 4ull);
        uint64_t end = base + 8 + (uint64_t)list->n * SEQUENCE_BYTES;

        if (list->sequence != list->sequence_end || end > search->end)
                return false;
        list->begin = (uint32_t)begin;
        list->base = (uint32_t)base;
        list->first = list->names;
        list->sequence = (uint32_t)(base + 8);
        list->sequence_end = list->end = (uint32_t)end;
        list->order = order_of(search, begin, list->n);
        return list->order != 0;
}

/* What a relocation puts at `at`, or what is there already. */
static uint64_t relocated(const struct swb_elf *elf, const struct swb_section *s, uint64_t at)
{
        const struct swb_section *rela = &elf->sections[SWB_IMAGE_RELOCATIONS];
        struct swb_window window = {.view = elf->view};
        uint64_t address = swb_elf_address(s, at);

        if (!elf->image || rela->role != SWB_ROLE_RELA)
                return swb_elf_u64(elf, at);
        for (uint64_t i = 0; i + SWB_ELF_RELA_BYTES <= rela->n_bytes; i += SWB_ELF_RELA_BYTES) {
                const uint8_t *p = swb_window_at(&window, rela->offset + i);

                if (swb_get_le64(p) == address)
                        return swb_get_le64(p + 16);
        }
        return swb_elf_u64(elf, at);
}

/* Nothing names the list: it is where the number of symbols stands, and all that belongs to it. */
static bool search_section(struct swb_program *program, const struct swb_section *s, size_t *budget)
{
        struct search search = {
                .elf = &program->elf,
                .window = {.view = program->elf.view},
                .begin = s->offset,
                .end = s->offset + (uint64_t)s->n_bytes,
                .budget = *budget,
        };
        bool found = false;

        for (uint64_t at = align_8(search.begin); at + 8 <= search.end && !found; at += 8) {
                uint64_t n = swb_get_le64(swb_window_at(&search.window, at));
                struct swb_kallsyms list = {.n = (uint32_t)n};

                if (n < SYMBOLS_MIN || n > SYMBOLS_MAX || !find_texts(&search, at + 8, &list))
                        continue;
                found = find_before(&search, at, &list) || find_behind(&search, &list);
                if (found)
                        program->kallsyms = list;
        }
        *budget = search.budget;
        if (found)
                program->kallsyms.address = relocated(&program->elf, s, program->kallsyms.base);
        return found;
}

void swb_kallsyms_init(struct swb_program *program)
{
        const struct swb_elf *elf = &program->elf;
        size_t budget = SYMBOLS_BUDGET;

        for (size_t i = 1; i < elf->n_sections; i++) {
                const struct swb_section *s = &elf->sections[i];
                bool constants = elf->kernel && s->role == SWB_ROLE_CONSTANTS && s->address != 0;

                if ((constants || s->role == SWB_ROLE_IMAGE) && search_section(program, s, &budget))
                        return;
        }
}

bool swb_kallsyms_in(const struct swb_program *program, uint64_t begin, uint64_t end)
{
        const struct swb_kallsyms *list = &program->kallsyms;

        return list->n > 0 && list->first >= begin && list->first < end;
}

/* ---- fields */

static void find_offsets(struct swb_program *program)
{
        const struct swb_kallsyms *list = &program->kallsyms;

        for (uint32_t at = list->begin; at < list->begin + list->n * 4; at += 4)
                if (list->order > 0 || (int32_t)swb_elf_u32(&program->elf, at) < 0)
                        swb_fields_add(&program->fields, at, SWB_FIELD_SYMBOL_TABLE);
        swb_pointer_add(program, list->base);
}

static void find_names(struct swb_program *program)
{
        const struct swb_kallsyms *list = &program->kallsyms;
        struct swb_window window = {.view = program->elf.view};

        for (uint64_t at = list->names; at < list->names_end;) {
                unsigned n_tokens;

                at += name_length(swb_window_at(&window, at), &n_tokens);
                for (; n_tokens > 0 && at < list->names_end; n_tokens--)
                        swb_fields_add(&program->fields, at++, SWB_FIELD_TOKEN);
        }
}

void swb_kallsyms_find(struct swb_program *program)
{
        const struct swb_kallsyms *list = &program->kallsyms;

        if (list->begin == list->first)
                find_offsets(program);
        find_names(program);
        if (list->begin != list->first)
                find_offsets(program);
        for (uint64_t at = list->sequence; at + SEQUENCE_BYTES <= list->sequence_end;
             at += SEQUENCE_BYTES)
                swb_fields_add(&program->fields, at, SWB_FIELD_SEQUENCE);
}

static struct swb_reference refer_offset(const struct swb_program *program, uint64_t value)
{
        const struct swb_elf *elf = &program->elf;
        const struct swb_kallsyms *list = &program->kallsyms;
        uint64_t down = list->address - 1 - (uint64_t)(int64_t)(int32_t)value;

        return (struct swb_reference){
                .target = swb_elf_spot(elf, list->order > 0 ? list->address + value : down),
                .base = swb_elf_spot(elf, list->address),
                .factor = (int16_t)list->order,
                .scale = 1,
                .learns = true,
        };
}

struct swb_reference swb_kallsyms_refer(struct swb_program *program, uint64_t offset,
                                        enum swb_field_kind kind, uint64_t value)
{
        const struct swb_kallsyms *list = &program->kallsyms;
        struct swb_reference reference = {
                .target = SWB_SPOT_NONE, .base = SWB_SPOT_NONE, .scale = 1, .in_section = true};
        uint32_t number = swb_reverse_3((uint32_t)value);

        (void)offset;
        if (kind == SWB_FIELD_SYMBOL_TABLE)
                return refer_offset(program, value);
        if (kind == SWB_FIELD_TOKEN) {
                reference.target = swb_name_spot(SWB_NAMES_RULE, SWB_RULE_TOKENS | (uint32_t)value);
                reference.learns = true;
        } else if (number < list->n) {
                reference.target = list->begin + number * 4;
                reference.base = list->begin;
                reference.scale = 4;
                reference.reversed = true;
        }
        return reference;
}

uint64_t swb_kallsyms_token(const struct swb_program *program, uint8_t token)
{
        const uint8_t *p = swb_view_at(program->elf.view, program->kallsyms.starts + token * 2u, 2);

        return program->kallsyms.tokens + (p ? (uint64_t)(p[0] | p[1] << 8) : 0);
}
