/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-pack/install.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "generator/pack/output.h"
#include "open/wrapper.h"
#include "os/file.h"

#define FEED_BYTES ((size_t)256 << 10)

static void on_progress(void *context, const struct swb_install_progress *progress)
{
        swb_progress_view_report(context, progress->stage, progress->percent, 100);
}

static int feed(struct swb_installer *installer, int fd, const char *name, struct swb_error *err)
{
        _cleanup_free_ uint8_t *buf = malloc(FEED_BYTES);
        uint64_t n_bytes, offset = swb_installer_offset(installer);
        int r = buf ? swb_fd_size(fd, name, &n_bytes, err) : swb_oom(err);

        while (r == 0 && offset < n_bytes) {
                size_t n = (size_t)SWB_MIN(n_bytes - offset, (uint64_t)FEED_BYTES);

                r = swb_pread(fd, name, buf, n, offset, err);
                if (r == 0)
                        r = swb_installer_feed(installer, buf, n, err);
                offset += n;
        }
        return r < 0 ? r : swb_installer_finish(installer, err);
}

/* Block devices are synced and read back from the medium, as on a device. */
static bool all_files(const struct swb_install_slot *slots, size_t n)
{
        struct stat st;

        for (size_t i = 0; i < n; i++)
                if (stat(slots[i].target, &st) < 0 || !S_ISREG(st.st_mode))
                        return false;
        return true;
}

int swb_install_file(int payload_fd, const char *name, const struct swb_install_slot *slots,
                     size_t n_slots, const struct swb_keyring *keys, struct swb_progress_view *view,
                     struct swb_error *err)
{
        const struct swb_install_config config = {.slots = slots,
                                                  .n_slots = n_slots,
                                                  .keys = keys,
                                                  .open_memory_bytes = SWB_OPEN_MEMORY_MAX,
                                                  .plain_files = all_files(slots, n_slots),
                                                  .progress = on_progress,
                                                  .context = view};
        _cleanup_(swb_installer_freep) struct swb_installer *installer = NULL;
        int r = swb_installer_new(&config, &installer, err);

        return r < 0 ? r : feed(installer, payload_fd, name, err);
}

int swb_scratch_make(struct swb_scratch *scratch, const char *folder,
                     const struct swb_manifest *manifest, struct swb_error *err)
{
        for (size_t i = 0; i < manifest->n_partitions; i++) {
                int r = swb_open_unnamed(folder, &scratch->fds[i], err);

                if (r < 0)
                        return r;
                scratch->n = i + 1;
                if (ftruncate(scratch->fds[i], (off_t)manifest->partitions[i].new_bytes) < 0)
                        return swb_fail_errno(err, errno,
                                              "make a temporary file of %" PRIu64 " bytes in '%s'",
                                              manifest->partitions[i].new_bytes, folder);
                (void)snprintf(scratch->paths[i], sizeof(scratch->paths[i]), "/proc/self/fd/%d",
                               scratch->fds[i]);
        }
        return 0;
}

void swb_scratch_done(struct swb_scratch *scratch)
{
        for (size_t i = 0; i < scratch->n; i++)
                (void)swb_close(scratch->fds[i]);
        scratch->n = 0;
}

static uint64_t first_difference(const uint8_t *a, const uint8_t *b, size_t n)
{
        size_t i = 0;

        while (i < n && a[i] == b[i])
                i++;
        return i;
}

int swb_compare_files(int fd, const char *name, const char *path, struct swb_error *err)
{
        _cleanup_free_ uint8_t *a = malloc(FEED_BYTES), *b = malloc(FEED_BYTES);
        _cleanup_close_ int other = open(path, O_RDONLY | O_CLOEXEC);
        uint64_t n_bytes;
        int r;

        if (!a || !b)
                return swb_oom(err);
        if (other < 0)
                return swb_fail_errno(err, errno, "open '%s'", path);
        r = swb_fd_size(other, path, &n_bytes, err);
        for (uint64_t offset = 0; r == 0 && offset < n_bytes; offset += FEED_BYTES) {
                size_t n = (size_t)SWB_MIN(n_bytes - offset, (uint64_t)FEED_BYTES);

                r = swb_pread(fd, name, a, n, offset, err);
                if (r == 0)
                        r = swb_pread(other, path, b, n, offset, err);
                if (r == 0 && memcmp(a, b, n) != 0)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_HASH,
                                        "%s differs from '%s' at byte %" PRIu64, name, path,
                                        offset + first_difference(a, b, n));
        }
        return r;
}
