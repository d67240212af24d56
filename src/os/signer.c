/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL 3.0 always draws a random nonce for ECDSA (the deterministic ones came with 3.2). Here
 * the nonce is made as RFC 6979 says and handed to ECDSA_do_sign_ex(), which OpenSSL 3 marks as
 * deprecated; the arithmetic on the private key stays OpenSSL's.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "os/signer.h"

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/text.h"
#include "os/file.h"
#include "os/openssl_key.h"
#include "os/openssl_token.h"

#define PEM_MAX_BYTES ((size_t)64 << 10)
#define P256_BYTES 32

struct swb_signer {
        EVP_PKEY *key;               /* with a token: its public half only */
        struct swb_token_key *token; /* NULL: the key was read from a file */
        char id[SWB_KEY_ID_SIZE];
};

static void free_ec_key(EC_KEY **key)
{
        EC_KEY_free(*key);
}

static void free_ec_point(EC_POINT **point)
{
        EC_POINT_free(*point);
}

static void free_secret_number(BIGNUM **number)
{
        BN_clear_free(*number);
}

/* The context's scratch numbers hold secrets too; BN_CTX_secure_new() wipes them. */
static void free_bn_ctx(BN_CTX **ctx)
{
        BN_CTX_free(*ctx);
}

static void wipe_secret(struct swb_buf *buf)
{
        OPENSSL_cleanse(buf->data, buf->cap);
        swb_buf_done(buf);
}

static int load_file(struct swb_signer *signer, const char *path, struct swb_error *err)
{
        _cleanup_(wipe_secret) struct swb_buf pem = SWB_BUF_INIT(PEM_MAX_BYTES);
        _cleanup_(swb_openssl_free_bio) BIO *bio = NULL;
        int r;

        r = swb_read_file(path, &pem, err);
        if (r < 0)
                return r;
        bio = BIO_new_mem_buf(pem.data ? pem.data : (const void *)"", (int)pem.n_bytes);
        if (!bio)
                return swb_oom(err);
        signer->key = PEM_read_bio_PrivateKey(bio, NULL, swb_openssl_no_password, NULL);
        if (!signer->key)
                return swb_openssl_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                        "not a PEM private key without a pass phrase", path);
        return 0;
}

static int open_token(struct swb_signer *signer, const char *uri, const char *pin,
                      struct swb_error *err)
{
        int r = swb_token_key_open(uri, pin, &signer->token, err);

        return r < 0 ? r : swb_token_to_openssl(signer->token, uri, &signer->key, err);
}

int swb_signer_load(const char *key, const char *pin, struct swb_signer **ret,
                    struct swb_error *err)
{
        _cleanup_(swb_signer_freep) struct swb_signer *signer = calloc(1, sizeof(*signer));
        int r;

