/* SPDX-License-Identifier: Apache-2.0 */
#include "os/openssl_token.h"

#include <openssl/asn1.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "os/openssl_key.h"

#define P256_BYTES 32

static void free_builder(OSSL_PARAM_BLD **builder)
{
        OSSL_PARAM_BLD_free(*builder);
}

static void free_params(OSSL_PARAM **params)
{
        OSSL_PARAM_free(*params);
}

static void free_number(BIGNUM **number)
{
        BN_free(*number);
}

static void free_octets(ASN1_OCTET_STRING **octets)
{
        ASN1_OCTET_STRING_free(*octets);
}

static void free_object(ASN1_OBJECT **object)
{
        ASN1_OBJECT_free(*object);
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *builder)
{
        _cleanup_(free_params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
        _cleanup_(swb_openssl_free_key_ctx) EVP_PKEY_CTX *ctx =
                EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
        EVP_PKEY *key = NULL;

        if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
            EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
                return NULL;
        return key;
}

static EVP_PKEY *rsa_key(const struct swb_token_public *public)
{
        _cleanup_(free_number) BIGNUM *n = NULL, *e = NULL;
        _cleanup_(free_builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();

        n = BN_bin2bn(public->modulus.data, (int)public->modulus.n_bytes, NULL);
        e = BN_bin2bn(public->exponent.data, (int)public->exponent.n_bytes, NULL);
        if (!builder || !n || !e ||
            OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
            OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) != 1)
                return NULL;
        return from_params("RSA", builder);
}

/* The point should be an OCTET STRING with the point in it; some tokens give the bare point. */
static EVP_PKEY *ec_key(const struct swb_token_public *public)
{
        _cleanup_(free_octets) ASN1_OCTET_STRING *octets = NULL;
        _cleanup_(free_object) ASN1_OBJECT *name = NULL;
        _cleanup_(free_builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        const unsigned char *group = public->group.data, *point = public->point.data;
        size_t n_point = public->point.n_bytes;
        const char *curve;

        name = d2i_ASN1_OBJECT(NULL, &group, (long)public->group.n_bytes);
        curve = name ? OBJ_nid2sn(OBJ_obj2nid(name)) : NULL;
        if (n_point != 1 + 2 * P256_BYTES) {
                octets = d2i_ASN1_OCTET_STRING(NULL, &point, (long)n_point);
                point = octets ? ASN1_STRING_get0_data(octets) : NULL;
                n_point = octets ? (size_t)ASN1_STRING_length(octets) : 0;
        }
        if (!builder || !curve || !point ||
            OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) != 1 ||
            OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, n_point) != 1)
                return NULL;
        return from_params("EC", builder);
}

int swb_token_to_openssl(const struct swb_token_key *token, const char *name, EVP_PKEY **ret,
                         struct swb_error *err)
{
        _cleanup_(swb_token_public_done) struct swb_token_public public = {0};
        EVP_PKEY *key;
        int r = swb_token_key_public(token, &public, err);

        if (r < 0)
                return r;
        key = public.kind == SWB_TOKEN_RSA ? rsa_key(&public) : ec_key(&public);
        if (!key)
                return swb_openssl_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                        "the token's public key can't be used", name);
        *ret = key;
        return 0;
}

/* The token pads; the DigestInfo (RFC 8017, 9.2) is what it pads. */
static int sign_rsa(const struct swb_token_key *token, const uint8_t *digest,
                    uint8_t *ret_signature, size_t *ret_n, struct swb_error *err)
{
        static const uint8_t prefix[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                         0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
        uint8_t info[sizeof(prefix) + SWB_SHA256_BYTES];

        memcpy(info, prefix, sizeof(prefix));
        memcpy(info + sizeof(prefix), digest, SWB_SHA256_BYTES);
        return swb_token_key_sign(token, SWB_TOKEN_RSA, info, sizeof(info), ret_signature, ret_n,
                                  err);
}

/* Two bare numbers become DER. */
static int sign_ec(const struct swb_token_key *token, const uint8_t *digest, size_t n_room,
                   uint8_t *ret_signature, size_t *ret_n, struct swb_error *err)
{
        _cleanup_(swb_openssl_free_ec_signature) ECDSA_SIG *signature = ECDSA_SIG_new();
        uint8_t bare[2 * P256_BYTES], *end = ret_signature;
        size_t n = sizeof(bare);
        BIGNUM *r_number, *s_number;
        int r = swb_token_key_sign(token, SWB_TOKEN_EC, digest, SWB_SHA256_BYTES, bare, &n, err);

        if (r < 0)
                return r;
        r_number = BN_bin2bn(bare, P256_BYTES, NULL);
        s_number = BN_bin2bn(bare + P256_BYTES, P256_BYTES, NULL);
        if (n != sizeof(bare) || !signature || !r_number || !s_number ||
            ECDSA_SIG_set0(signature, r_number, s_number) != 1) {
                BN_free(r_number);
                BN_free(s_number);
                return swb_openssl_fail(err, -EIO, SWB_FAULT_IO, "not a signature on P-256",
                                        "token");
        }
        r = i2d_ECDSA_SIG(signature, NULL);
        if (r <= 0 || (size_t)r > n_room)
                return swb_openssl_fail(err, -EIO, SWB_FAULT_INTERNAL, "can't encode a signature",
                                        "token");
        *ret_n = (size_t)i2d_ECDSA_SIG(signature, &end);
        return 0;
}

static bool verifies(EVP_PKEY *public, const uint8_t *digest, const uint8_t *signature, size_t n)
{
        _cleanup_(swb_openssl_free_key_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(public, NULL);

        return ctx && EVP_PKEY_verify_init(ctx) == 1 &&
               EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
               EVP_PKEY_verify(ctx, signature, n, digest, SWB_SHA256_BYTES) == 1;
}

int swb_token_sign(const struct swb_token_key *token, EVP_PKEY *public, const uint8_t *digest,
                   uint8_t *ret_signature, size_t *ret_n, struct swb_error *err)
{
        bool is_rsa = EVP_PKEY_get_base_id(public) == EVP_PKEY_RSA;
        size_t n_room = (size_t)EVP_PKEY_get_size(public), n = n_room;
        int r = is_rsa ? sign_rsa(token, digest, ret_signature, &n, err)
                       : sign_ec(token, digest, n_room, ret_signature, &n, err);

        if (r < 0)
                return r;
        if (!verifies(public, digest, ret_signature, n))
                return swb_openssl_fail(err, -EIO, SWB_FAULT_SIGNATURE,
                                        "its signature does not verify with the public key of the "
                                        "same CKA_ID: is that of another key?",
                                        "token");
        *ret_n = n;
        return 0;
}
