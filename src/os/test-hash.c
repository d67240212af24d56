/* SPDX-License-Identifier: Apache-2.0 */
#include "os/hash.h"

#include <fcntl.h>

#include "base/test.h"
#include "base/text.h"
#include "os/file.h"

static void assert_digest(const uint8_t *digest, const char *want)
{
        char hex[SWB_SHA256_HEX];

        swb_hex_encode(digest, SWB_SHA256_BYTES, hex);
        assert_string_equal(hex, want);
}

static void test_vectors(void **state)
{
        uint8_t digest[SWB_SHA256_BYTES];

        (void)state;
        /* FIPS 180-2, appendix B */
        swb_sha256("abc", 3, digest);
        assert_digest(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        swb_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, digest);
        assert_digest(digest, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        swb_sha256("", 0, digest);
        assert_digest(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_saved_at_every_byte(void **state)
{
        uint8_t data[200], want[SWB_SHA256_BYTES], got[SWB_SHA256_BYTES];
        uint8_t stored[SWB_SHA256_STATE_BYTES];
        struct swb_sha256 sha;

        (void)state;
        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t)(i * 7);
        swb_sha256(data, sizeof(data), want);
        for (size_t cut = 0; cut <= sizeof(data); cut++) {
                swb_sha256_init(&sha);
                swb_sha256_update(&sha, data, cut);
                swb_sha256_save(&sha, stored);
                memset(&sha, 0xa5, sizeof(sha));
                assert_int_equal(swb_sha256_load(&sha, stored), 0);
                swb_sha256_update(&sha, data + cut, sizeof(data) - cut);
                swb_sha256_final(&sha, got);
                assert_memory_equal(got, want, sizeof(want));
        }
}

static void test_stored_layout(void **state)
{
        uint8_t stored[SWB_SHA256_STATE_BYTES];
        struct swb_sha256 sha;
        char hex[2 * SWB_SHA256_STATE_BYTES + 1];

        (void)state;
        swb_sha256_init(&sha);
        swb_sha256_update(&sha, "abc", 3);
        swb_sha256_save(&sha, stored);
        swb_hex_encode(stored, sizeof(stored), hex);
        /* the initial words of FIPS 180-4, the length, the started block, its fill */
        assert_int_equal(strncmp(hex,
                                 "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19"
                                 "000000000000000361626300",
                                 88),
                         0);
        assert_string_equal(hex + 208, "03");
}

static void test_bad_states(void **state)
{
        uint8_t good[SWB_SHA256_STATE_BYTES], bad[SWB_SHA256_STATE_BYTES];
        struct swb_sha256 sha;

        (void)state;
        swb_sha256_init(&sha);
        swb_sha256_update(&sha, "abc", 3);
        swb_sha256_save(&sha, good);
        memcpy(bad, good, sizeof(bad));
        bad[0] ^= 1; /* chaining words before the first block */
        assert_int_equal(swb_sha256_load(&sha, bad), -EBADMSG);
        memcpy(bad, good, sizeof(bad));
        bad[43] = 1; /* beyond the fill */
        assert_int_equal(swb_sha256_load(&sha, bad), -EBADMSG);
        memcpy(bad, good, sizeof(bad));
        bad[104] = 4; /* fill and length differ */
        assert_int_equal(swb_sha256_load(&sha, bad), -EBADMSG);
        bad[104] = 255;
        assert_int_equal(swb_sha256_load(&sha, bad), -EBADMSG);
        memcpy(bad, good, sizeof(bad));
        bad[32] = 0x20; /* longer than SHA-256 can count */
        assert_int_equal(swb_sha256_load(&sha, bad), -EBADMSG);
        assert_int_equal(swb_sha256_load(&sha, good), 0);
}

static void test_file(void **state)
{
        char path[] = "/tmp/swb-test-hash-XXXXXX";
        _cleanup_close_ int fd = mkostemp(path, O_CLOEXEC);
        uint8_t digest[SWB_SHA256_BYTES];
        char hex[SWB_SHA256_HEX];
        struct swb_error err;

        (void)state;
        assert_int_equal(unlink(path), 0);
        assert_ok(swb_pwrite(fd, path, "abcd", 4, 0, &err), &err);
        assert_ok(swb_sha256_fd(fd, path, 3, digest, &err), &err);
        assert_digest(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_fault(swb_sha256_fd(fd, path, 5, digest, &err), &err, SWB_FAULT_IO);

        assert_ok(swb_sha1_fd(fd, path, 3, digest, &err), &err);
        swb_hex_encode(digest, SWB_SHA1_BYTES, hex);
        assert_string_equal(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_fault(swb_sha1_fd(fd, path, 5, digest, &err), &err, SWB_FAULT_IO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vectors),       cmocka_unit_test(test_saved_at_every_byte),
                cmocka_unit_test(test_stored_layout), cmocka_unit_test(test_bad_states),
                cmocka_unit_test(test_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
