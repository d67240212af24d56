/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/fields.h"

#include <string.h>

#define BLOCK_BYTES ((uint64_t)1 << 16)
#define BLOCK_FIELDS_MAX BLOCK_BYTES
#define BLOCK_BITS_BYTES (BLOCK_BYTES / 8)

struct swb_field_block {
        uint32_t n;
        bool alike;   /* all of them are of that kind, and they are many */
        uint8_t kind; /* of all */
        union {
                uint16_t *at;   /* and behind them n bytes: the kinds */
                uint64_t *bits; /* alike: one for each byte at which a field begins */
        };
};

static const struct {
        uint8_t width;
        const char *name;
} kinds[_SWB_FIELD_MAX] = {
        [SWB_FIELD_BRANCH] = {4, "branch"},
        [SWB_FIELD_CONDITION] = {4, "condition"},
        [SWB_FIELD_RIP] = {4, "rip"},
        [SWB_FIELD_ABSOLUTE] = {4, "absolute"},
        [SWB_FIELD_POINTER] = {8, "pointer"},
        [SWB_FIELD_RELA_OFFSET] = {8, "rela-offset"},
        [SWB_FIELD_RELA_SYMBOL] = {4, "rela-symbol"},
        [SWB_FIELD_RELA_ADDEND] = {8, "rela-addend"},
        [SWB_FIELD_NAME] = {4, "name"},
        [SWB_FIELD_SYMBOL_VALUE] = {8, "symbol-value"},
        [SWB_FIELD_SYMBOL_SIZE] = {8, "symbol-size"},
        [SWB_FIELD_HEADER_4] = {4, "header"},
        [SWB_FIELD_SEQUENCE] = {3, "sequence"},
        [SWB_FIELD_UNWIND_PLACE] = {4, "unwind-place"},
        [SWB_FIELD_UNWIND_RANGE] = {4, "unwind-range"},
        [SWB_FIELD_UNWIND_PARENT] = {4, "unwind-parent"},
        [SWB_FIELD_UNWIND_DATA] = {4, "unwind-data"},
        [SWB_FIELD_UNWIND_INDEX] = {4, "unwind-index"},
        [SWB_FIELD_TABLE] = {4, "table"},
        [SWB_FIELD_ORC] = {4, "orc"},
        [SWB_FIELD_KERNEL_RELOCATION] = {4, "kernel-relocation"},
        [SWB_FIELD_DISTANCE] = {4, "distance"},
        [SWB_FIELD_TYPE_NAME] = {4, "type-name"},
        [SWB_FIELD_TYPE_ID] = {4, "type-id"},
        [SWB_FIELD_CHECKSUM] = {4, "checksum"},
        [SWB_FIELD_SYMBOL_TABLE] = {4, "symbol-table"},
        [SWB_FIELD_RELR] = {8, "relr"},
        [SWB_FIELD_ARM_BRANCH] = {4, "arm-branch"},
        [SWB_FIELD_ARM_PAGE] = {4, "arm-page"},
        [SWB_FIELD_ARM_LOW] = {4, "arm-low"},
        [SWB_FIELD_ARM_NEAR] = {4, "arm-near"},
        [SWB_FIELD_TOKEN] = {1, "token"},
        [SWB_FIELD_HEADER_8] = {8, "header"},
};

uint8_t swb_field_width(enum swb_field_kind kind)
{
        return kinds[kind].width;
}

uint8_t swb_field_stream(enum swb_field_kind kind)
{
        return kind == SWB_FIELD_HEADER_8 ? SWB_FIELD_HEADER_4 : (uint8_t)kind;
}

const char *swb_field_name(enum swb_field_kind kind)
{
        return (unsigned)kind < _SWB_FIELD_MAX ? kinds[kind].name : "none";
}

int swb_fields_init(struct swb_fields *fields, uint64_t n_bytes, size_t max_memory)
{
        size_t n_filling = BLOCK_FIELDS_MAX * (sizeof(uint16_t) + 1);

        *fields = (struct swb_fields){.max_memory = max_memory};
        fields->n_blocks = (size_t)(n_bytes / BLOCK_BYTES + 1);
        fields->n_memory = fields->n_blocks * sizeof(*fields->blocks) + n_filling;
        if (fields->n_memory > max_memory)
                return -E2BIG;
        fields->blocks = calloc(fields->n_blocks, sizeof(*fields->blocks));
        fields->filling = malloc(n_filling);
        if (!fields->blocks || !fields->filling)
                return -ENOMEM;
        fields->filling_kinds = (uint8_t *)(fields->filling + BLOCK_FIELDS_MAX);
        return 0;
}

void swb_fields_done(struct swb_fields *fields)
{
        for (size_t i = 0; fields->blocks && i < fields->n_blocks; i++)
                free(fields->blocks[i].at);
        free(fields->blocks);
        free(fields->filling);
        *fields = (struct swb_fields){0};
}

static bool are_alike(const uint8_t *kinds_of, size_t n)
{
        for (size_t i = 1; i < n; i++)
                if (kinds_of[i] != kinds_of[0])
                        return false;
        return true;
}

