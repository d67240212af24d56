/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/readback.h"

#include <fcntl.h>
#include <inttypes.h>

#include "base/text.h"
#include "os/file.h"

/* Of whole blocks; a slot's last one may be cut by its end. */
static bool read_direct(struct swb_readback *readback, const struct swb_slot *slot, uint64_t offset,
                        size_t n)
{
        size_t n_whole = (n + SWB_BLOCK_BYTES - 1) / SWB_BLOCK_BYTES * SWB_BLOCK_BYTES;
        ssize_t got =
                pread(slot->direct_fd, readback->buffers[readback->turn], n_whole, (off_t)offset);

        return got >= 0 && (size_t)got >= n;
}

/* One piece; the direct one falls back for good when the kernel takes the flag but not the read. */
static int read_piece(struct swb_readback *readback, const struct swb_slot *slot, uint64_t offset,
                      size_t n, bool *direct, struct swb_error *err)
{
        int r;

        if (*direct && read_direct(readback, slot, offset, n))
                return 0;
        *direct = false;
        r = swb_pread(slot->fd, slot->target, readback->buffers[readback->turn], n, offset, err);
        if (r < 0 && err)
                err->fault = SWB_FAULT_READBACK;
        return r;
}

static void hash_piece(void *context)
{
        struct swb_readback *readback = context;

        swb_sha256_update(&readback->walk->sha, readback->buffers[!readback->turn],
                          readback->n_piece);
}

void swb_readback_settle(struct swb_readback *readback)
{
        if (readback->n_piece > 0)
                swb_beside_wait(readback->beside);
        readback->n_piece = 0;
}

static void take_piece(struct swb_readback *readback, struct swb_readback_walk *walk, size_t n)
{
        walk->offset += n;
        if (!readback->beside) {
                swb_sha256_update(&walk->sha, readback->buffers[0], n);
                return;
        }
        swb_readback_settle(readback);
        readback->walk = walk;
        readback->n_piece = n;
        readback->turn = !readback->turn;
        swb_beside_start(readback->beside, hash_piece, readback);
}

void swb_readback_start(struct swb_readback_walk *walk)
{
        walk->offset = 0;
        swb_sha256_init(&walk->sha);
}

bool swb_readback_ahead(struct swb_readback *readback, const struct swb_slot *slot,
                        struct swb_readback_walk *walk, uint64_t end)
{
        size_t n = (size_t)SWB_MIN((uint64_t)readback->n_buffer, end - walk->offset);

        if (slot->direct_fd < 0 || !read_direct(readback, slot, walk->offset, n))
                return false;
        take_piece(readback, walk, n);
        return true;
}

static int fail_hash(const struct swb_slot *slot, const struct swb_partition *partition,
                     const uint8_t *digest, struct swb_error *err)
{
        char got[SWB_SHA256_HEX], want[SWB_SHA256_HEX];

        swb_hex_encode(digest, SWB_SHA256_BYTES, got);
        swb_hex_encode(partition->new_hash, SWB_SHA256_BYTES, want);
        return swb_fail(
                err, -EIO, SWB_FAULT_READBACK,
                "target '%s' of partition '%s' reads back as SHA-256 %s, the manifest has %s",
                slot->target, partition->name, got, want);
}

static int read_rest(struct swb_readback *readback, const struct swb_slot *slot,
                     struct swb_readback_walk *walk, uint64_t end, struct swb_error *err)
{
        bool direct = slot->direct_fd >= 0 && !readback->through_cache;

        if (!readback->through_cache)
                (void)posix_fadvise(slot->fd, 0, 0, POSIX_FADV_DONTNEED); /* clean since the sync */
        while (walk->offset < end) {
                size_t n = (size_t)SWB_MIN((uint64_t)readback->n_buffer, end - walk->offset);
                int r = read_piece(readback, slot, walk->offset, n, &direct, err);

                if (r < 0)
                        return r;
                take_piece(readback, walk, n);
                r = readback->step.done(readback->step.context, n, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int swb_readback_finish(struct swb_readback *readback, const struct swb_slot *slot,
                        const struct swb_partition *partition, struct swb_readback_walk *walk,
                        struct swb_error *err)
{
        uint8_t digest[SWB_SHA256_BYTES];
        int r;

        r = read_rest(readback, slot, walk, partition->new_bytes, err);
        swb_readback_settle(readback);
        if (r < 0)
                return swb_wrap(err, r, "read back partition '%s'", partition->name);
        swb_sha256_final(&walk->sha, digest);
        if (memcmp(digest, partition->new_hash, sizeof(digest)) != 0)
                return fail_hash(slot, partition, digest, err);
        return 0;
}
