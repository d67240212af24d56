/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/fetch/answer_keys.h - keys that the server must sign its answers with
 *
 * Spec: docs/spec/omaha.md OM-28 … OM-30
 * A folder of PEM public keys (ECDSA P-256), each named by its number: "3.pem". The highest is the
 * one to ask with: to change keys the server gets the new one first, then the devices.
 */
#include "base/buf.h"
#include "omaha/cup.h"
#include "os/keyring.h"

struct swb_answer_keys {
        uint64_t id; /* to ask with */
        struct swb_keyring *ring;
};

/* CONFIG: no key there, or a bad one. */
int swb_answer_keys_load(const char *folder, struct swb_answer_keys *ret,
                         struct swb_error *err) _warn_unused_;
void swb_answer_keys_done(struct swb_answer_keys *keys);

/* What must be remembered of a question until its answer came. */
struct swb_answer_question {
        char cup2key[SWB_CUP_KEY_MAX + 1];
        uint8_t request_sha256[SWB_CUP_HASH_BYTES];
};

/* Makes a question that no answer of before fits, and appends its URL to `url` with an end. */
int swb_answer_question_begin(const struct swb_answer_keys *keys, const char *base_url,
                              const void *body, size_t n_bytes, struct swb_answer_question *ret,
                              struct swb_buf *url, struct swb_error *err) _warn_unused_;
/* Is this the answer to that question, as the server signed it? proof: the header's text, NULL when
 * absent. SIGNATURE. */
int swb_answer_question_check(const struct swb_answer_keys *keys,
                              const struct swb_answer_question *question, const char *proof,
                              const void *answer, size_t n_bytes,
                              struct swb_error *err) _warn_unused_;
