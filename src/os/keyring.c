/* SPDX-License-Identifier: Apache-2.0 */
#include "os/keyring.h"

#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "os/file.h"
#include "os/openssl_key.h"

#define PEM_MAX_BYTES ((size_t)64 << 10)
#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 4096

struct keyring_entry {
        EVP_PKEY *key;
        char id[SWB_KEY_ID_SIZE];
};

struct swb_keyring {
        struct keyring_entry entries[SWB_KEYS_MAX];
        size_t n;
        unsigned n_required;
};

static void free_der(unsigned char **der)
{
        OPENSSL_free(*der);
}

static void free_paths(char ***paths)
{
        for (char **p = *paths; p && *p; p++)
                free(*p);
        free(*paths);
}

int swb_openssl_fail(struct swb_error *err, int code, enum swb_fault fault, const char *what,
                     const char *name)
{
        unsigned long error = ERR_peek_last_error();
        const char *reason = error ? ERR_reason_error_string(error) : NULL;

        code = swb_fail(err, code, fault, "%s: %s (%s)", name, what, reason ? reason : "no reason");
        ERR_clear_error();
        return code;
}

int swb_openssl_no_password(char *buf, int size, int rwflag, void *context)
{
        (void)buf;
        (void)size;
        (void)rwflag;
        (void)context;
        return -1;
}

static int check_kind(EVP_PKEY *key, const char *name, struct swb_error *err)
{
        int kind = EVP_PKEY_get_base_id(key), bits = EVP_PKEY_get_bits(key);
        char group[32];

        if (kind == EVP_PKEY_RSA) {
                if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS)
                        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                        "%s: RSA key of %d bits, %d to %d are accepted", name, bits,
                                        RSA_MIN_BITS, RSA_MAX_BITS);
                return 0;
        }
        if (kind != EVP_PKEY_EC)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: %s key, only RSA and ECDSA on P-256 are accepted", name,
                                EVP_PKEY_get0_type_name(key));
        if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                           NULL) != 1 ||
            strcmp(group, SN_X9_62_prime256v1) != 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: ECDSA key of %d bits on another curve than P-256", name, bits);
        return 0;
}

int swb_openssl_key_id(EVP_PKEY *key, const char *name, char *ret_id, struct swb_error *err)
{
        _cleanup_(free_der) unsigned char *der = NULL;
        uint8_t digest[SWB_SHA256_BYTES];
        int n, r;

        r = check_kind(key, name, err);
        if (r < 0)
                return r;
        n = i2d_PUBKEY(key, &der);
        if (n <= 0)
                return swb_openssl_fail(err, -EINVAL, SWB_FAULT_CONFIG, "can't encode the key",
                                        name);
        swb_sha256(der, (size_t)n, digest);
        swb_hex_encode(digest, (SWB_KEY_ID_SIZE - 1) / 2, ret_id);
        return 0;
}

int swb_keyring_new(struct swb_keyring **ret, struct swb_error *err)
{
        struct swb_keyring *ring = calloc(1, sizeof(*ring));

        if (!ring)
                return swb_oom(err);
        ring->n_required = 1;
        *ret = ring;
        return 0;
}

struct swb_keyring *swb_keyring_free(struct swb_keyring *ring)
{
        if (!ring)
                return NULL;
        for (size_t i = 0; i < ring->n; i++)
                EVP_PKEY_free(ring->entries[i].key);
        free(ring);
        return NULL;
}

/* Compares the keys, not their ids: one key can be written down in two ways (a point of the curve
 * in full or compressed), and must not count twice where several keys are asked for. */
static bool has_key(const struct swb_keyring *ring, const EVP_PKEY *key)
{
        for (size_t i = 0; i < ring->n; i++)
                if (EVP_PKEY_eq(ring->entries[i].key, key) == 1)
                        return true;
        return false;
}

/* One file, one key: a second one that is silently left out would surprise somebody later. */
static int read_only_key(BIO *bio, const char *name, EVP_PKEY **ret, struct swb_error *err)
{
        _cleanup_(swb_openssl_free_key) EVP_PKEY *key = NULL, *second = NULL;

        key = PEM_read_bio_PUBKEY(bio, NULL, swb_openssl_no_password, NULL);
        if (!key)
                return swb_openssl_fail(err, -EINVAL, SWB_FAULT_CONFIG, "not a PEM public key",
                                        name);
        second = PEM_read_bio_PUBKEY(bio, NULL, swb_openssl_no_password, NULL);
        ERR_clear_error();
        if (second)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: holds several keys, put each into a file of its own", name);
        *ret = SWB_TAKE_PTR(key);
        return 0;
}

int swb_keyring_add_pem(struct swb_keyring *ring, const char *name, const void *pem, size_t n_bytes,
                        struct swb_error *err)
{
        _cleanup_(swb_openssl_free_bio) BIO *bio = NULL;
        _cleanup_(swb_openssl_free_key) EVP_PKEY *key = NULL;
        char id[SWB_KEY_ID_SIZE];
        int r;

