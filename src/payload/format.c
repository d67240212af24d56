/* SPDX-License-Identifier: Apache-2.0 */
#include "payload/format.h"

#define NEVER UINT32_MAX
#define MINOR_XZ 3         /* REPLACE_XZ in deltas; in full payloads it always was */
#define MINOR_SHARED_MAX 9 /* highest of the numbers shared with the others */

/* PF-30: in which minor versions a type may stand. */
struct op_kind {
        enum swb_op_type type;
        const char *name;
        bool data, source, supported;
        bool full;          /* in minor 0 */
        uint32_t since;     /* in this one of 2..9 and all after it */
        uint32_t own_since; /* in this one from 1000 and all after it */
};

static const struct op_kind kinds[] = {
        {SWB_OP_REPLACE, "REPLACE", .data = true, .supported = true, .full = true, .since = 2,
         .own_since = 1000},
        {SWB_OP_REPLACE_BZ, "REPLACE_BZ", .data = true, .supported = true, .full = true, .since = 2,
         .own_since = 1000},
        {SWB_OP_MOVE, "MOVE", .source = true, .since = NEVER, .own_since = NEVER},
        {SWB_OP_BSDIFF, "BSDIFF", .data = true, .source = true, .since = NEVER, .own_since = NEVER},
        {SWB_OP_SOURCE_COPY, "SOURCE_COPY", .source = true, .supported = true, .since = 2,
         .own_since = 1000},
        {SWB_OP_SOURCE_BSDIFF, "SOURCE_BSDIFF", .data = true, .source = true, .supported = true,
         .since = 2, .own_since = 1000},
        {SWB_OP_ZERO, "ZERO", .supported = true, .since = 4, .own_since = 1000},
        {SWB_OP_DISCARD, "DISCARD", .supported = true, .since = 4, .own_since = NEVER},
        {SWB_OP_REPLACE_XZ, "REPLACE_XZ", .data = true, .supported = true, .full = true,
         .since = MINOR_XZ, .own_since = 1000},
        {SWB_OP_PUFFDIFF, "PUFFDIFF", .data = true, .source = true, .supported = true, .since = 5,
         .own_since = NEVER},
        {SWB_OP_BROTLI_BSDIFF, "BROTLI_BSDIFF", .data = true, .source = true, .supported = true,
         .since = 4, .own_since = 1000},
        {SWB_OP_ZUCCHINI, "ZUCCHINI", .data = true, .source = true, .since = 8, .own_since = NEVER},
        {SWB_OP_LZ4DIFF_BSDIFF, "LZ4DIFF_BSDIFF", .data = true, .source = true, .since = 9,
         .own_since = NEVER},
        {SWB_OP_LZ4DIFF_PUFFDIFF, "LZ4DIFF_PUFFDIFF", .data = true, .source = true, .since = 9,
         .own_since = NEVER},
        {SWB_OP_REPLACE_ZSTD, "REPLACE_ZSTD", .data = true, .supported = true, .since = NEVER,
         .own_since = 1000},
        {SWB_OP_SWDIFF, "SWDIFF", .data = true, .source = true, .supported = true, .since = NEVER,
         .own_since = 1001},
        {SWB_OP_REPLACE_SPLIT, "REPLACE_SPLIT", .data = true, .supported = true, .since = NEVER,
         .own_since = 1003},
};

static const struct op_kind *find_kind(uint32_t type)
{
        for (size_t i = 0; i < SWB_ELEMENTS(kinds); i++)
                if (kinds[i].type == type)
                        return &kinds[i];
        return NULL;
}

const char *swb_op_to_string(uint32_t type)
{
        const struct op_kind *kind = find_kind(type);

        return kind ? kind->name : "unknown";
}

bool swb_op_has_data(uint32_t type)
{
        const struct op_kind *kind = find_kind(type);

        return kind && kind->data;
}

bool swb_op_has_source(uint32_t type)
{
        const struct op_kind *kind = find_kind(type);

        return kind && kind->source;
}

bool swb_op_allowed(uint32_t type, uint32_t minor)
{
        const struct op_kind *kind = find_kind(type);

        if (!kind || !swb_minor_known(minor))
                return false;
        if (minor == SWB_MINOR_FULL)
                return kind->full;
        return minor >= SWB_MINOR_OWN_FIRST ? minor >= kind->own_since : minor >= kind->since;
}

bool swb_op_supported(uint32_t type)
{
        const struct op_kind *kind = find_kind(type);

        return kind && kind->supported;
}

bool swb_minor_known(uint32_t minor)
{
        return minor == SWB_MINOR_FULL || (minor >= 2 && minor <= MINOR_SHARED_MAX) ||
               (minor >= SWB_MINOR_OWN_FIRST && minor <= SWB_MINOR_OWN_LAST);
}

uint64_t swb_extents_blocks(const struct swb_extent *extents, size_t n)
{
        uint64_t blocks = 0;

        for (size_t i = 0; i < n; i++)
                blocks += extents[i].n_blocks;
        return blocks;
}

uint64_t swb_hash_tree_blocks(uint64_t data_blocks)
{
        const uint64_t hashes = SWB_BLOCK_BYTES / 32;
        uint64_t total = 0;

        for (uint64_t n = data_blocks; n > 1; total += n)
                n = n / hashes + (n % hashes != 0);
        return total;
}

uint64_t swb_error_correction_blocks(uint64_t covered_blocks, uint32_t roots)
{
        uint64_t n;

        if (roots < 2 || roots > 24)
                return 0;
        n = 255 - roots; /* bytes of a codeword that are covered */
        return (covered_blocks / n + (covered_blocks % n != 0)) * roots;
}
