/* SPDX-License-Identifier: Apache-2.0 */
#include "server/respond/proof.h"

#include "base/text.h"
#include "os/hash.h"
#include "os/signer.h"

struct swb_proof_keys {
        struct {
                uint64_t id;
                struct swb_signer *signer;
        } list[SWB_PROOF_KEYS_MAX];
        size_t n;
};

static const struct swb_signer *find(const struct swb_proof_keys *keys, uint64_t id)
{
        for (size_t i = 0; i < keys->n; i++)
                if (keys->list[i].id == id)
                        return keys->list[i].signer;
        return NULL;
}

static int add(struct swb_proof_keys *keys, const char *text, struct swb_error *err)
{
        struct swb_signer *signer = NULL;
        const char *colon = strchr(text, ':');
        char number[24];
        uint64_t id;
        int r;

        if (!colon || (size_t)(colon - text) >= sizeof(number))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%s' is not ID:FILE, with a number as ID", text);
        memcpy(number, text, (size_t)(colon - text));
        number[colon - text] = '\0';
        if (swb_parse_u64(number, &id) < 0 || find(keys, id))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%s' is not ID:FILE, with a number of its own as ID", text);
        r = swb_signer_load(colon + 1, NULL, &signer, err);
        if (r < 0)
                return r;
        keys->list[keys->n].id = id;
        keys->list[keys->n++].signer = signer;
        if (swb_signer_size(signer) > SWB_CUP_SIGNATURE_MAX)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "'%s' is no ECDSA key on P-256: make one with swb-pack keygen "
                                "--type=p256",
                                colon + 1);
        return 0;
}

int swb_proof_keys_new(const char *const *texts, size_t n, struct swb_proof_keys **ret,
                       struct swb_error *err)
{
        _cleanup_(swb_proof_keys_freep) struct swb_proof_keys *keys = calloc(1, sizeof(*keys));

        if (!keys)
                return swb_oom(err);
        if (n > SWB_PROOF_KEYS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE, "more than %d keys",
                                SWB_PROOF_KEYS_MAX);
        for (size_t i = 0; i < n; i++) {
                int r = add(keys, texts[i], err);

                if (r < 0)
                        return r;
        }
        *ret = SWB_TAKE_PTR(keys);
        return 0;
}

struct swb_proof_keys *swb_proof_keys_free(struct swb_proof_keys *keys)
{
        if (!keys)
                return NULL;
        for (size_t i = 0; i < keys->n; i++)
                (void)swb_signer_free(keys->list[i].signer);
        free(keys);
        return NULL;
}

size_t swb_proof_keys_count(const struct swb_proof_keys *keys)
{
        return keys->n;
}

bool swb_proof_keys_have(const struct swb_proof_keys *keys, const char *cup2key)
{
        uint64_t id;

        return swb_cup_key_id(cup2key, &id) >= 0 && find(keys, id);
}

int swb_proof_make(const struct swb_proof_keys *keys, const char *cup2key, const void *request,
                   size_t n_request, const void *answer, size_t n_answer, char *ret_text,
                   struct swb_error *err)
{
        uint8_t message[SWB_CUP_MESSAGE_MAX], hash[SWB_SHA256_BYTES], digest[SWB_SHA256_BYTES];
        struct swb_cup_proof proof = {.n_signature = 0};
        const struct swb_signer *signer;
        uint64_t id;
        size_t n;
        int r;

        r = swb_cup_key_id(cup2key, &id);
        signer = r < 0 ? NULL : find(keys, id);
        if (!signer)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "no key for '%.80s'", cup2key);
        swb_sha256(request, n_request, proof.request_sha256);
        swb_sha256(answer, n_answer, hash);
        n = swb_cup_message(proof.request_sha256, hash, cup2key, message);
        swb_sha256(message, n, hash);
        /* OM-29: a hash of the hash is what is signed. */
        swb_sha256(hash, sizeof(hash), digest);
        r = swb_signer_sign(signer, digest, proof.signature, &proof.n_signature, err);
        if (r < 0)
                return r;
        swb_cup_proof_write(&proof, ret_text);
        return 0;
}
