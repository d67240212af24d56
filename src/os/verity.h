/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/verity.h - dm-verity hash trees: SHA-256, blocks of 4096 bytes, format version 1
 *
 * The tree lies as the kernel wants it: the level with one block first, the level of the data's
 * hashes last. It is made level by level, each from the one that was written before, so memory is
 * 2 MiB whatever the size.
 */
#include "os/hash.h"

#define SWB_VERITY_BLOCK_BYTES 4096u
#define SWB_VERITY_SALT_MAX 256u
#define SWB_VERITY_LEVELS_MAX 10
#define SWB_VERITY_DATA_BLOCKS_MIN 2u /* one block has no tree */
#define SWB_VERITY_DATA_BLOCKS_MAX (UINT64_C(1) << 40)

struct swb_verity {
        uint64_t data_start; /* block */
        uint64_t data_blocks;
        uint64_t tree_start; /* block */
        uint8_t salt[SWB_VERITY_SALT_MAX];
        size_t n_salt;
};

/* Blocks of the tree over so many. */
uint64_t swb_verity_tree_blocks(uint64_t data_blocks);

struct swb_verity_io {
        void *context;
        /* Whole blocks, of the data or of the tree that was written before. */
        int (*read)(void *context, uint64_t block, uint64_t n_blocks, uint8_t *data,
                    struct swb_error *err);
        int (*write)(void *context, uint64_t block, uint64_t n_blocks, const uint8_t *data,
                     struct swb_error *err);
};

/* Return: 0 and the root hash; LIMIT for a number of data blocks that can't be; or what the
 * callbacks return. */
int swb_verity_make(const struct swb_verity *verity, const struct swb_verity_io *io,
                    uint8_t *ret_root, struct swb_error *err) _warn_unused_;

/* The superblock that veritysetup looks for: the first 512 bytes of a block. */
#define SWB_VERITY_SUPERBLOCK_BYTES 512u
void swb_verity_superblock(const struct swb_verity *verity, const uint8_t *root,
                           uint8_t *ret_superblock);
