/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/keyring.h - public keys that are trusted, and signature verification (wraps OpenSSL)
 *
 * Keys are PEM public keys: RSA of 2048 to 4096 bits, ECDSA on P-256. Any other key is refused by
 * name. A key's id is the first 16 hex digits of the SHA-256 of its DER SubjectPublicKeyInfo.
 * This file has no signing code: the device links it, os/signer.h is for the build side.
 */
#include "os/hash.h"

#define SWB_KEY_ID_SIZE 17
#define SWB_KEYS_MAX 16

struct swb_keyring;

int swb_keyring_new(struct swb_keyring **ret, struct swb_error *err) _warn_unused_;
struct swb_keyring *swb_keyring_free(struct swb_keyring *ring);
SWB_DEFINE_CLEANUP(struct swb_keyring *, swb_keyring_free)

/* CONFIG for a file that is not such a key. */
int swb_keyring_add_file(struct swb_keyring *ring, const char *path,
                         struct swb_error *err) _warn_unused_;
/* All *.pem of a folder, in name order; CONFIG when there is none or one is bad. */
int swb_keyring_add_dir(struct swb_keyring *ring, const char *path,
                        struct swb_error *err) _warn_unused_;
/* A PEM text in memory (`name` for messages). */
int swb_keyring_add_pem(struct swb_keyring *ring, const char *name, const void *pem, size_t n_bytes,
                        struct swb_error *err) _warn_unused_;

/*
 * How many of these keys must have signed for something to be trusted; 1 unless told otherwise.
 * After the keys: CONFIG for 0, or for more than there are.
 */
int swb_keyring_require(struct swb_keyring *ring, uint64_t n, struct swb_error *err) _warn_unused_;
unsigned swb_keyring_required(const struct swb_keyring *ring);

size_t swb_keyring_count(const struct swb_keyring *ring);
const char *swb_keyring_id(const struct swb_keyring *ring, size_t index);

/*
 * Tries every key. RSA: PKCS#1 v1.5 over the SHA-256 DigestInfo; ECDSA: DER.
 * Return: 0 and the id of the key that verified (ret_key_id: SWB_KEY_ID_SIZE bytes, may be NULL);
 * 1 when no key verifies it; < 0 for a failure of the library.
 */
int swb_keyring_verify(const struct swb_keyring *ring, const uint8_t *digest,
                       const uint8_t *signature, size_t n_signature, char *ret_key_id,
                       struct swb_error *err) _warn_unused_;

/* Which keys have signed: key i is in by_key[i]. Begins as {0}. */
struct swb_key_votes {
        bool by_key[SWB_KEYS_MAX];
        unsigned n;
};

/*
 * Counts a signature for the key that it verifies with. A key counts once, however often it
 * signed. Return: 0, also when no key verifies it; < 0 for a failure of the library.
 */
int swb_keyring_vote(const struct swb_keyring *ring, const uint8_t *digest,
                     const uint8_t *signature, size_t n_signature, struct swb_key_votes *votes,
                     struct swb_error *err) _warn_unused_;
/* As many keys as the ring requires. */
bool swb_keyring_is_enough(const struct swb_keyring *ring, const struct swb_key_votes *votes);
