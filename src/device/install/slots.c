/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/slots.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "os/file.h"

static int open_target(struct swb_slot *slot, bool create, struct swb_error *err)
{
        slot->fd = open(slot->target, O_RDWR | O_CLOEXEC | O_EXCL);
        if (slot->fd < 0 && errno == ENOENT && create)
                slot->fd = open(slot->target, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0644);
        if (slot->fd < 0 && errno == EBUSY)
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY,
                                "open target '%s': in use; it must not be mounted or held",
                                slot->target);
        if (slot->fd < 0)
                return swb_fail_errno(err, errno, "open target '%s'", slot->target);
        return 0;
}

/* What two paths have in common when they are one file or one device. */
static int get_identity(int fd, const char *path, struct stat *ret, struct swb_error *err)
{
        if (fstat(fd, ret) < 0)
                return swb_fail_errno(err, errno, "stat '%s'", path);
        if (!S_ISREG(ret->st_mode) && !S_ISBLK(ret->st_mode))
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "'%s' is neither a file nor a block device", path);
        return 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
        if (S_ISBLK(a->st_mode) != S_ISBLK(b->st_mode))
                return false;
        if (S_ISBLK(a->st_mode))
                return a->st_rdev == b->st_rdev;
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int lock_target(struct swb_slot *slot, struct swb_error *err)
{
        struct stat st;
        int r;

        r = get_identity(slot->fd, slot->target, &st, err);
        if (r < 0)
                return r;
        slot->is_block_device = S_ISBLK(st.st_mode);
        if (slot->is_block_device)
                return 0; /* O_EXCL did it */
        if (flock(slot->fd, LOCK_EX | LOCK_NB) == 0)
                return 0;
        if (errno == EWOULDBLOCK)
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY,
                                "target '%s' is being written by another process", slot->target);
        return swb_fail_errno(err, errno, "lock target '%s'", slot->target);
}

static int open_slot(struct swb_slot *slot, bool create, struct swb_error *err)
{
        int r;

        r = open_target(slot, create, err);
        if (r < 0)
                return r;
        r = lock_target(slot, err);
        if (r < 0)
                return r;
        r = swb_fd_size(slot->fd, slot->target, &slot->target_bytes, err);
        if (r < 0)
                return r;
        /* Not all file systems can: then the read-back has to do with a dropped cache. */
        slot->direct_fd = open(slot->target, O_RDWR | O_CLOEXEC | O_DIRECT);
        if (slot->direct_fd < 0)
                slot->direct_fd = -EBADF;
        if (!slot->source)
                return 0;
        slot->source_fd = open(slot->source, O_RDONLY | O_CLOEXEC);
        if (slot->source_fd < 0 && slot->source_optional) {
                slot->source_error = errno;
                slot->source_fd = -EBADF;
                return 0;
        }
        if (slot->source_fd < 0)
                return swb_fail_errno(err, errno, "open source '%s'", slot->source);
        /* Read for the update, not for the application: a hint not to keep it in memory. */
        (void)posix_fadvise(slot->source_fd, 0, 0, POSIX_FADV_NOREUSE);
        return swb_fd_size(slot->source_fd, slot->source, &slot->source_bytes, err);
}

/* Refuses slot's target where other is, or reads, the same thing. */
static int check_pair(const struct swb_slot *slot, const struct swb_slot *other,
                      struct swb_error *err)
{
        struct stat target, st;
        int r;

        r = get_identity(slot->fd, slot->target, &target, err);
        if (r >= 0 && other != slot) {
                r = get_identity(other->fd, other->target, &st, err);
                if (r >= 0 && is_same(&target, &st))
                        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                        "partitions '%s' and '%s' have the same target '%s'",
                                        slot->partition, other->partition, slot->target);
        }
        if (r >= 0 && other->source_fd >= 0) {
                r = get_identity(other->source_fd, other->source, &st, err);
                if (r >= 0 && is_same(&target, &st))
                        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                        "target '%s' of partition '%s' is also the source of '%s'; "
                                        "the running slot is never written",
                                        slot->target, slot->partition, other->partition);
        }
        return r;
}

static int check_distinct(const struct swb_slots *slots, struct swb_error *err)
{
        int r = 0;

        for (size_t i = 0; i < slots->n && r >= 0; i++)
                for (size_t k = 0; k < slots->n && r >= 0; k++) {
                        r = check_pair(&slots->slots[i], &slots->slots[k], err);
                        if (r >= 0 && i != k &&
                            strcmp(slots->slots[i].partition, slots->slots[k].partition) == 0)
                                r = swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                             "partition '%s' is given twice",
                                             slots->slots[i].partition);
                }
        return r;
}

int swb_slots_open(struct swb_slots *slots, const struct swb_install_slot *config, size_t n,
                   bool create, struct swb_error *err)
{
        int r;

        slots->n = 0;
        if (n == 0 || n > SWB_PARTITIONS_MAX)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "%zu slots; there must be 1 to %d",
                                n, SWB_PARTITIONS_MAX);
        for (size_t i = 0; i < n; i++) {
                struct swb_slot *slot = &slots->slots[slots->n++];

                *slot = (struct swb_slot){.partition = config[i].partition,
                                          .target = config[i].target,
                                          .source = config[i].source,
                                          .source_optional = config[i].source_optional,
                                          .fd = -EBADF,
                                          .direct_fd = -EBADF,
                                          .source_fd = -EBADF};
                r = open_slot(slot, create, err);
                if (r < 0)
                        return swb_wrap(err, r, "partition '%s'", slot->partition);
        }
        return check_distinct(slots, err);
}

