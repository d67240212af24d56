/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swb-pack/install.h - applies a payload to files, with the device's installer
 */
#include "bin/swb-pack/progress.h"
#include "device/install/installer.h"

/*
 * Feeds the file `payload_fd` (from offset 0; `name` for messages) to the installer.
 * The slots' targets exist and are large enough. Return: 0 or the installer's error.
 */
int swb_install_file(int payload_fd, const char *name, const struct swb_install_slot *slots,
                     size_t n_slots, const struct swb_keyring *keys, struct swb_progress_view *view,
                     struct swb_error *err) _warn_unused_;

/* Files without a name to install into. */
struct swb_scratch {
        int fds[SWB_PARTITIONS_MAX];
        char paths[SWB_PARTITIONS_MAX][64];
        size_t n;
};

#define SWB_SCRATCH_INIT ((struct swb_scratch){.n = 0})

/* One for each partition of the manifest, of the target's size, in `folder`. */
int swb_scratch_make(struct swb_scratch *scratch, const char *folder,
                     const struct swb_manifest *manifest, struct swb_error *err) _warn_unused_;
void swb_scratch_done(struct swb_scratch *scratch);

/* HASH with the first byte that differs. */
int swb_compare_files(int fd, const char *name, const char *path,
                      struct swb_error *err) _warn_unused_;
