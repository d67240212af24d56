/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/read/payload_file.h - a payload on disk: its manifest, its hashes, its signatures
 */
#include "os/hash.h"
#include "os/keyring.h"
#include "payload/reader.h"

struct swb_payload_file {
        char *path;
        int fd;
        uint64_t n_bytes;
        struct swb_payload_reader *reader; /* accepted: manifest and operations may be read */
        uint64_t n_metadata_bytes;
        uint8_t metadata_hash[SWB_SHA256_BYTES];
        /* State of reading on. */
        uint64_t position;
        uint8_t *buf;
        size_t n_buf, buf_used;
};

enum swb_payload_use {
        SWB_PAYLOAD_APPLY, /* what this build can't apply is refused */
        SWB_PAYLOAD_LOOK,  /* a format known to others is enough */
};

/*
 * Reads up to the manifest. With keys, as many of them as the ring requires must have signed the
 * metadata before anything of it is parsed. NOT_FOUND, FORMAT, UNSUPPORTED, LIMIT, SIGNATURE, IO.
 */
int swb_payload_file_open(const char *path, enum swb_payload_use use,
                          const struct swb_keyring *keys, struct swb_payload_file **ret,
                          struct swb_error *err) _warn_unused_;
struct swb_payload_file *swb_payload_file_free(struct swb_payload_file *file);
SWB_DEFINE_CLEANUP(struct swb_payload_file *, swb_payload_file_free)

struct swb_payload_check {
        uint64_t n_operations;
        uint64_t n_hashed; /* operations whose data was compared with its hash */
        uint8_t payload_hash[SWB_SHA256_BYTES]; /* what the payload signatures sign */
        struct swb_key_votes votes;             /* which of the keys have signed */
};

/*
 * Reads the rest, once: every operation's data against its hash, the payload's signatures if keys
 * are given, nothing behind the end. HASH, SIGNATURE, FORMAT …
 */
int swb_payload_file_check(struct swb_payload_file *file, const struct swb_keyring *keys,
                           struct swb_payload_check *ret, struct swb_error *err) _warn_unused_;

/* What the operations of one partition (or all: SIZE_MAX) add up to, by type. */
struct swb_operation_tally {
        uint32_t type;
        uint64_t count, data_bytes, target_blocks;
};

#define SWB_TALLIES_MAX 32

/* Return: number of types found (ascending), or < 0. */
int swb_payload_file_tally(struct swb_payload_file *file, size_t partition,
                           struct swb_operation_tally *tallies,
                           struct swb_error *err) _warn_unused_;
