/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/answer_keys.h"

#include <inttypes.h>
#include <sys/random.h>

#include "base/text.h"
#include "os/hash.h"

#define NONCE_BYTES 32
#define SUFFIX ".pem"

/* "3.pem" is 3. */
static bool id_of_name(const char *name, uint64_t *ret_id)
{
        size_t n = strlen(name);
        char id[24];

        if (!swb_ends_with(name, SUFFIX) || n - strlen(SUFFIX) >= sizeof(id))
                return false;
        n -= strlen(SUFFIX);
        memcpy(id, name, n);
        id[n] = '\0';
        return swb_parse_u64(id, ret_id) >= 0;
}

static int find_highest(const char *folder, uint64_t *ret_id, struct swb_error *err)
{
        struct dirent *entry;
        bool found = false;
        uint64_t id;
        DIR *dir = opendir(folder);

        if (!dir)
                return swb_fail(err, -errno, SWB_FAULT_CONFIG, "open '%s': %s", folder,
                                strerror(errno));
        while ((entry = readdir(dir)))
                if (id_of_name(entry->d_name, &id) && (!found || id > *ret_id)) {
                        *ret_id = id;
                        found = true;
                }
        (void)closedir(dir);
        return found ? 0
                     : swb_fail(err, -ENOENT, SWB_FAULT_CONFIG,
                                "'%s' has no key: put a PEM file with the key's number as name "
                                "there, as 1" SUFFIX,
                                folder);
}

int swb_answer_keys_load(const char *folder, struct swb_answer_keys *ret, struct swb_error *err)
{
        _cleanup_(swb_keyring_freep) struct swb_keyring *ring = NULL;
        _cleanup_free_ char *path = NULL;
        uint64_t id = 0;
        int r;

        r = find_highest(folder, &id, err);
        if (r < 0)
                return r;
        if (asprintf(&path, "%s/%" PRIu64 SUFFIX, folder, id) < 0) {
                path = NULL;
                return swb_oom(err);
        }
        r = swb_keyring_new(&ring, err);
        if (r >= 0)
                r = swb_keyring_add_file(ring, path, err);
        if (r < 0)
                return r;
        *ret = (struct swb_answer_keys){.id = id, .ring = SWB_TAKE_PTR(ring)};
        return 0;
}

void swb_answer_keys_done(struct swb_answer_keys *keys)
{
        (void)swb_keyring_free(keys->ring);
        *keys = (struct swb_answer_keys){0};
}

/* base64url without padding. */
static void make_url_safe(char *base64)
{
        for (char *p = base64; *p; p++) {
                if (*p == '+')
                        *p = '-';
                else if (*p == '/')
                        *p = '_';
                else if (*p == '=')
                        *p = '\0';
        }
}

int swb_answer_question_begin(const struct swb_answer_keys *keys, const char *base_url,
                              const void *body, size_t n_bytes, struct swb_answer_question *ret,
                              struct swb_buf *url, struct swb_error *err)
{
        struct swb_answer_question question = {.cup2key = ""};
        char text[SWB_BASE64_SIZE(NONCE_BYTES)], hex[SWB_SHA256_HEX];
        uint8_t nonce[NONCE_BYTES];
        int r;

        /* A guessable nonce would let an old answer pass: without randomness there is no question.
         */
        if (getrandom(nonce, sizeof(nonce), 0) != sizeof(nonce))
                return swb_fail_errno(err, -EIO, "get random numbers");
        swb_base64_encode(nonce, sizeof(nonce), text);
        make_url_safe(text);
        (void)snprintf(question.cup2key, sizeof(question.cup2key), "%" PRIu64 ":%s", keys->id,
                       text);
        swb_sha256(body, n_bytes, question.request_sha256);
        swb_hex_encode(question.request_sha256, sizeof(question.request_sha256), hex);
        r = swb_buf_printf(url, "%s%ccup2key=%s&cup2hreq=%s", base_url,
                           strchr(base_url, '?') ? '&' : '?', question.cup2key, hex);
        if (r >= 0)
                r = swb_buf_append(url, "", 1);
        if (r < 0)
                return r == -ENOMEM ? swb_oom(err)
                                    : swb_fail(err, r, SWB_FAULT_LIMIT, "the URL is too long");
        *ret = question;
        return 0;
}

/* OM-29: the signature is over a hash of a hash. */
static void digest_of(const struct swb_answer_question *question, const void *answer,
                      size_t n_bytes, uint8_t *ret_digest)
{
        uint8_t message[SWB_CUP_MESSAGE_MAX], hash[SWB_SHA256_BYTES];
        size_t n;

        swb_sha256(answer, n_bytes, hash);
        n = swb_cup_message(question->request_sha256, hash, question->cup2key, message);
        swb_sha256(message, n, hash);
        swb_sha256(hash, sizeof(hash), ret_digest);
}

int swb_answer_question_check(const struct swb_answer_keys *keys,
                              const struct swb_answer_question *question, const char *proof_text,
                              const void *answer, size_t n_bytes, struct swb_error *err)
{
        uint8_t digest[SWB_SHA256_BYTES];
        struct swb_cup_proof proof;
        int r;

        if (!proof_text)
                return swb_fail(err, -EBADMSG, SWB_FAULT_SIGNATURE,
                                "the server's answer is not signed; it was to be with key %" PRIu64,
                                keys->id);
        if (swb_cup_proof_parse(proof_text, &proof) < 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_SIGNATURE,
                                "the server's answer has a proof that can't be read");
        if (memcmp(proof.request_sha256, question->request_sha256, SWB_CUP_HASH_BYTES) != 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_SIGNATURE,
                                "the server answered another question: it was altered on its way, "
                                "or an old answer is replayed");
        digest_of(question, answer, n_bytes, digest);
        r = swb_keyring_verify(keys->ring, digest, proof.signature, proof.n_signature, NULL, err);
        if (r <= 0)
                return r;
        return swb_fail(err, -EBADMSG, SWB_FAULT_SIGNATURE,
                        "the server's answer is not what key %" PRIu64
                        " signed: it was altered on its way, or an old one is replayed",
                        keys->id);
}
