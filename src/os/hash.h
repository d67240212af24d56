/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/hash.h - SHA-256 (wraps OpenSSL)
 *
 * The running state can be stored and taken up again, also by another process: that is what lets
 * an interrupted update go on without reading its first half again.
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_SHA256_BYTES 32
#define SWB_SHA256_HEX (2 * SWB_SHA256_BYTES + 1)
/* Stored state: 8 chaining words, 8 bytes length, 64 bytes of a started block, 1 byte its fill. All
 * big-endian. */
#define SWB_SHA256_STATE_BYTES (32 + 8 + 64 + 1)

struct swb_sha256 {
        uint64_t opaque[16];
};

void swb_sha256_init(struct swb_sha256 *sha);
void swb_sha256_update(struct swb_sha256 *sha, const void *data, size_t n_bytes);
void swb_sha256_final(struct swb_sha256 *sha, uint8_t *ret_digest); /* then init again before use */
void swb_sha256_save(const struct swb_sha256 *sha, uint8_t *ret_state);
/* -EBADMSG: not a state that _save() can have written. */
int swb_sha256_load(struct swb_sha256 *sha, const uint8_t *state) _warn_unused_;

/* One buffer. */
void swb_sha256(const void *data, size_t n_bytes, uint8_t *ret_digest);
/* The first n_bytes of a file or device, from offset 0; the file position is not moved. */
int swb_sha256_fd(int fd, const char *name, uint64_t n_bytes, uint8_t *ret_digest,
                  struct swb_error *err) _warn_unused_;

/* SHA-1 of the same, 20 bytes: only for the field that some Omaha clients still compare. */
#define SWB_SHA1_BYTES 20
int swb_sha1_fd(int fd, const char *name, uint64_t n_bytes, uint8_t *ret_digest,
                struct swb_error *err) _warn_unused_;
