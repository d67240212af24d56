/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/payload_files.h - the payloads' bytes: one file each, named by its SHA-256 in hex
 *
 * A file has its name only when it is whole and on the medium. Any file host can serve the folder.
 */
#include "os/hash.h"

#define SWB_PAYLOAD_FOLDER "payloads"

/* Opens DATA/payloads, and makes it if it is not there. */
int swb_payload_files_open(const char *data_folder, int *ret_folder_fd,
                           struct swb_error *err) _warn_unused_;

struct swb_payload_file {
        uint64_t n_bytes;
        uint8_t sha256[SWB_SHA256_BYTES];
        uint8_t sha1[SWB_SHA1_BYTES];
        char name[SWB_SHA256_HEX]; /* sha256 in hex */
};

/* Sizes and hashes of the file as it is. */
int swb_payload_file_read(int fd, const char *path, struct swb_payload_file *ret,
                          struct swb_error *err) _warn_unused_;
/* Copies it into the folder; durable on return. HASH when it changed since it was read. One that is
 * there already is fine. */
int swb_payload_file_store(int folder_fd, int fd, const char *path,
                           const struct swb_payload_file *file,
                           struct swb_error *err) _warn_unused_;
/* Opens a payload by its hex SHA-256. NOT_FOUND. */
int swb_payload_file_open(int folder_fd, const char *sha256, int *ret_fd, uint64_t *ret_bytes,
                          struct swb_error *err) _warn_unused_;
/* One that is not there is fine. */
int swb_payload_file_remove(int folder_fd, const char *sha256, struct swb_error *err) _warn_unused_;
/* Exactly 64 lower-case hex digits: can be a file's name. */
bool swb_is_payload_file_name(const char *name);

/* Keeps others who add or remove payload files of this data folder out until the fd is closed. */
int swb_payload_files_lock(int folder_fd, int *ret_lock_fd, struct swb_error *err) _warn_unused_;
