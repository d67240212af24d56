/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/file.h - whole reads and writes on files and block devices
 *
 * Every call retries EINTR and short transfers, and names the file in its error.
 */
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* Exactly n bytes at offset. IO with "ends at byte N" when the file is shorter. */
int swb_pread(int fd, const char *name, void *data, size_t n_bytes, uint64_t offset,
              struct swb_error *err) _warn_unused_;
int swb_pwrite(int fd, const char *name, const void *data, size_t n_bytes, uint64_t offset,
               struct swb_error *err) _warn_unused_;
/* Up to n bytes from a pipe or socket: returns the count, 0 at the end. */
ssize_t swb_read_some(int fd, const char *name, void *data, size_t n_bytes,
                      struct swb_error *err) _warn_unused_;
int swb_write_all(int fd, const char *name, const void *data, size_t n_bytes,
                  struct swb_error *err) _warn_unused_;

/* Size of a regular file or block device in bytes. */
int swb_fd_size(int fd, const char *name, uint64_t *ret_bytes, struct swb_error *err) _warn_unused_;

/* Appends a whole file to buf; LIMIT when it is larger than the buffer's ceiling. */
int swb_read_file(const char *path, struct swb_buf *buf, struct swb_error *err) _warn_unused_;

/*
 * Replaces a file so that after a power cut it holds the old content or the new, whole: temporary
 * file beside it (path with SWB_TEMPORARY_SUFFIX), write, fsync, rename, fsync of the folder. The
 * mode is exact, whatever the umask. One writer per path at a time.
 */
#define SWB_TEMPORARY_SUFFIX ".tmp"
int swb_write_file_durable(const char *path, const void *data, size_t n_bytes, unsigned mode,
                           struct swb_error *err) _warn_unused_;
/* Removes and syncs the folder; a file that is not there is fine. */
int swb_remove_file_durable(const char *path, struct swb_error *err) _warn_unused_;

/* mkdir -p; what it makes is on the medium when it returns. */
int swb_make_dirs(const char *path, unsigned mode, struct swb_error *err) _warn_unused_;
/* The folder `name` in `parent`, for openat(); made as above where it is not there. */
int swb_open_folder(const char *parent, const char *name, unsigned mode, int *ret_fd,
                    struct swb_error *err) _warn_unused_;

/* A rename or removal is on the medium only after this: syncs the folder that the path is in. */
int swb_sync_folder_of(const char *path, struct swb_error *err) _warn_unused_;
