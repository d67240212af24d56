/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * omaha/cup.h - signed answers: what is signed, and how the proof is written
 *
 * Place:  contract between server and device; no I/O, no cryptography: both ends hash with os/hash
 * Spec:   docs/spec/omaha.md OM-28 … OM-30
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_CUP_HASH_BYTES 32
#define SWB_CUP_SIGNATURE_MIN 8
#define SWB_CUP_SIGNATURE_MAX 72
#define SWB_CUP_KEY_MAX 128 /* characters of a cup2key value */
#define SWB_CUP_MESSAGE_MAX (2 * SWB_CUP_HASH_BYTES + SWB_CUP_KEY_MAX)
/* The longest proof and its end. */
#define SWB_CUP_PROOF_TEXT (2 * SWB_CUP_SIGNATURE_MAX + 1 + 2 * SWB_CUP_HASH_BYTES + 1)

#define SWB_CUP_HEADER "X-Cup-Server-Proof"

/* The key's number of "8:12345", key and nonce. -EINVAL. */
int swb_cup_key_id(const char *cup2key, uint64_t *ret_id) _warn_unused_;

/* OM-29: the bytes whose SHA-256 is signed. `cup2key` has passed swb_cup_key_id(). ret_message:
 * SWB_CUP_MESSAGE_MAX bytes. Returns how many. */
size_t swb_cup_message(const uint8_t *request_sha256, const uint8_t *answer_sha256,
                       const char *cup2key, uint8_t *ret_message);

/* A proof, as the header's text and back. text: SWB_CUP_PROOF_TEXT bytes. */
struct swb_cup_proof {
        uint8_t signature[SWB_CUP_SIGNATURE_MAX]; /* DER */
        size_t n_signature;
        uint8_t request_sha256[SWB_CUP_HASH_BYTES];
};

void swb_cup_proof_write(const struct swb_cup_proof *proof, char *text);
/* Bare, in quotes, or as a weak entity tag (W/"..."). -EINVAL. */
int swb_cup_proof_parse(const char *text, struct swb_cup_proof *ret) _warn_unused_;
