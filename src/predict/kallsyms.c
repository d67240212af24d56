/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's list of its own symbols: their offsets, their names as strings of tokens, their
 * order by name, the tokens. One symbol more, and the tokens may be numbered in another way. Spec:
 * docs/design/delta.md, PA-75 to PA-78.
 */
#include "predict/kernel.h"

#include "base/endian.h"
#include "predict/image.h"
#include "predict/window.h"

#define SYMBOLS_MIN 1000u
#define SYMBOLS_MAX ((uint64_t)1 << 20)
/* So many numbers are looked at in search of the list. */
#define SYMBOLS_BUDGET ((size_t)1 << 22)
/* Of every so many symbols it is said where their names begin. */
#define SYMBOLS_OF_MARKER 256u
#define TOKENS 256u
#define SEQUENCE_BYTES 3u

static uint64_t align_8(uint64_t at)
{
        return (at + 7) & ~UINT64_C(7);
}

/* Those of per-CPU variables come first and are none; the others count down from -1. */
static bool are_symbols(const struct swb_elf *elf, uint64_t begin, uint64_t n, size_t *budget)
{
        struct swb_window window = {.view = elf->view};
        int32_t last = 0;

        for (uint64_t i = 0; i < n; i++) {
                int32_t value = (int32_t)swb_get_le32(swb_window_at(&window, begin + i * 4));

                if (*budget == 0)
                        return false;
                --*budget;
                if (last >= 0 ? value >= 0 && value < last : value > last)
                        return false;
                last = value;
        }
        return last < 0;
}

/* Is the pointer at `base` what the symbols count from? */
static bool find_offsets(struct swb_program *program, const struct swb_section *s, uint64_t base,
                         size_t *budget)
{
        const struct swb_elf *elf = &program->elf;
        uint64_t n = swb_elf_u64(elf, base + 8), n_bytes = align_8(n * 4);

        if (n < SYMBOLS_MIN || n > SYMBOLS_MAX || n_bytes > base - s->offset ||
            !are_symbols(elf, base - n_bytes, n, budget))
                return false;
        program->kallsyms = (struct swb_kallsyms){
                .begin = (uint32_t)(base - n_bytes),
                .base = (uint32_t)base,
                .n = (uint32_t)n,
                .names = (uint32_t)(base + 16),
                .end = (uint32_t)(base + 16),
        };
        return true;
}

/* The bytes of a name's length at p, and in ret_n the tokens behind them. */
static unsigned name_length(const uint8_t *p, unsigned *ret_n)
{
        *ret_n = p[0] & 0x80 ? (unsigned)((p[0] & 0x7f) | p[1] << 7) : p[0];
        return p[0] & 0x80 ? 2 : 1;
}

