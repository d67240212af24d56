/* SPDX-License-Identifier: Apache-2.0 */
/* The slots: the other one is there, free, writable and as large; and it is not the one that runs.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "device/doctor/findings.h"
#include "os/file.h"

struct subject {
        const struct swb_doctor *doctor;
        struct swb_diagnosis *diagnosis;
        const char *partition; /* its name */
        enum swb_slot running, other;
        const char *path; /* of the other slot */
};

/* Is the root file system on it? Not seen through device mapper; then being in use is. */
static bool holds_root(const struct subject *s, const struct stat *st)
{
        struct stat root;

        if (stat(s->doctor->root, &root) < 0)
                return false;
        if (S_ISBLK(st->st_mode))
                return st->st_rdev == root.st_dev;
        return st->st_dev == root.st_dev && st->st_ino == root.st_ino;
}

static void add_open_failure(const struct subject *s, int error)
{
        /* The installer makes a slot that is a file, not one that is a device. */
        if (error == ENOENT && !swb_starts_with(s->path, "/dev/"))
                return;
        if (error == EBUSY)
                swb_diagnosis_add(s->diagnosis, SWB_FINDING_SLOT_IN_USE,
                                  "partition %s of slot %s (%s) is mounted, or held by another "
                                  "program",
                                  s->partition, swb_slot_to_string(s->other), s->path);
        else if (error == ENOENT || error == ENXIO || error == ENODEV || error == ENOTDIR)
                swb_diagnosis_add(s->diagnosis, SWB_FINDING_SLOT_MISSING,
                                  "partition %s of slot %s is not there: %s: %s", s->partition,
                                  swb_slot_to_string(s->other), s->path, strerror(error));
        else
                swb_diagnosis_add(s->diagnosis, SWB_FINDING_SLOT_UNWRITABLE,
                                  "partition %s of slot %s can't be opened for writing: %s: %s",
                                  s->partition, swb_slot_to_string(s->other), s->path,
                                  strerror(error));
}

static bool size_of(const char *path, uint64_t *ret)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

        return fd >= 0 && swb_fd_size(fd, path, ret, NULL) >= 0;
}

/* Images are mostly as large as the running slot, or the running slot was made to fit them. */
static void check_size(const struct subject *s, const char *running_path, uint64_t n_bytes,
                       bool is_device)
{
        uint64_t n_running;

        if (n_bytes == 0 && !is_device)
                return; /* a file that nobody has written to yet */
        if (n_bytes == 0)
                swb_diagnosis_add(s->diagnosis, SWB_FINDING_SLOT_MISSING,
                                  "partition %s of slot %s (%s) has no bytes", s->partition,
                                  swb_slot_to_string(s->other), s->path);
        else if (size_of(running_path, &n_running) && n_bytes < n_running)
                swb_diagnosis_add(s->diagnosis, SWB_FINDING_SLOT_SIZE,
                                  "partition %s: slot %s (%s) has %" PRIu64 " bytes, slot %s, "
                                  "which runs, %" PRIu64,
                                  s->partition, swb_slot_to_string(s->other), s->path, n_bytes,
                                  swb_slot_to_string(s->running), n_running);
}

static void check_partition(const struct subject *s, const char *running_path)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        uint64_t n_bytes;
        int read_only = 0;

        if (stat(s->path, &st) == 0 && holds_root(s, &st)) {
                swb_diagnosis_add(s->diagnosis, SWB_FINDING_RUNNING_SLOT_WRONG,
                                  "the root file system is on partition %s of slot %s (%s), but "
                                  "the kernel's command line says that slot %s runs: an update "
                                  "would write over the running system",
                                  s->partition, swb_slot_to_string(s->other), s->path,
                                  swb_slot_to_string(s->running));
                return;
        }
        fd = open(s->path, O_RDWR | O_CLOEXEC | O_EXCL | O_NONBLOCK);
        if (fd < 0) {
                add_open_failure(s, errno);
                return;
        }
        if (fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) && ioctl(fd, BLKROGET, &read_only) == 0 &&
            read_only)
                add_open_failure(s, EROFS);
        else if (swb_fd_size(fd, s->path, &n_bytes, NULL) < 0)
                add_open_failure(s, ENODEV);
        else
                check_size(s, running_path, n_bytes, S_ISBLK(st.st_mode));
}

void swb_doctor_check_slots(const struct swb_doctor *doctor, const struct swb_facts *facts,
                            struct swb_diagnosis *diagnosis)
{
        const struct swb_config *config = doctor->config;

        if (!facts)
                return;
        for (size_t i = 0; i < config->n_partitions; i++) {
                const struct swb_config_partition *p = &config->partitions[i];
                struct subject s = {.doctor = doctor,
                                    .diagnosis = diagnosis,
                                    .partition = p->name,
                                    .running = facts->slot,
                                    .other = swb_slot_other(facts->slot)};

                s.path = p->path[s.other];
                check_partition(&s, p->path[facts->slot]);
        }
}
