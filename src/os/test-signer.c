/* SPDX-License-Identifier: Apache-2.0 */
#include "os/signer.h"

#include <sys/stat.h>

#include "base/test.h"
#include "base/text.h"
#include "os/file.h"

static char folder[] = "/tmp/swb-test-signer-XXXXXX";

static char *in_folder(const char *name)
{
        char *path;

        assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
        return path;
}

static int make_folder(void **state)
{
        (void)state;
        return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
        _cleanup_closedir_ DIR *dir = opendir(folder);

        (void)state;
        for (struct dirent *e = readdir(dir); e; e = readdir(dir))
                (void)unlinkat(dirfd(dir), e->d_name, 0);
        return rmdir(folder);
}

/* The private key of RFC 6979 A.2.5 as SEC 1 ECPrivateKey (RFC 5915). */
static struct swb_signer *rfc6979_signer(void)
{
        static const char der_hex[] =
                "30310201010420"
                "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
                "a00a06082a8648ce3d030107";
        _cleanup_free_ char *path = in_folder("rfc6979.pem"), *pem = NULL;
        struct swb_signer *signer = NULL;
        struct swb_error err;
        char base64[SWB_BASE64_SIZE(51)];
        uint8_t der[51];

        assert_int_equal(swb_hex_decode(der_hex, der, sizeof(der)), 0);
        swb_base64_encode(der, sizeof(der), base64);
        assert_true(asprintf(&pem,
                             "-----BEGIN EC PRIVATE KEY-----\n%.64s\n%s\n"
                             "-----END EC PRIVATE KEY-----\n",
                             base64, base64 + 64) > 0);
        assert_ok(swb_write_file_durable(path, pem, strlen(pem), 0600, &err), &err);
        assert_ok(swb_signer_load(path, NULL, &signer, &err), &err);
        return signer;
}

/* One integer of a DER signature, without the zero that keeps it positive. */
static const uint8_t *der_integer(const uint8_t *p, uint8_t *ret_value)
{
        size_t n = p[1];
        const uint8_t *value = p + 2;

        assert_int_equal(p[0], 0x02);
        if (n == 33) {
                assert_int_equal(value[0], 0);
                value++;
                n--;
        }
        assert_true(n <= 32);
        memset(ret_value, 0, 32);
        memcpy(ret_value + 32 - n, value, n);
        return value + n;
}