void swb_slots_done(struct swb_slots *slots)
{
        for (size_t i = 0; i < slots->n; i++) {
                slots->slots[i].fd = swb_close(slots->slots[i].fd);
                slots->slots[i].direct_fd = swb_close(slots->slots[i].direct_fd);
                slots->slots[i].source_fd = swb_close(slots->slots[i].source_fd);
                swb_front_done(&slots->slots[i].front);
        }
        slots->n = 0;
}

struct swb_slot *swb_slots_find(struct swb_slots *slots, const char *partition)
{
        for (size_t i = 0; i < slots->n; i++)
                if (strcmp(slots->slots[i].partition, partition) == 0)
                        return &slots->slots[i];
        return NULL;
}

static int resize_file(struct swb_slot *slot, uint64_t n_bytes, struct swb_error *err)
{
        if (slot->target_bytes == n_bytes)
                return 0;
        if (ftruncate(slot->fd, (off_t)n_bytes) < 0)
                return swb_fail_errno(err, errno, "give '%s' a size of %" PRIu64 " bytes",
                                      slot->target, n_bytes);
        slot->target_bytes = n_bytes;
        return 0;
}

int swb_slot_fit(struct swb_slot *slot, const struct swb_partition *partition, bool resize,
                 struct swb_error *err)
{
        int r;

        slot->new_bytes = partition->new_bytes;
        slot->old_bytes = partition->old_bytes;
        if (resize && !slot->is_block_device) {
                r = resize_file(slot, partition->new_bytes, err);
                if (r < 0)
                        return r;
        }
        if (slot->target_bytes < partition->new_bytes)
                return swb_fail(
                        err, -ENOSPC, SWB_FAULT_NO_SPACE,
                        "partition '%s' needs %" PRIu64 " bytes, its slot '%s' has %" PRIu64,
                        partition->name, partition->new_bytes, slot->target, slot->target_bytes);
        if (partition->old_bytes == 0)
                return 0;
        if (!slot->source)
                return swb_fail(err, -ENOENT, SWB_FAULT_SOURCE,
                                "partition '%s' comes as a delta, but there is no source for it",
                                partition->name);
        if (slot->source_error)
                return swb_fail(err, -slot->source_error, SWB_FAULT_SOURCE,
                                "partition '%s' comes as a delta, but its source '%s' can't be "
                                "opened: %s",
                                partition->name, slot->source, strerror(slot->source_error));
        if (slot->source_bytes < partition->old_bytes)
                return swb_fail(err, -EINVAL, SWB_FAULT_SOURCE,
                                "partition '%s' is a delta against %" PRIu64
                                " bytes, its source '%s' has %" PRIu64,
                                partition->name, partition->old_bytes, slot->source,
                                slot->source_bytes);
        return 0;
}

int swb_slot_check_source(struct swb_slot *slot, const struct swb_partition *partition,
                          struct swb_error *err)
{
        uint8_t digest[SWB_SHA256_BYTES];
        int r;

        if (slot->source_trusted || !partition->has_old || slot->source_fd < 0)
                return 0;
        r = swb_sha256_fd(slot->source_fd, slot->source, partition->old_bytes, digest, err);
        if (r < 0)
                return r;
        if (memcmp(digest, partition->old_hash, sizeof(digest)) != 0)
                return swb_slot_fail_source(slot, err);
        slot->source_trusted = true;
        return 0;
}

int swb_slot_fail_source(const struct swb_slot *slot, struct swb_error *err)
{
        return swb_fail(
                err, -EINVAL, SWB_FAULT_SOURCE,
                "source '%s' is not the image that this delta was made from, or was changed",
                slot->source);
}

int swb_slot_sync(const struct swb_slot *slot, struct swb_error *err)
{
        if (fdatasync(slot->fd) < 0)
                return swb_fail_errno(err, errno, "sync target '%s'", slot->target);
        /* The update's bytes are of no use in memory; the application's are. A hint only. */
        (void)posix_fadvise(slot->fd, 0, 0, POSIX_FADV_DONTNEED);
        return 0;
}

int swb_slots_sync(struct swb_slots *slots, struct swb_error *err)
{
        for (size_t i = 0; i < slots->n; i++) {
                struct swb_slot *slot = &slots->slots[i];
                int r = slot->dirty ? swb_slot_sync(slot, err) : 0;

                if (r < 0)
                        return r;
                slot->dirty = false;
        }
        return 0;
}

void swb_slots_digest(const struct swb_slots *slots, uint8_t *ret_digest)
{
        struct swb_sha256 sha;

        swb_sha256_init(&sha);
        for (size_t i = 0; i < slots->n; i++) {
                const struct swb_slot *slot = &slots->slots[i];
                char size[24];

                (void)snprintf(size, sizeof(size), "%" PRIu64, slot->target_bytes);
                /* With their NULs, so that the three can't run into each other. */
                swb_sha256_update(&sha, slot->partition, strlen(slot->partition) + 1);
                swb_sha256_update(&sha, slot->target, strlen(slot->target) + 1);
                swb_sha256_update(&sha, size, strlen(size) + 1);
        }
        swb_sha256_final(&sha, ret_digest);
}
