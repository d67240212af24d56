/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/readback.h"

#include <fcntl.h>
#include <inttypes.h>

#include "base/text.h"
#include "os/file.h"

struct position {
        uint64_t offset;
        uint64_t end;
        bool direct;
};

/* One piece; the direct one falls back for good when the kernel takes the flag but not the read. */
static int read_piece(const struct swb_readback *readback, const struct swb_slot *slot,
                      struct position *at, size_t n, struct swb_error *err)
{
        int r;

        if (at->direct) {
                /* Direct reads are of whole blocks; a slot's last one may be cut by its end. */
                size_t n_whole = (n + SWB_BLOCK_BYTES - 1) / SWB_BLOCK_BYTES * SWB_BLOCK_BYTES;
                ssize_t got = pread(slot->direct_fd, readback->buffer, n_whole, (off_t)at->offset);

                if (got >= 0 && (size_t)got >= n)
                        return 0;
                at->direct = false;
        }
        r = swb_pread(slot->fd, slot->target, readback->buffer, n, at->offset, err);
        if (r < 0 && err)
                err->fault = SWB_FAULT_READBACK;
        return r;
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

int swb_readback_slot(const struct swb_readback *readback, const struct swb_slot *slot,
                      const struct swb_partition *partition, struct swb_error *err)
{
        struct position at = {
                .end = partition->new_bytes,
                .direct = slot->direct_fd >= 0 && !readback->through_cache,
        };
        uint8_t digest[SWB_SHA256_BYTES];
        struct swb_sha256 sha;
        int r;

        swb_sha256_init(&sha);
        if (!readback->through_cache)
                (void)posix_fadvise(slot->fd, 0, 0, POSIX_FADV_DONTNEED); /* clean since the sync */
        while (at.offset < at.end) {
                size_t n = (size_t)SWB_MIN((uint64_t)SWB_IO_BYTES, at.end - at.offset);

                r = read_piece(readback, slot, &at, n, err);
                if (r >= 0) {
                        swb_sha256_update(&sha, readback->buffer, n);
                        at.offset += n;
                        r = readback->step.done(readback->step.context, n, err);
                }
                if (r < 0)
                        return swb_wrap(err, r, "read back partition '%s'", partition->name);
        }
        swb_sha256_final(&sha, digest);
        if (memcmp(digest, partition->new_hash, sizeof(digest)) != 0)
                return fail_hash(slot, partition, digest, err);
        return 0;
}