static uint64_t end_of_names(const struct swb_elf *elf, const struct swb_kallsyms *list,
                             uint64_t end)
{
        struct swb_window window = {.view = elf->view};
        uint64_t at = list->names;

        for (uint32_t i = 0; i < list->n && at < end; i++) {
                unsigned n_tokens, n = name_length(swb_window_at(&window, at), &n_tokens);

                at += n + n_tokens;
        }
        return at;
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

/* What is behind the offsets; the order by name is not there in all versions. */
static void find_texts(struct swb_program *program, const struct swb_section *s)
{
        const struct swb_elf *elf = &program->elf;
        struct swb_kallsyms *list = &program->kallsyms;
        uint64_t n_markers = (list->n + SYMBOLS_OF_MARKER - 1) / SYMBOLS_OF_MARKER;
        uint64_t end = s->offset + (uint64_t)s->n_bytes, at = end_of_names(elf, list, end);
        uint64_t sequence = align_8(align_8(at) + n_markers * 4), tokens_end;
        uint64_t n_sequence = (uint64_t)list->n * SEQUENCE_BYTES;

        if (at >= end || sequence + n_sequence >= end)
                return;
        if (are_tokens(elf, sequence, &tokens_end)) {
                list->tokens = (uint32_t)sequence;
                n_sequence = 0;
        } else if (are_tokens(elf, align_8(sequence + n_sequence), &tokens_end)) {
                list->tokens = (uint32_t)align_8(sequence + n_sequence);
        } else {
                return;
        }
        list->names_end = (uint32_t)at;
        list->sequence = (uint32_t)sequence;
        list->sequence_end = (uint32_t)(sequence + n_sequence);
        list->starts = (uint32_t)align_8(tokens_end);
        list->end = (uint32_t)tokens_end;
}

void swb_kallsyms_init(struct swb_program *program, const struct swb_section *s)
{
        struct swb_marks marks = swb_marks_of(program, s);
        uint64_t end = s->offset + (uint64_t)s->n_bytes;
        enum swb_field_kind kind;
        uint64_t at = swb_marks_next(&marks, s->offset, &kind);
        size_t budget = SYMBOLS_BUDGET;

        while (program->kallsyms.base == 0 && at < end) {
                if (kind == SWB_FIELD_POINTER && find_offsets(program, s, at, &budget))
                        find_texts(program, s);
                at = swb_marks_next(&marks, at + 1, &kind);
        }
}

/* A raw image's symbols all count up from its begin. */
static bool are_offsets(const struct swb_elf *elf, uint64_t begin, uint64_t n, size_t *budget)
{
        struct swb_window window = {.view = elf->view};
        uint32_t last = 0;

        for (uint64_t i = 0; i < n; i++) {
                uint32_t value = swb_get_le32(swb_window_at(&window, begin + i * 4));

                if (*budget == 0 || value < last)
                        return false;
                --*budget;
                last = value;
        }
        return last > 0;
}

/* What a relocation puts at `at`, or what is there already. */
static uint64_t relocated(const struct swb_elf *elf, const struct swb_section *s, uint64_t at)
{
        const struct swb_section *rela = &elf->sections[SWB_IMAGE_RELA];
        struct swb_window window = {.view = elf->view};
        uint64_t address = swb_elf_address(s, at);

        for (uint64_t i = 0; i + SWB_ELF_RELA_BYTES <= rela->n_bytes; i += SWB_ELF_RELA_BYTES) {
                const uint8_t *p = swb_window_at(&window, rela->offset + i);

                if (swb_get_le64(p) == address)
                        return swb_get_le64(p + 16);
        }
        return swb_elf_u64(elf, at);
}

/* In a raw image the list counts only when its texts are right, too. */
static bool find_in_image(struct swb_program *program, const struct swb_section *s, uint64_t base,
                          uint64_t n, size_t *budget)
{
        uint64_t n_bytes = align_8(n * 4);

        if (n < SYMBOLS_MIN || n > SYMBOLS_MAX || n_bytes > base - s->offset ||
            !are_offsets(&program->elf, base - n_bytes, n, budget))
                return false;
        program->kallsyms = (struct swb_kallsyms){
                .begin = (uint32_t)(base - n_bytes),
                .base = (uint32_t)base,
                .n = (uint32_t)n,
                .names = (uint32_t)(base + 16),
        };
        find_texts(program, s);
        if (program->kallsyms.names_end == 0) {
                program->kallsyms = (struct swb_kallsyms){0};
                return false;
        }
        program->kallsyms.address = relocated(&program->elf, s, base);
        return true;
}

void swb_kallsyms_search(struct swb_program *program)
{
        const struct swb_elf *elf = &program->elf;
        struct swb_window window = {.view = elf->view};
        size_t budget = SYMBOLS_BUDGET;

        for (size_t i = 1; i < elf->n_sections && elf->image; i++) {
                const struct swb_section *s = &elf->sections[i];
                uint64_t end = s->offset + (uint64_t)s->n_bytes;

                if (s->role != SWB_ROLE_IMAGE)
                        continue;
                for (uint64_t at = align_8(s->offset); at + 16 <= end; at += 8) {
                        uint64_t n = swb_get_le64(swb_window_at(&window, at) + 8);

                        if (n <= SYMBOLS_MAX && find_in_image(program, s, at, n, &budget))
                                return;
                }
        }
}

void swb_kallsyms_find_offsets(struct swb_program *program)
{
        bool all = program->elf.image;

        for (uint32_t at = program->kallsyms.begin; at < program->kallsyms.base; at += 4)
                if (all || (int32_t)swb_elf_u32(&program->elf, at) < 0)
                        swb_fields_add(&program->fields, at, SWB_FIELD_SYMBOL_TABLE);
}

void swb_kallsyms_find_names(struct swb_program *program)
{
        const struct swb_kallsyms *list = &program->kallsyms;
        struct swb_window window = {.view = program->elf.view};

        for (uint64_t at = list->names; at < list->names_end;) {
                unsigned n_tokens;

                at += name_length(swb_window_at(&window, at), &n_tokens);
                for (; n_tokens > 0 && at < list->names_end; n_tokens--)
                        swb_fields_add(&program->fields, at++, SWB_FIELD_TOKEN);
        }
        for (uint64_t at = list->sequence; at + SEQUENCE_BYTES <= list->sequence_end;
             at += SEQUENCE_BYTES)
                swb_fields_add(&program->fields, at, SWB_FIELD_SEQUENCE);
}

static struct swb_reference refer_offset(const struct swb_program *program, uint64_t value)
{
        const struct swb_elf *elf = &program->elf;
        const struct swb_kallsyms *list = &program->kallsyms;
        uint64_t base = elf->image ? list->address : swb_elf_u64(elf, list->base);
        uint64_t address = base - 1 - (uint64_t)(int64_t)(int32_t)value;

        return (struct swb_reference){
                .target = swb_elf_spot(elf, elf->image ? base + value : address),
                .base = swb_elf_spot(elf, base),
                .factor = elf->image ? 1 : -1,
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