static void test_rfc6979(void **state)
{
        static const struct {
                const char *message, *r, *s;
        } vectors[] = {
                {"sample", "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
                 "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
                {"test", "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
                 "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
        };
        _cleanup_(swb_signer_freep) struct swb_signer *signer = rfc6979_signer();
        uint8_t digest[SWB_SHA256_BYTES], signature[72], r[32], s[32], want[32];
        struct swb_error err;
        size_t n;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(vectors); i++) {
                const uint8_t *p = signature;

                swb_sha256(vectors[i].message, strlen(vectors[i].message), digest);
                assert_ok(swb_signer_sign(signer, digest, signature, &n, &err), &err);
                assert_int_equal(p[0], 0x30);
                assert_int_equal(p[1] + 2, n);
                p = der_integer(der_integer(p + 2, r), s);
                assert_ptr_equal(p, signature + n);
                assert_int_equal(swb_hex_decode(vectors[i].r, want, 32), 0);
                assert_memory_equal(r, want, 32);
                assert_int_equal(swb_hex_decode(vectors[i].s, want, 32), 0);
                assert_memory_equal(s, want, 32);
        }
}

static void round_trip(const char *type, size_t want_size)
{
        _cleanup_free_ char *private = in_folder("private.pem"), *public = in_folder("public.pem");
        _cleanup_(swb_signer_freep) struct swb_signer *signer = NULL;
        _cleanup_(swb_keyring_freep) struct swb_keyring *ring = NULL;
        _cleanup_free_ char *pem = NULL;
        uint8_t digest[SWB_SHA256_BYTES], one[512], two[512];
        struct swb_error err;
        char id[SWB_KEY_ID_SIZE];
        size_t n, n_two;
        struct stat st;

        (void)unlink(private);
        (void)unlink(public);
        assert_ok(swb_key_generate(type, private, public, &err), &err);
        assert_int_equal(stat(private, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_ok(swb_signer_load(private, NULL, &signer, &err), &err);
        assert_int_equal(swb_signer_size(signer), want_size);
        assert_ok(swb_keyring_new(&ring, &err), &err);
        assert_ok(swb_keyring_add_file(ring, public, &err), &err);
        assert_string_equal(swb_keyring_id(ring, 0), swb_signer_id(signer));
        assert_ok(swb_signer_public_pem(signer, &pem, &err), &err);
        assert_ok(swb_keyring_add_pem(ring, "same key", pem, strlen(pem), &err), &err);
        assert_int_equal(swb_keyring_count(ring), 1);

        for (unsigned i = 0; i < 20; i++) {
                swb_sha256(&i, sizeof(i), digest);
                assert_ok(swb_signer_sign(signer, digest, one, &n, &err), &err);
                assert_ok(swb_signer_sign(signer, digest, two, &n_two, &err), &err);
                assert_int_equal(n, n_two);
                assert_true(n <= want_size);
                assert_memory_equal(one, two, n);
                assert_int_equal(swb_keyring_verify(ring, digest, one, n, id, &err), 0);
                assert_string_equal(id, swb_signer_id(signer));
        }
        one[n / 2] ^= 1;
        assert_int_equal(swb_keyring_verify(ring, digest, one, n, id, &err), 1);
        one[n / 2] ^= 1;
        digest[0] ^= 1;
        assert_int_equal(swb_keyring_verify(ring, digest, one, n, id, &err), 1);
        digest[0] ^= 1;
        assert_int_equal(swb_keyring_verify(ring, digest, one, n - 1, id, &err), 1);
        assert_int_equal(swb_keyring_verify(ring, digest, one, 0, id, &err), 1);
}

static void test_rsa(void **state)
{
        (void)state;
        round_trip("rsa2048", 256);
}

static void test_p256(void **state)
{
        (void)state;
        round_trip("p256", 72);
}

static void test_never_overwrites(void **state)
{
        _cleanup_free_ char *private = in_folder("a.key"), *public = in_folder("a.pub"),
                            *other = in_folder("b.pub");
        struct swb_error err;

        (void)state;
        assert_ok(swb_key_generate("p256", private, public, &err), &err);
        assert_fault(swb_key_generate("p256", private, other, &err), &err, SWB_FAULT_IO);
        assert_int_equal(access(other, F_OK), -1);
        assert_int_equal(access(private, F_OK), 0);
        assert_fault(swb_key_generate("p256", other, public, &err), &err, SWB_FAULT_IO);
        assert_int_equal(access(other, F_OK), -1);
        assert_fault(swb_key_generate("rsa1024", other, other, &err), &err, SWB_FAULT_USAGE);
}

static void test_refused_files(void **state)
{
        _cleanup_free_ char *path = in_folder("no.pem"), *public = in_folder("c.pub"),
                            *private = in_folder("c.key");
        struct swb_signer *signer = NULL;
        struct swb_error err;

        (void)state;
        assert_ok(swb_write_file_durable(path, "hello", 5, 0600, &err), &err);
        assert_fault(swb_signer_load(path, NULL, &signer, &err), &err, SWB_FAULT_CONFIG);
        assert_ok(swb_write_file_durable(path, "", 0, 0600, &err), &err);
        assert_fault(swb_signer_load(path, NULL, &signer, &err), &err, SWB_FAULT_CONFIG);
        assert_ok(swb_key_generate("p256", private, public, &err), &err);
        assert_fault(swb_signer_load(public, NULL, &signer, &err), &err, SWB_FAULT_CONFIG);
        assert_fault(swb_signer_load("/nowhere", NULL, &signer, &err), &err, SWB_FAULT_NOT_FOUND);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rfc6979),       cmocka_unit_test(test_rsa),
                cmocka_unit_test(test_p256),          cmocka_unit_test(test_never_overwrites),
                cmocka_unit_test(test_refused_files),
        };

        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