        if (n_bytes == 0 || n_bytes > PEM_MAX_BYTES)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "%s: %zu bytes are no key", name,
                                n_bytes);
        bio = BIO_new_mem_buf(pem, (int)n_bytes);
        if (!bio)
                return swb_oom(err);
        r = read_only_key(bio, name, &key, err);
        if (r < 0)
                return r;
        r = swb_openssl_key_id(key, name, id, err);
        if (r < 0)
                return r;
        if (has_key(ring, key))
                return 0;
        if (ring->n == SWB_KEYS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_CONFIG, "%s: more than %d keys", name,
                                SWB_KEYS_MAX);
        memcpy(ring->entries[ring->n].id, id, sizeof(id));
        ring->entries[ring->n++].key = SWB_TAKE_PTR(key);
        return 0;
}

int swb_keyring_add_file(struct swb_keyring *ring, const char *path, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf pem = SWB_BUF_INIT(PEM_MAX_BYTES);
        int r;

        r = swb_read_file(path, &pem, err);
        if (r < 0)
                return r;
        return swb_keyring_add_pem(ring, path, pem.data, pem.n_bytes, err);
}

static int compare_paths(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Fills paths (room for SWB_KEYS_MAX and a NULL), sorted by name. */
static int list_pem_files(const char *path, char **paths, struct swb_error *err)
{
        _cleanup_closedir_ DIR *dir = opendir(path);
        const struct dirent *entry;
        size_t n = 0;

        if (!dir)
                return swb_fail_errno(err, errno, "open folder %s", path);
        for (;;) {
                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        break;
                if (entry->d_name[0] == '.' || !swb_ends_with(entry->d_name, ".pem"))
                        continue;
                if (n == SWB_KEYS_MAX)
                        return swb_fail(err, -E2BIG, SWB_FAULT_CONFIG, "%s: more than %d keys",
                                        path, SWB_KEYS_MAX);
                if (asprintf(&paths[n], "%s/%s", path, entry->d_name) < 0) {
                        paths[n] = NULL;
                        return swb_oom(err);
                }
                n++;
        }
        if (errno != 0)
                return swb_fail_errno(err, errno, "read folder %s", path);
        if (n == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_CONFIG, "%s: no *.pem file, no keys", path);
        qsort(paths, n, sizeof(paths[0]), compare_paths);
        return 0;
}

int swb_keyring_add_dir(struct swb_keyring *ring, const char *path, struct swb_error *err)
{
        _cleanup_(free_paths) char **paths = calloc(SWB_KEYS_MAX + 1, sizeof(*paths));
        int r;

        if (!paths)
                return swb_oom(err);
        r = list_pem_files(path, paths, err);
        for (char **p = paths; r >= 0 && *p; p++)
                r = swb_keyring_add_file(ring, *p, err);
        return r;
}

int swb_keyring_require(struct swb_keyring *ring, uint64_t n, struct swb_error *err)
{
        if (n == 0 || n > ring->n)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "signatures of %" PRIu64 " keys are demanded, but there are %zu "
                                "keys: nothing could ever be trusted",
                                n, ring->n);
        ring->n_required = (unsigned)n;
        return 0;
}

unsigned swb_keyring_required(const struct swb_keyring *ring)
{
        return ring->n_required;
}

size_t swb_keyring_count(const struct swb_keyring *ring)
{
        return ring->n;
}

const char *swb_keyring_id(const struct swb_keyring *ring, size_t index)
{
        return index < ring->n ? ring->entries[index].id : NULL;
}

/* Return: 1 it verifies, 0 it does not, < 0 OpenSSL can't even try. */
static int verify_one(EVP_PKEY *key, const uint8_t *digest, const uint8_t *signature,
                      size_t n_signature, struct swb_error *err)
{
        _cleanup_(swb_openssl_free_key_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
        bool ready;
        int r;

        ready = ctx && EVP_PKEY_verify_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1;
        if (ready && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
                ready = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
        if (!ready)
                return swb_openssl_fail(err, -EIO, SWB_FAULT_INTERNAL, "can't verify", "OpenSSL");
        r = EVP_PKEY_verify(ctx, signature, n_signature, digest, SWB_SHA256_BYTES);
        ERR_clear_error(); /* a malformed signature is just one that does not verify */
        return r == 1;
}

int swb_keyring_verify(const struct swb_keyring *ring, const uint8_t *digest,
                       const uint8_t *signature, size_t n_signature, char *ret_key_id,
                       struct swb_error *err)
{
        int r;

        for (size_t i = 0; i < ring->n; i++) {
                r = verify_one(ring->entries[i].key, digest, signature, n_signature, err);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                if (ret_key_id)
                        memcpy(ret_key_id, ring->entries[i].id, SWB_KEY_ID_SIZE);
                return 0;
        }
        return 1;
}

int swb_keyring_vote(const struct swb_keyring *ring, const uint8_t *digest,
                     const uint8_t *signature, size_t n_signature, struct swb_key_votes *votes,
                     struct swb_error *err)
{
        for (size_t i = 0; i < ring->n; i++) {
                int r;

                if (votes->by_key[i])
                        continue;
                r = verify_one(ring->entries[i].key, digest, signature, n_signature, err);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                votes->by_key[i] = true;
                votes->n++;
                return 0;
        }
        return 0;
}

bool swb_keyring_is_enough(const struct swb_keyring *ring, const struct swb_key_votes *votes)
{
        return votes->n >= ring->n_required;
}