        if (!signer)
                return swb_oom(err);
        r = swb_starts_with(key, "pkcs11:") ? open_token(signer, key, pin, err)
                                            : load_file(signer, key, err);
        if (r == 0)
                r = swb_openssl_key_id(signer->key, key, signer->id, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(signer);
        return 0;
}

struct swb_signer *swb_signer_free(struct swb_signer *signer)
{
        if (!signer)
                return NULL;
        EVP_PKEY_free(signer->key);
        (void)swb_token_key_free(signer->token);
        free(signer);
        return NULL;
}

const char *swb_signer_id(const struct swb_signer *signer)
{
        return signer->id;
}

size_t swb_signer_size(const struct swb_signer *signer)
{
        return (size_t)EVP_PKEY_get_size(signer->key);
}

static int sign_rsa(const struct swb_signer *signer, const uint8_t *digest, uint8_t *ret_signature,
                    size_t *ret_n, struct swb_error *err)
{
        _cleanup_(swb_openssl_free_key_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(signer->key, NULL);
        size_t n = swb_signer_size(signer);

        if (!ctx || EVP_PKEY_sign_init(ctx) != 1 ||
            EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
            EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1 ||
            EVP_PKEY_sign(ctx, ret_signature, &n, digest, SWB_SHA256_BYTES) != 1)
                return swb_openssl_fail(err, -EIO, SWB_FAULT_INTERNAL, "can't sign", "RSA");
        *ret_n = n;
        return 0;
}

/* RFC 6979 section 3.2: the generator's two values. */
struct nonce_state {
        uint8_t k[SWB_SHA256_BYTES];
        uint8_t v[SWB_SHA256_BYTES];
};

static void wipe_nonce_state(struct nonce_state *state)
{
        OPENSSL_cleanse(state, sizeof(*state));
}

/* K = HMAC_K(V || separator || data), V = HMAC_K(V). */
static bool nonce_mix(struct nonce_state *state, uint8_t separator, const uint8_t *data, size_t n)
{
        uint8_t message[SWB_SHA256_BYTES + 1 + 2 * P256_BYTES];
        bool ok;

        memcpy(message, state->v, sizeof(state->v));
        message[SWB_SHA256_BYTES] = separator;
        if (n > 0)
                memcpy(message + SWB_SHA256_BYTES + 1, data, n);
        ok = HMAC(EVP_sha256(), state->k, sizeof(state->k), message, SWB_SHA256_BYTES + 1 + n,
                  state->k, NULL) &&
             HMAC(EVP_sha256(), state->k, sizeof(state->k), state->v, sizeof(state->v), state->v,
                  NULL);
        OPENSSL_cleanse(message, sizeof(message));
        return ok;
}

static bool nonce_seed(struct nonce_state *state, const BIGNUM *private, const uint8_t *digest,
                       const BIGNUM *order, BN_CTX *scratch)
{
        _cleanup_(free_secret_number) BIGNUM *reduced = BN_bin2bn(digest, SWB_SHA256_BYTES, NULL);
        uint8_t seed[2 * P256_BYTES];
        bool ok;

        memset(state->k, 0x00, sizeof(state->k));
        memset(state->v, 0x01, sizeof(state->v));
        ok = reduced && BN_nnmod(reduced, reduced, order, scratch) == 1 &&
             BN_bn2binpad(private, seed, P256_BYTES) == P256_BYTES &&
             BN_bn2binpad(reduced, seed + P256_BYTES, P256_BYTES) == P256_BYTES &&
             nonce_mix(state, 0x00, seed, sizeof(seed)) &&
             nonce_mix(state, 0x01, seed, sizeof(seed));
        OPENSSL_cleanse(seed, sizeof(seed));
        return ok;
}

/* The first candidate in 1 .. order - 1. For P-256 the digest is as long as the order, so one
 * HMAC makes one candidate and no bits are dropped. */
static bool derive_nonce(BIGNUM *nonce, const BIGNUM *private, const uint8_t *digest,
                         const BIGNUM *order, BN_CTX *scratch)
{
        _cleanup_(wipe_nonce_state) struct nonce_state state;

        if (!nonce_seed(&state, private, digest, order, scratch))
                return false;
        for (;;) {
                if (!HMAC(EVP_sha256(), state.k, sizeof(state.k), state.v, sizeof(state.v), state.v,
                          NULL) ||
                    !BN_bin2bn(state.v, sizeof(state.v), nonce))
                        return false;
                if (!BN_is_zero(nonce) && BN_cmp(nonce, order) < 0)
                        return true;
                if (!nonce_mix(&state, 0x00, NULL, 0))
                        return false;
        }
}

/* r = x(nonce * G) mod order; inverse = nonce^(order - 2) mod order, in constant time. */
static bool commit_nonce(const EC_GROUP *group, const BIGNUM *nonce, BIGNUM *r, BIGNUM *inverse,
                         BN_CTX *scratch)
{
        _cleanup_(free_ec_point) EC_POINT *point = EC_POINT_new(group);
        _cleanup_(free_secret_number) BIGNUM *exponent = BN_dup(EC_GROUP_get0_order(group));
        const BIGNUM *order = EC_GROUP_get0_order(group);

        return point && exponent && EC_POINT_mul(group, point, nonce, NULL, NULL, scratch) == 1 &&
               EC_POINT_get_affine_coordinates(group, point, r, NULL, scratch) == 1 &&
               BN_nnmod(r, r, order, scratch) == 1 && !BN_is_zero(r) &&
               BN_sub_word(exponent, 2) == 1 &&
               BN_mod_exp_mont_consttime(inverse, nonce, exponent, order, scratch, NULL) == 1;
}

static ECDSA_SIG *sign_p256(EC_KEY *key, const uint8_t *digest)
{
        _cleanup_(free_bn_ctx) BN_CTX *scratch = BN_CTX_secure_new();
        _cleanup_(free_secret_number) BIGNUM *nonce = BN_secure_new();
        _cleanup_(free_secret_number) BIGNUM *inverse = BN_secure_new();
        _cleanup_(free_secret_number) BIGNUM *r = BN_new();
        const EC_GROUP *group = EC_KEY_get0_group(key);

        if (!scratch || !nonce || !inverse || !r)
                return NULL;
        BN_set_flags(nonce, BN_FLG_CONSTTIME);
        if (!derive_nonce(nonce, EC_KEY_get0_private_key(key), digest, EC_GROUP_get0_order(group),
                          scratch) ||
            !commit_nonce(group, nonce, r, inverse, scratch))
                return NULL;
        return ECDSA_do_sign_ex(digest, SWB_SHA256_BYTES, inverse, r, key);
}

static int sign_ecdsa(const struct swb_signer *signer, const uint8_t *digest,
                      uint8_t *ret_signature, size_t *ret_n, struct swb_error *err)
{
        _cleanup_(free_ec_key) EC_KEY *key = EVP_PKEY_get1_EC_KEY(signer->key);
        _cleanup_(swb_openssl_free_ec_signature) ECDSA_SIG *signature = NULL;
        uint8_t *end = ret_signature;
        int n;

        signature = key ? sign_p256(key, digest) : NULL;
        n = signature ? i2d_ECDSA_SIG(signature, NULL) : -1;
        if (n <= 0 || (size_t)n > swb_signer_size(signer))
                return swb_openssl_fail(err, -EIO, SWB_FAULT_INTERNAL, "can't sign", "ECDSA");
        *ret_n = (size_t)i2d_ECDSA_SIG(signature, &end);
        return 0;
}

int swb_signer_sign(const struct swb_signer *signer, const uint8_t *digest, uint8_t *ret_signature,
                    size_t *ret_n, struct swb_error *err)
{
        if (signer->token)
                return swb_token_sign(signer->token, signer->key, digest, ret_signature, ret_n,
                                      err);
        if (EVP_PKEY_get_base_id(signer->key) == EVP_PKEY_RSA)
                return sign_rsa(signer, digest, ret_signature, ret_n, err);
        return sign_ecdsa(signer, digest, ret_signature, ret_n, err);
}

int swb_signer_public_pem(const struct swb_signer *signer, char **ret_pem, struct swb_error *err)
{
        _cleanup_(swb_openssl_free_bio) BIO *bio = BIO_new(BIO_s_mem());
        char *text, *pem;
        long n;

        if (!bio || PEM_write_bio_PUBKEY(bio, signer->key) != 1)
                return swb_openssl_fail(err, -EIO, SWB_FAULT_INTERNAL, "can't write the public key",
                                        signer->id);
        n = BIO_get_mem_data(bio, &text);
        pem = strndup(text, (size_t)n);
        if (!pem)
                return swb_oom(err);
        *ret_pem = pem;
        return 0;
}

static EVP_PKEY *generate(const char *type)
{
        static const struct {
                const char *name;
                size_t bits;
        } rsa[] = {{"rsa2048", 2048}, {"rsa3072", 3072}, {"rsa4096", 4096}};

        ERR_clear_error(); /* so that "unknown type" can be told from "failed" */
        if (strcmp(type, "p256") == 0)
                return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        for (size_t i = 0; i < SWB_ELEMENTS(rsa); i++)
                if (strcmp(type, rsa[i].name) == 0)
                        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", rsa[i].bits);
        return NULL;
}

static int create_new(const char *path, mode_t mode, int *ret_fd, struct swb_error *err)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

        if (fd < 0)
                return swb_fail_errno(err, errno, "create %s", path);
        *ret_fd = fd;
        return 0;
}

static int write_key(int fd, const char *path, EVP_PKEY *key, bool private, struct swb_error *err)
{
        _cleanup_(swb_openssl_free_bio) BIO *bio = BIO_new(BIO_s_secmem());
        char *text;
        long n;
        int r;

        if (!bio)
                return swb_oom(err);
        r = private ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                    : PEM_write_bio_PUBKEY(bio, key);
        if (r != 1)
                return swb_openssl_fail(err, -EIO, SWB_FAULT_INTERNAL, "can't encode the key",
                                        path);
        n = BIO_get_mem_data(bio, &text);
        r = swb_write_all(fd, path, text, (size_t)n, err);
        if (r < 0)
                return r;
        if (fsync(fd) < 0)
                return swb_fail_errno(err, errno, "sync %s", path);
        return 0;
}

static int write_pair(EVP_PKEY *key, const char *private_path, int public_fd,
                      const char *public_path, struct swb_error *err)
{
        _cleanup_close_ int private_fd = -EBADF;
        int r;

        r = create_new(private_path, 0600, &private_fd, err);
        if (r < 0)
                return r;
        r = write_key(private_fd, private_path, key, true, err);
        if (r >= 0)
                r = write_key(public_fd, public_path, key, false, err);
        if (r < 0)
                (void)unlink(private_path); /* ours, and half a pair is worth nothing */
        return r;
}

int swb_key_generate(const char *type, const char *private_path, const char *public_path,
                     struct swb_error *err)
{
        _cleanup_(swb_openssl_free_key) EVP_PKEY *key = generate(type);
        _cleanup_close_ int public_fd = -EBADF;
        int r;

        if (!key && ERR_peek_last_error() == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "key type '%s': rsa2048, rsa3072, rsa4096 or p256", type);
        if (!key)
                return swb_openssl_fail(err, -EIO, SWB_FAULT_INTERNAL, "can't make a key", type);
        r = create_new(public_path, 0644, &public_fd, err);
        if (r < 0)
                return r;
        r = write_pair(key, private_path, public_fd, public_path, err);
        if (r < 0)
                (void)unlink(public_path);
        return r;
}
