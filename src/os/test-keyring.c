/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and signatures (of the text "abc") were made with the openssl program. */
#include "os/keyring.h"

#include "base/test.h"
#include "base/text.h"
#include "os/file.h"

#define PEM(body) "-----BEGIN PUBLIC KEY-----\n" body "-----END PUBLIC KEY-----\n"

static const char p256[] = PEM("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEj50Tr6qMdBaM5klgtEEaKWpE1QGk\n"
                               "46u1upz7el//Tdv6oc2PIRuoihtXi5WKmB+9COiII7TFJrpiB+0VHZWq7w==\n");
static const char p256_id[] = "0cae8bb67a69912a";
static const char p256_signature[] =
        "3046022100cb2a0c44dacfec74d92eb61a9c3cefdea3bbd094e2ec96dcd4567bd91282113202210091371ed7c2"
        "6365132e5a418861d816f72e1fef29615e333579b7655d4c0e61c7";

static const char rsa2048[] =
        PEM("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA45AnhxWWEz9rF9cQilhj\n"
            "ph8EerKlZbmTI0AEYP22gtrirIqQirv9CKhPmh3QUziseGIS+bS2AcXZXAFugXDW\n"
            "TqBT4qg6pTz1tlaXA4kLoKoC3YUpuVKbuHKueISSZGk4B6U3/ltaP4EF808T/tAo\n"
            "kRMDIFpGFAmel7pAgUOANgnJEUzjCdw1b2OemdLx82odN3qste5xMO1BaYtrCF7y\n"
            "GBJpRBs7dTfsf36msM6vQGfw9RsVCg9096SOdXgCiLpzWUtIrfGVrmy+NPPjfzLF\n"
            "JdW3qRPIn7cTjTBYOBfZhCeRLvHPPn2lo+3vCPgEH6FanOQaAy+ISVM9Oz5dEyWM\n"
            "/QIDAQAB\n");
static const char rsa2048_signature[] = "aa62105b57ad4141a156f628923980759cb9cd4ccebb4cdac7c11d3530"
                                        "1bf439ea28bdea78e54a50bb42c698a43b"
                                        "399bcdacbe8835f8ed7e0a577952620e7d5f1afbbc0443f2773271b453"
                                        "027867dd091c66c7e777f49d23f30348bd"
                                        "0b1615b425a94ac678b049c2a59059def530bfa6b2a5b4513e7b2833c4"
                                        "4db1e8e6eda6b33c18db19ecf83d934c66"
                                        "6f1bf81296963d66fb8f09669374a3a729c373fb34b3ea6080e457a346"
                                        "76cdcfaa4271dc0972381eb30850cb0b57"
                                        "f8a51c305b4bc34c95e802d86b89a9132b469a05951f2ce0b5a624cb38"
                                        "5b56b5243970a891c4b8fcdf01c343c3fd"
                                        "d1b310f50f3ec1fe47dc52c4e2ceb5ea59e3d9ab702459d56f88";

static const char *const refused[] = {
        /* RSA of 1024 bits */
        PEM("MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDPerOc34INPdTfVWiKkP0qCFAA\n"
            "qnKS8CDoIJICX7SfLy3iKWhv9oyXp2vDXYghIDrb8L5yCYAk9tL1/I3QoQdP1IbG\n"
            "5bN4r5Hqh2gco8LNgisEaRUfhFVGSSoidKs0f3vQPXoRlTDWDqXDBLSV8lRuCpvm\n"
            "TapX7UpKDeQSdrqU3wIDAQAB\n"),
        /* Ed25519 */
        PEM("MCowBQYDK2VwAyEAv/ocTbHpg2mHFrIStm2ddhVDsM2WIDxc2+YD83SiOxE=\n"),
        /* secp256k1 */
        PEM("MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEbTzXF4Hkl2YPc1vo1FaoLBwvMwhwwMFo\n"
            "H/I1ejFL9rfhv1CJffAwkt2uVz372Pivf47h/uMIu2L+ejMYVgSazA==\n"),
        PEM("MCowBQYDK2VwAyEAv\n"), /* damaged */
        "",
        "hello\n",
};

static struct swb_keyring *new_ring(void)
{
        struct swb_keyring *ring = NULL;
        struct swb_error err;

        assert_ok(swb_keyring_new(&ring, &err), &err);
        return ring;
}

static void test_verify(void **state)
{
        _cleanup_(swb_keyring_freep) struct swb_keyring *ring = new_ring();
        uint8_t digest[SWB_SHA256_BYTES], rsa[256], ec[72];
        struct swb_error err;
        char id[SWB_KEY_ID_SIZE];

        (void)state;
        swb_sha256("abc", 3, digest);
        assert_int_equal(swb_hex_decode(rsa2048_signature, rsa, sizeof(rsa)), 0);
        assert_int_equal(swb_hex_decode(p256_signature, ec, sizeof(ec)), 0);
        assert_int_equal(swb_keyring_verify(ring, digest, ec, sizeof(ec), id, &err), 1);
        assert_ok(swb_keyring_add_pem(ring, "rsa", rsa2048, strlen(rsa2048), &err), &err);
        assert_int_equal(swb_keyring_verify(ring, digest, ec, sizeof(ec), id, &err), 1);
        assert_int_equal(swb_keyring_verify(ring, digest, rsa, sizeof(rsa), NULL, &err), 0);
        assert_ok(swb_keyring_add_pem(ring, "p256", p256, strlen(p256), &err), &err);
        assert_int_equal(swb_keyring_verify(ring, digest, ec, sizeof(ec), id, &err), 0);
        assert_string_equal(id, p256_id);
        /* not a byte may change */
        for (size_t i = 0; i < sizeof(ec); i++) {
                ec[i] ^= 0x01;
                assert_int_equal(swb_keyring_verify(ring, digest, ec, sizeof(ec), id, &err), 1);
                ec[i] ^= 0x01;
        }
        for (size_t i = 0; i < sizeof(rsa); i += 5) {
                rsa[i] ^= 0x80;
                assert_int_equal(swb_keyring_verify(ring, digest, rsa, sizeof(rsa), id, &err), 1);
                rsa[i] ^= 0x80;
        }
        memset(rsa, 0, sizeof(rsa));
        assert_int_equal(swb_keyring_verify(ring, digest, rsa, sizeof(rsa), id, &err), 1);
}

