/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/split_format.h"

/*
 * MODRM: mov, lea, cmp, add, sub, and, or, xor, test, movsxd, inc/call/jmp/push (ff), and second
 * bytes of two-byte instructions: movups, movaps, movdqa, movzx, movsx, ucomis, addss, mulss. This
 * list is part of the format (PF-105).
 */
const uint8_t swb_x86_classes[256] = {
        [0xe8] = SWB_X86_CALL,  [0xe9] = SWB_X86_JUMP,  [0x0f] = SWB_X86_TWO_BYTES,
        [0x03] = SWB_X86_MODRM, [0x0b] = SWB_X86_MODRM, [0x10] = SWB_X86_MODRM,
        [0x11] = SWB_X86_MODRM, [0x23] = SWB_X86_MODRM, [0x28] = SWB_X86_MODRM,
        [0x29] = SWB_X86_MODRM, [0x2b] = SWB_X86_MODRM, [0x2e] = SWB_X86_MODRM,
        [0x33] = SWB_X86_MODRM, [0x38] = SWB_X86_MODRM, [0x39] = SWB_X86_MODRM,
        [0x3b] = SWB_X86_MODRM, [0x58] = SWB_X86_MODRM, [0x59] = SWB_X86_MODRM,
        [0x63] = SWB_X86_MODRM, [0x6f] = SWB_X86_MODRM, [0x7f] = SWB_X86_MODRM,
        [0x85] = SWB_X86_MODRM, [0x89] = SWB_X86_MODRM, [0x8b] = SWB_X86_MODRM,
        [0x8d] = SWB_X86_MODRM, [0xb6] = SWB_X86_MODRM, [0xb7] = SWB_X86_MODRM,
        [0xbe] = SWB_X86_MODRM, [0xff] = SWB_X86_MODRM,
};
