/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/checkpoint.h - where an interrupted install goes on
 *
 * Two files in the state folder, each replaced as a whole: `metadata` (header, manifest and
 * metadata signature, so that they need not be sent again; they are verified again) and
 * `checkpoint` (KEY=value lines, the last one a SHA-256 over the lines before it). A checkpoint
 * says only what is on the medium already: the caller syncs the targets first.
 * It is a hint, never a proof: the read-back judges the result.
 */
#include "base/buf.h"
#include "os/hash.h"

#define SWB_CHECKPOINT_FORMAT 1

struct swb_checkpoint {
        /* Whose it is: the payload (by content, its URL may change) and the targets. */
        uint8_t payload_hash[SWB_SHA256_BYTES];
        uint64_t payload_bytes; /* 0: was not announced */
        uint8_t targets[SWB_SHA256_BYTES];
        /* Cached metadata; 0 bytes: none, start from 0 (but heed plain_zeros). */
        uint64_t metadata_bytes;
        uint8_t metadata_hash[SWB_SHA256_BYTES];
        /* Next operation, over all partitions, and the offset in the payload of its first byte. */
        uint64_t operation;
        uint64_t offset;
        /* Running hashes of the payload up to there: of the whole file and of its signed part. */
        uint8_t file_state[SWB_SHA256_STATE_BYTES];
        uint8_t signed_state[SWB_SHA256_STATE_BYTES];
        bool complete;    /* all is applied and the payload's signature verified: read back */
        bool pieces;      /* only what `pieces` lists is fetched, the rest is made: the hashes above
                             mean nothing */
        bool plain_zeros; /* a read-back failed: this medium may not keep its word about holes */
};

/* The caller has made the folder. Durable when it returns. */
int swb_checkpoint_save(const char *dir, const struct swb_checkpoint *checkpoint,
                        struct swb_error *err) _warn_unused_;
int swb_checkpoint_save_metadata(const char *dir, const uint8_t *metadata, size_t n,
                                 struct swb_error *err) _warn_unused_;

/* Return: 0; 1 when there is none; FORMAT when it is damaged, UNSUPPORTED when of another version.
 */
int swb_checkpoint_load(const char *dir, struct swb_checkpoint *ret,
                        struct swb_error *err) _warn_unused_;
/* The metadata that belongs to the checkpoint, else FORMAT. Appends to buf. */
int swb_checkpoint_load_metadata(const char *dir, const struct swb_checkpoint *checkpoint,
                                 struct swb_buf *buf, struct swb_error *err) _warn_unused_;

/* Removes both, and what pieces.h notes beside them; durably. */
int swb_checkpoint_discard(const char *dir, struct swb_error *err) _warn_unused_;
