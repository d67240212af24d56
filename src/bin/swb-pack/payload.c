/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-pack/payload.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "os/file.h"

int swb_load_keys(const struct swb_opt_list *paths, uint64_t n_required, struct swb_keyring **ret,
                  struct swb_error *err)
{
        _cleanup_(swb_keyring_freep) struct swb_keyring *ring = NULL;
        int r = paths->n ? swb_keyring_new(&ring, err) : 0;

        for (size_t i = 0; i < paths->n && r == 0; i++) {
                struct stat st;

                if (stat(paths->items[i], &st) == 0 && S_ISDIR(st.st_mode))
                        r = swb_keyring_add_dir(ring, paths->items[i], err);
                else
                        r = swb_keyring_add_file(ring, paths->items[i], err);
        }
        if (r == 0 && ring)
                r = swb_keyring_require(ring, n_required, err);
        else if (r == 0 && n_required != 1)
                r = swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                             "--required-signatures goes with --public-key");
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(ring);
        return 0;
}

const char *swb_images_old(const struct swb_images *images, const char *partition)
{
        for (size_t i = 0; i < images->n; i++)
                if (strcmp(images->items[i].name, partition) == 0)
                        return images->items[i].old_path;
        return NULL;
}

bool swb_images_complete(const struct swb_manifest *manifest, const struct swb_images *images)
{
        for (size_t i = 0; i < manifest->n_partitions; i++)
                if (manifest->partitions[i].has_old &&
                    !swb_images_old(images, manifest->partitions[i].name))
                        return false;
        return true;
}

static int wrong_source(const struct swb_partition *p, const char *path, uint64_t n_bytes,
                        const uint8_t *hash, struct swb_error *err)
{
        bool is_new = p->has_new && n_bytes >= p->new_bytes &&
                      memcmp(hash, p->new_hash, SWB_SHA256_BYTES) == 0;

        return swb_fail(
                err, -EINVAL, SWB_FAULT_SOURCE,
                "partition '%s': '%s' is not the old image that this payload was made for%s",
                p->name, path, is_new ? ", it is the new one: old and new swapped?" : "");
}

static int check_old(const struct swb_partition *p, const char *path, struct swb_error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        uint8_t hash[SWB_SHA256_BYTES];
        uint64_t n_bytes;
        int r;

        if (fd < 0)
                return swb_fail_errno(err, errno, "open image '%s'", path);
        r = swb_fd_size(fd, path, &n_bytes, err);
        if (r < 0)
                return r;
        if (n_bytes < p->old_bytes)
                return swb_fail(err, -EINVAL, SWB_FAULT_SOURCE,
                                "partition '%s': old image '%s' has %" PRIu64
                                " bytes, the payload was made for one of %" PRIu64 "%s",
                                p->name, path, n_bytes, p->old_bytes,
                                n_bytes == p->new_bytes
                                        ? " (it has the new image's size: old and new swapped?)"
                                        : "");
        r = swb_sha256_fd(fd, path, p->old_bytes, hash, err);
        if (r == 0 && memcmp(hash, p->old_hash, sizeof(hash)) == 0)
                return 0;
        if (r == 0)
                r = swb_sha256_fd(fd, path, SWB_MIN(n_bytes, p->new_bytes), hash, err);
        return r < 0 ? r : wrong_source(p, path, n_bytes, hash, err);
}

static const struct swb_partition *find_partition(const struct swb_manifest *manifest,
                                                  const char *name)
{
        for (size_t i = 0; i < manifest->n_partitions; i++)
                if (strcmp(manifest->partitions[i].name, name) == 0)
                        return &manifest->partitions[i];
        return NULL;
}

int swb_check_images(const struct swb_manifest *manifest, const struct swb_images *images,
                     struct swb_error *err)
{
        for (size_t i = 0; i < images->n; i++) {
                const struct swb_partition *p = find_partition(manifest, images->items[i].name);
                const char *old_path = images->items[i].old_path;
                int r = 0;

                if (!p)
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "the payload has no partition '%s' (its first is '%s')",
                                        images->items[i].name, manifest->partitions[0].name);
                if (old_path && p->has_old)
                        r = check_old(p, old_path, err);
                if (r < 0)
                        return r;
        }
        return 0;
}