static void test_votes(void **state)
{
        /* the same key, its point written in short */
        static const char compressed[] =
                PEM("MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADj50Tr6qMdBaM5klgtEEaKWpE1QGk\n"
                    "46u1upz7el//Tds=\n");
        _cleanup_(swb_keyring_freep) struct swb_keyring *ring = new_ring();
        struct swb_key_votes votes = {0};
        uint8_t digest[SWB_SHA256_BYTES], rsa[256], ec[72];
        struct swb_error err;

        (void)state;
        swb_sha256("abc", 3, digest);
        assert_int_equal(swb_hex_decode(rsa2048_signature, rsa, sizeof(rsa)), 0);
        assert_int_equal(swb_hex_decode(p256_signature, ec, sizeof(ec)), 0);
        assert_ok(swb_keyring_add_pem(ring, "p256", p256, strlen(p256), &err), &err);
        assert_ok(swb_keyring_add_pem(ring, "again", compressed, strlen(compressed), &err), &err);
        assert_int_equal(swb_keyring_count(ring), 1);
        assert_fault(swb_keyring_require(ring, 2, &err), &err, SWB_FAULT_CONFIG);
        assert_fault(swb_keyring_require(ring, 0, &err), &err, SWB_FAULT_CONFIG);
        assert_ok(swb_keyring_add_pem(ring, "rsa", rsa2048, strlen(rsa2048), &err), &err);
        assert_ok(swb_keyring_require(ring, 2, &err), &err);
        assert_false(swb_keyring_is_enough(ring, &votes));
        for (int i = 0; i < 3; i++)
                assert_ok(swb_keyring_vote(ring, digest, ec, sizeof(ec), &votes, &err), &err);
        assert_int_equal(votes.n, 1);
        assert_false(swb_keyring_is_enough(ring, &votes));
        rsa[9] ^= 1;
        assert_ok(swb_keyring_vote(ring, digest, rsa, sizeof(rsa), &votes, &err), &err);
        assert_false(swb_keyring_is_enough(ring, &votes));
        rsa[9] ^= 1;
        assert_ok(swb_keyring_vote(ring, digest, rsa, sizeof(rsa), &votes, &err), &err);
        assert_true(swb_keyring_is_enough(ring, &votes));
        assert_true(votes.by_key[0] && votes.by_key[1]);
}

static void test_refused(void **state)
{
        _cleanup_(swb_keyring_freep) struct swb_keyring *ring = new_ring();
        _cleanup_free_ char *two = NULL;
        struct swb_error err;

        (void)state;
        assert_fault(swb_keyring_add_pem(ring, "empty", NULL, 0, &err), &err, SWB_FAULT_CONFIG);
        for (size_t i = 0; i < SWB_ELEMENTS(refused); i++)
                assert_fault(swb_keyring_add_pem(ring, "bad", refused[i], strlen(refused[i]), &err),
                             &err, SWB_FAULT_CONFIG);
        assert_true(asprintf(&two, "%s%s", p256, rsa2048) > 0);
        assert_fault(swb_keyring_add_pem(ring, "two", two, strlen(two), &err), &err,
                     SWB_FAULT_CONFIG);
        assert_int_equal(swb_keyring_count(ring), 0);
        assert_null(swb_keyring_id(ring, 0));
}

static void test_folder(void **state)
{
        char folder[] = "/tmp/swb-test-keyring-XXXXXX";
        _cleanup_(swb_keyring_freep) struct swb_keyring *ring = new_ring();
        _cleanup_free_ char *a = NULL, *b = NULL, *other = NULL;
        struct swb_error err;

        (void)state;
        assert_non_null(mkdtemp(folder));
        assert_true(asprintf(&a, "%s/a.pem", folder) > 0);
        assert_true(asprintf(&b, "%s/b.pem", folder) > 0);
        assert_true(asprintf(&other, "%s/a.pem~", folder) > 0);
        assert_fault(swb_keyring_add_dir(ring, folder, &err), &err, SWB_FAULT_CONFIG);
        assert_ok(swb_write_file_durable(other, "hello", 5, 0644, &err), &err);
        assert_ok(swb_write_file_durable(b, rsa2048, strlen(rsa2048), 0644, &err), &err);
        assert_ok(swb_write_file_durable(a, p256, strlen(p256), 0644, &err), &err);
        assert_ok(swb_keyring_add_dir(ring, folder, &err), &err);
        assert_int_equal(swb_keyring_count(ring), 2);
        assert_string_equal(swb_keyring_id(ring, 0), p256_id);
        assert_ok(swb_write_file_durable(b, "hello", 5, 0644, &err), &err);
        assert_fault(swb_keyring_add_dir(ring, folder, &err), &err, SWB_FAULT_CONFIG);
        assert_non_null(strstr(err.text, "b.pem"));
        assert_int_equal(unlink(a), 0);
        assert_int_equal(unlink(b), 0);
        assert_int_equal(unlink(other), 0);
        assert_int_equal(rmdir(folder), 0);
        assert_fault(swb_keyring_add_dir(ring, folder, &err), &err, SWB_FAULT_NOT_FOUND);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_verify),
                cmocka_unit_test(test_votes),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_folder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
