/* SPDX-License-Identifier: Apache-2.0 */
#include "omaha/cup.h"

#include "base/text.h"

int swb_cup_key_id(const char *cup2key, uint64_t *ret_id)
{
        size_t n = strcspn(cup2key, ":");
        char id[24];

        if (strlen(cup2key) > SWB_CUP_KEY_MAX || n >= sizeof(id) || cup2key[n] != ':' ||
            !cup2key[n + 1])
                return -EINVAL;
        for (const char *p = cup2key; *p; p++)
                if (*p <= 0x20 || *p >= 0x7f)
                        return -EINVAL;
        memcpy(id, cup2key, n);
        id[n] = '\0';
        return swb_parse_u64(id, ret_id) < 0 ? -EINVAL : 0;
}

size_t swb_cup_message(const uint8_t *request_sha256, const uint8_t *answer_sha256,
                       const char *cup2key, uint8_t *ret_message)
{
        size_t n_key = strlen(cup2key);

        swb_assert(n_key <= SWB_CUP_KEY_MAX);
        memcpy(ret_message, request_sha256, SWB_CUP_HASH_BYTES);
        memcpy(ret_message + SWB_CUP_HASH_BYTES, answer_sha256, SWB_CUP_HASH_BYTES);
        memcpy(ret_message + 2 * SWB_CUP_HASH_BYTES, cup2key, n_key);
        return 2 * SWB_CUP_HASH_BYTES + n_key;
}

void swb_cup_proof_write(const struct swb_cup_proof *proof, char *text)
{
        size_t n = 2 * proof->n_signature;

        swb_assert(proof->n_signature <= SWB_CUP_SIGNATURE_MAX);
        swb_hex_encode(proof->signature, proof->n_signature, text);
        text[n] = ':';
        swb_hex_encode(proof->request_sha256, sizeof(proof->request_sha256), text + n + 1);
}

/* Takes the dress of an entity tag off; *ret_n: the proof's length. */
static const char *undress(const char *text, size_t *ret_n)
{
        size_t n;

        if (strncmp(text, "W/", 2) == 0)
                text += 2;
        n = strlen(text);
        if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
                text++;
                n -= 2;
        }
        *ret_n = n;
        return text;
}

int swb_cup_proof_parse(const char *text, struct swb_cup_proof *ret)
{
        struct swb_cup_proof proof = {.n_signature = 0};
        char copy[SWB_CUP_PROOF_TEXT], *colon;
        size_t n, n_hex;

        text = undress(text, &n);
        if (n >= sizeof(copy))
                return -EINVAL;
        memcpy(copy, text, n);
        copy[n] = '\0';
        colon = strchr(copy, ':');
        if (!colon)
                return -EINVAL;
        *colon = '\0';
        n_hex = strlen(copy);
        if (n_hex % 2 != 0 || n_hex / 2 < SWB_CUP_SIGNATURE_MIN ||
            n_hex / 2 > SWB_CUP_SIGNATURE_MAX ||
            swb_hex_decode(copy, proof.signature, n_hex / 2) < 0 ||
            swb_hex_decode(colon + 1, proof.request_sha256, sizeof(proof.request_sha256)) < 0)
                return -EINVAL;
        proof.n_signature = n_hex / 2;
        *ret = proof;
        return 0;
}
