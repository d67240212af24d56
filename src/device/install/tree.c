/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/tree.h"

#include "os/fec.h"
#include "os/file.h"
#include "os/verity.h"

struct making {
        struct swb_slot *slot;
        const struct swb_step *step;
};

static int read_blocks(void *context, uint64_t block, uint64_t n_blocks, uint8_t *data,
                       struct swb_error *err)
{
        const struct making *making = context;
        size_t n = (size_t)n_blocks * SWB_BLOCK_BYTES;
        int r = swb_pread(making->slot->fd, making->slot->target, data, n, block * SWB_BLOCK_BYTES,
                          err);

        return r < 0 ? r : making->step->done(making->step->context, n, err);
}

static int write_blocks(void *context, uint64_t block, uint64_t n_blocks, const uint8_t *data,
                        struct swb_error *err)
{
        const struct making *making = context;

        making->slot->dirty = true;
        return swb_pwrite(making->slot->fd, making->slot->target, data,
                          (size_t)n_blocks * SWB_BLOCK_BYTES, block * SWB_BLOCK_BYTES, err);
}

static int make_tree(struct making *making, const struct swb_hash_tree *tree, struct swb_error *err)
{
        const struct swb_verity_io io = {making, read_blocks, write_blocks};
        struct swb_verity verity = {.data_start = tree->data.start_block,
                                    .data_blocks = tree->data.n_blocks,
                                    .tree_start = tree->tree.start_block,
                                    .n_salt = tree->n_salt};
        uint8_t root[SWB_SHA256_BYTES];

        memcpy(verity.salt, tree->salt, tree->n_salt);
        return swb_verity_make(&verity, &io, root, err);
}

static int make_fec(struct making *making, const struct swb_partition *partition,
                    struct swb_error *err)
{
        const struct swb_verity_io io = {making, read_blocks, write_blocks};
        const struct swb_fec fec = {.data_start = partition->tree.data.start_block,
                                    .data_blocks = partition->tree.data.n_blocks,
                                    .tree_start = partition->tree.tree.start_block,
                                    .tree_blocks = partition->tree.tree.n_blocks,
                                    .fec_start = partition->fec.fec.start_block,
                                    .roots = partition->fec.roots};

        return swb_fec_make(&fec, &io, err);
}

int swb_tree_make(struct swb_slot *slot, const struct swb_partition *partition,
                  const struct swb_step *step, struct swb_error *err)
{
        struct making making = {slot, step};
        int r;

        if (!partition->has_tree)
                return 0;
        r = make_tree(&making, &partition->tree, err);
        if (r < 0)
                return swb_wrap(err, r, "hash tree of partition '%s'", partition->name);
        if (!partition->has_fec)
                return 0;
        r = make_fec(&making, partition, err);
        return r < 0 ? swb_wrap(err, r, "error correction of partition '%s'", partition->name) : 0;
}
