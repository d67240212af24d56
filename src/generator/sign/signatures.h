/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/sign/signatures.h - the Signatures messages of a payload
 *
 * Either made with keys at hand, or left as room: signatures of zeros of given sizes, which
 * generator/sign/attach.h replaces by what an external signer made.
 */
#include "base/buf.h"
#include "os/signer.h"
#include "payload/format.h"

#define SWB_SIGNATURES_MAX SWB_KEYS_MAX
#define SWB_SIGNATURE_BYTES_MAX 512u /* RSA of 4096 bits */

struct swb_signing {
        struct swb_signer *signers[SWB_SIGNATURES_MAX]; /* owned; NULL entries: room only */
        size_t sizes[SWB_SIGNATURES_MAX];               /* of each signature, padded */
        size_t n;                                       /* 0: the payload is not signed */
};

void swb_signing_done(struct swb_signing *signing);
/* See swb_signer_load(). LIMIT above SWB_SIGNATURES_MAX, CONFIG for a key given twice. */
int swb_signing_add_key(struct swb_signing *signing, const char *key, const char *pin,
                        struct swb_error *err) _warn_unused_;
/* USAGE unless n_bytes is 72 (P-256), 256, 384 or 512 (RSA). */
int swb_signing_add_room(struct swb_signing *signing, uint64_t n_bytes,
                         struct swb_error *err) _warn_unused_;
bool swb_signing_is_room(const struct swb_signing *signing);

/* Size of each of the two messages, 0 when not signed. */
int swb_signing_message_bytes(const struct swb_signing *signing, uint32_t *ret,
                              struct swb_error *err) _warn_unused_;
/* Appends the message for a digest. */
int swb_signing_write(const struct swb_signing *signing, const uint8_t *digest, struct swb_buf *buf,
                      struct swb_error *err) _warn_unused_;
/* The first key's bare signature, for the JSON manifest. */
int swb_signing_first(const struct swb_signing *signing, const uint8_t *digest, uint8_t *ret_data,
                      size_t *ret_n, struct swb_error *err) _warn_unused_;