static void write_bits(const struct swb_fields *fields, struct swb_field_block *block)
{
        memset(block->bits, 0, BLOCK_BITS_BYTES);
        for (size_t i = 0; i < block->n; i++)
                block->bits[fields->filling[i] / 64] |= UINT64_C(1) << fields->filling[i] % 64;
        block->kind = fields->filling_kinds[0];
}

static void write_list(const struct swb_fields *fields, struct swb_field_block *block)
{
        memcpy(block->at, fields->filling, block->n * sizeof(uint16_t));
        memcpy(block->at + block->n, fields->filling_kinds, block->n);
}

/* Packs the block that grew. */
static void end_block(struct swb_fields *fields)
{
        struct swb_field_block *block = &fields->blocks[fields->filling_number];
        size_t n = fields->n_filling, n_bytes = n * (sizeof(uint16_t) + 1);
        bool alike = n_bytes > BLOCK_BITS_BYTES && are_alike(fields->filling_kinds, n);

        if (alike)
                n_bytes = BLOCK_BITS_BYTES;
        fields->n_filling = 0;
        if (n == 0)
                return;
        if (n_bytes > fields->max_memory - fields->n_memory) {
                fields->error = -E2BIG;
                return;
        }
        block->at = malloc(n_bytes);
        if (!block->at) {
                fields->error = -ENOMEM;
                return;
        }
        block->n = (uint32_t)n;
        block->alike = alike;
        if (alike)
                write_bits(fields, block);
        else
                write_list(fields, block);
        fields->n_memory += n_bytes;
}

void swb_fields_add(struct swb_fields *fields, uint64_t offset, enum swb_field_kind kind)
{
        size_t number = (size_t)(offset / BLOCK_BYTES);

        if (offset < fields->end || fields->error < 0 || number >= fields->n_blocks)
                return;
        if (number != fields->filling_number) {
                end_block(fields);
                fields->filling_number = number;
        }
        fields->filling[fields->n_filling] = (uint16_t)(offset % BLOCK_BYTES);
        fields->filling_kinds[fields->n_filling++] = (uint8_t)kind;
        fields->end = offset + swb_field_width(kind);
}

int swb_fields_close(struct swb_fields *fields)
{
        if (fields->error == 0)
                end_block(fields);
        free(fields->filling);
        fields->filling = NULL;
        fields->n_peak = fields->n_memory;
        fields->n_memory -= BLOCK_FIELDS_MAX * (sizeof(uint16_t) + 1);
        return fields->error;
}

/* The first of the block's fields at or behind `at`. */
static uint32_t find_in_block(const struct swb_field_block *block, uint64_t at)
{
        uint32_t low = 0, high = block->n;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (block->at[middle] < at)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Is it the one behind which the last search ended? Mostly. */
static bool is_next(const struct swb_field_block *block, uint32_t index, uint64_t at)
{
        return index > 0 && index < block->n && block->at[index] >= at && block->at[index - 1] < at;
}

/* The first bit at or behind `at`; BLOCK_BYTES: none. */
static uint64_t find_bit(const uint64_t *bits, uint64_t at)
{
        uint64_t i = at / 64, left = bits[i] & UINT64_MAX << at % 64;

        while (left == 0 && ++i < BLOCK_BYTES / 64)
                left = bits[i];
        return left ? i * 64 + (uint64_t)__builtin_ctzll(left) : BLOCK_BYTES;
}

/* The first of the block's fields at or behind `at`; BLOCK_BYTES: none. */
static uint64_t next_in_block(const struct swb_field_block *block, uint64_t at,
                              enum swb_field_kind *ret_kind, uint32_t *index)
{
        uint32_t found;

        if (block->alike) {
                *ret_kind = (enum swb_field_kind)block->kind;
                return find_bit(block->bits, at);
        }
        found = is_next(block, *index, at) ? *index : find_in_block(block, at);
        if (found == block->n)
                return BLOCK_BYTES;
        *index = found + 1;
        *ret_kind = ((const uint8_t *)(block->at + block->n))[found];
        return block->at[found];
}

bool swb_fields_next(const struct swb_fields *fields, uint64_t begin, uint64_t end,
                     uint64_t *ret_offset, enum swb_field_kind *ret_kind, uint32_t *index)
{
        uint64_t at = begin % BLOCK_BYTES;

        for (size_t i = (size_t)SWB_MIN(begin / BLOCK_BYTES, fields->n_blocks);
             i < fields->n_blocks && i * BLOCK_BYTES < end; i++, at = 0) {
                const struct swb_field_block *block = &fields->blocks[i];
                uint64_t offset = BLOCK_BYTES;
                enum swb_field_kind kind;

                if (block->n > 0)
                        offset = next_in_block(block, at, &kind, index);
                if (offset == BLOCK_BYTES)
                        continue;
                offset += i * BLOCK_BYTES;
                if (offset + swb_field_width(kind) > end)
                        return false;
                *ret_offset = offset;
                *ret_kind = kind;
                return true;
        }
        return false;
}
