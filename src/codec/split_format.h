/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/split_format.h - what maker and reader of the format SWS1 agree on (for this folder)
 *
 * Spec: docs/spec/payload.md, section 11.
 */
#include "codec/split.h"

#define SWB_SPLIT_MAGIC "SWS1"
#define SWB_SPLIT_HEAD_BYTES 8  /* magic, number of streams, three zeros */
#define SWB_SPLIT_ENTRY_BYTES 9 /* of each stream: coding, packed size, size */
#define SWB_SPLIT_CONTROL_MAX ((uint32_t)1 << 20)
#define SWB_SPLIT_WINDOW_BYTES ((uint32_t)8 << 20)

/* Codings of streams. */
#define SWB_SPLIT_NONE 0
#define SWB_SPLIT_XZ 1
#define SWB_SPLIT_ZSTD 2

/* Bit of a field in a record: each is less the one before. */
#define SWB_SPLIT_DELTA 0x80u

/* How many streams does a kind take, from its first on? */
#define SWB_SPLIT_X86_STREAMS 4 /* the rest, calls, jumps, references to data */
#define SWB_SPLIT_LZ4_STREAMS 3 /* tokens and lengths, literals, offsets */

/* What an instruction's first byte may be the beginning of. */
enum swb_x86_class { SWB_X86_OTHER, SWB_X86_CALL, SWB_X86_JUMP, SWB_X86_TWO_BYTES, SWB_X86_MODRM };

/* By first byte; OTHER by default. MODRM: an instruction (or the second byte of one) whose ModRM
 * byte can say "relative to rip". */
extern const uint8_t swb_x86_classes[256];

/* Of the streams behind that of the instructions: which one takes the operand? */
enum { SWB_X86_CALLS = 1, SWB_X86_JUMPS = 2, SWB_X86_REFERENCES = 3 };

/*
 * Does an instruction with a 4-byte relative operand begin here? `left`: bytes of the region from
 * `first` on; `second` counts only if there are at least 6. Return: bytes before the operand, 0 =
 * no.
 */
static inline unsigned swb_x86_match(uint8_t first, uint8_t second, size_t left,
                                     unsigned *ret_stream)
{
        switch ((enum swb_x86_class)swb_x86_classes[first]) {
        case SWB_X86_CALL:
                *ret_stream = SWB_X86_CALLS;
                return left >= 5;
        case SWB_X86_JUMP:
                *ret_stream = SWB_X86_JUMPS;
                return left >= 5;
        case SWB_X86_TWO_BYTES:
                *ret_stream = SWB_X86_JUMPS;
                return left >= 6 && (second & 0xf0) == 0x80 ? 2 : 0;
        case SWB_X86_MODRM:
                *ret_stream = SWB_X86_REFERENCES;
                return left >= 6 && (second & 0xc7) == 0x05 ? 2 : 0;
        case SWB_X86_OTHER:
                break;
        }
        return 0;
}

/* Operands that reach further than 16 MiB are hardly any: they stay as they are. */
static inline bool swb_x86_is_near(uint32_t value)
{
        return value >> 24 == 0 || value >> 24 == 0xff;
}

/* 25 bits with their sign, without a branch, which would go either way. */
static inline uint32_t swb_x86_fold(uint32_t value)
{
        return ((value & 0x1ffffffu) ^ 0x1000000u) - 0x1000000u;
}
