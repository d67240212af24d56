/* SPDX-License-Identifier: Apache-2.0 */
#include "os/verity.h"

#include <inttypes.h>

#include "base/endian.h"

#define BLOCK SWB_VERITY_BLOCK_BYTES
#define HASHES_A_BLOCK (BLOCK / SWB_SHA256_BYTES)
#define BUFFER_BLOCKS 256u /* 1 MiB: its hashes fill two blocks */

/* Level 0 hashes the data, each further one the level before; the last has one block. */
struct levels {
        uint64_t start[SWB_VERITY_LEVELS_MAX], n_blocks[SWB_VERITY_LEVELS_MAX];
        unsigned n;
};

static uint64_t lay_out(uint64_t data_blocks, uint64_t tree_start, struct levels *levels)
{
        uint64_t total = 0, at = tree_start;

        levels->n = 0;
        for (uint64_t n = data_blocks; n > 1 && levels->n < SWB_VERITY_LEVELS_MAX;) {
                n = (n + HASHES_A_BLOCK - 1) / HASHES_A_BLOCK;
                levels->n_blocks[levels->n++] = n;
                total += n;
        }
        for (unsigned i = levels->n; i-- > 0;) {
                levels->start[i] = at;
                at += levels->n_blocks[i];
        }
        return total;
}

uint64_t swb_verity_tree_blocks(uint64_t data_blocks)
{
        struct levels levels;

        return lay_out(data_blocks, 0, &levels);
}

static void hash_block(const struct swb_verity *verity, const uint8_t *block, uint8_t *ret_digest)
{
        struct swb_sha256 sha;

        swb_sha256_init(&sha);
        swb_sha256_update(&sha, verity->salt, verity->n_salt);
        swb_sha256_update(&sha, block, BLOCK);
        swb_sha256_final(&sha, ret_digest);
}

/* The hashes of n_blocks from `from` on become the blocks at `to`. */
static int make_level(const struct swb_verity *verity, const struct swb_verity_io *io,
                      uint64_t from, uint64_t n_blocks, uint64_t to, uint8_t *buffer,
                      struct swb_error *err)
{
        uint8_t hashes[BUFFER_BLOCKS / HASHES_A_BLOCK * BLOCK];

        for (uint64_t done = 0; done < n_blocks; done += BUFFER_BLOCKS) {
                uint64_t n = SWB_MIN(n_blocks - done, (uint64_t)BUFFER_BLOCKS);
                uint64_t n_out = (n + HASHES_A_BLOCK - 1) / HASHES_A_BLOCK;
                int r = io->read(io->context, from + done, n, buffer, err);

                if (r < 0)
                        return r;
                memset(hashes, 0, sizeof(hashes));
                for (uint64_t i = 0; i < n; i++)
                        hash_block(verity, buffer + i * BLOCK, hashes + i * SWB_SHA256_BYTES);
                r = io->write(io->context, to + done / HASHES_A_BLOCK, n_out, hashes, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int swb_verity_make(const struct swb_verity *verity, const struct swb_verity_io *io,
                    uint8_t *ret_root, struct swb_error *err)
{
        _cleanup_free_ uint8_t *buffer = malloc((size_t)BUFFER_BLOCKS * BLOCK);
        struct levels levels;
        uint64_t from = verity->data_start, n = verity->data_blocks;
        int r = 0;

        if (!buffer)
                return swb_oom(err);
        if (n < SWB_VERITY_DATA_BLOCKS_MIN || n > SWB_VERITY_DATA_BLOCKS_MAX)
                return swb_fail(err, -ERANGE, SWB_FAULT_LIMIT,
                                "a hash tree over %" PRIu64 " blocks", n);
        (void)lay_out(n, verity->tree_start, &levels);
        for (unsigned i = 0; i < levels.n && r == 0; i++) {
                r = make_level(verity, io, from, n, levels.start[i], buffer, err);
                from = levels.start[i];
                n = levels.n_blocks[i];
        }
        if (r == 0)
                r = io->read(io->context, from, 1, buffer, err);
        if (r == 0)
                hash_block(verity, buffer, ret_root);
        return r;
}

/* From the root hash, so that the same content has the same; version and variant as RFC 9562 wants
 * them of one that is made by a rule of one's own. */
static void make_uuid(const uint8_t *root, uint8_t *ret_uuid)
{
        memcpy(ret_uuid, root, 16);
        ret_uuid[6] = (uint8_t)((ret_uuid[6] & 0x0f) | 0x80);
        ret_uuid[8] = (uint8_t)((ret_uuid[8] & 0x3f) | 0x80);
}

void swb_verity_superblock(const struct swb_verity *verity, const uint8_t *root,
                           uint8_t *ret_superblock)
{
        uint8_t *p = ret_superblock;

        memset(p, 0, SWB_VERITY_SUPERBLOCK_BYTES);
        memcpy(p, "verity\0\0", 8);
        swb_put_le32(p + 8, 1);  /* version */
        swb_put_le32(p + 12, 1); /* salt before the block */
        make_uuid(root, p + 16);
        memcpy(p + 32, "sha256", 6);
        swb_put_le32(p + 64, BLOCK);
        swb_put_le32(p + 68, BLOCK);
        swb_put_le64(p + 72, verity->data_blocks);
        p[80] = (uint8_t)verity->n_salt;
        p[81] = (uint8_t)(verity->n_salt >> 8);
        memcpy(p + 88, verity->salt, verity->n_salt);
}
