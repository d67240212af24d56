/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/fec.h - forward error correction as dm-verity reads it
 *
 * Reed-Solomon over bytes, field polynomial 0x11d, first root 1, 255 bytes a codeword of which
 * `roots` are parity. A codeword's bytes lie as far apart as they can, so that a run of bad blocks
 * costs each only one or two. Two roots mend one bad byte a codeword, and two when the hash tree
 * says which blocks are bad: a run of up to 1/127 of everything.
 * Each block is read once, in runs; memory is 2 MiB whatever the size.
 */
#include "os/verity.h"

#define SWB_FEC_ROOTS_MIN 2u
#define SWB_FEC_ROOTS_MAX 24u /* as the kernel has it */
#define SWB_FEC_CODEWORD 255u

struct swb_fec {
        /* What is covered: data, and the hash tree behind it; blocks. */
        uint64_t data_start, data_blocks;
        uint64_t tree_start, tree_blocks;
        uint64_t fec_start; /* block */
        unsigned roots;
};

/* Blocks of parity over so many. */
uint64_t swb_fec_parity_blocks(uint64_t covered_blocks, unsigned roots);

/* Return: 0; LIMIT for roots or a number of blocks that can't be; or what the callbacks return. */
int swb_fec_make(const struct swb_fec *fec, const struct swb_verity_io *io,
                 struct swb_error *err) _warn_unused_;
