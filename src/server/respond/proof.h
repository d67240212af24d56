/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/respond/proof.h - keys that answers are signed with
 *
 * Spec:   docs/spec/omaha.md OM-28 … OM-30
 * Model:  loaded at start, then used by any number of threads.
 */
#include "omaha/cup.h"

#define SWB_PROOF_KEYS_MAX 16

struct swb_proof_keys;

/* Texts "ID:FILE": a private key (PEM, ECDSA P-256) and its number. CONFIG, USAGE.
 */
int swb_proof_keys_new(const char *const *texts, size_t n, struct swb_proof_keys **ret,
                       struct swb_error *err) _warn_unused_;
struct swb_proof_keys *swb_proof_keys_free(struct swb_proof_keys *keys);
SWB_DEFINE_CLEANUP(struct swb_proof_keys *, swb_proof_keys_free)

size_t swb_proof_keys_count(const struct swb_proof_keys *keys);
/* Is there a key for this cup2key value? */
bool swb_proof_keys_have(const struct swb_proof_keys *keys, const char *cup2key);
/* The proof of an answer; ret_text: SWB_CUP_PROOF_TEXT bytes. */
int swb_proof_make(const struct swb_proof_keys *keys, const char *cup2key, const void *request,
                   size_t n_request, const void *answer, size_t n_answer, char *ret_text,
                   struct swb_error *err) _warn_unused_;
