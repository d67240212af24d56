/* SPDX-License-Identifier: Apache-2.0 */
/* Signed answers against the public test vector of the protocol, and all that must not pass. */
#include "base/buf.h"
#include "base/test.h"
#include "base/text.h"
#include "device/fetch/answer_keys.h"
#include "os/hash.h"

static struct swb_error err;

static const char pem[] =
        "-----BEGIN PUBLIC KEY-----\n"
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJNOjKyN6UHyUGkGow+xCmQthQXUo9sd7RIXSpVIM768UlbGb\n"
        "/5JrnISjSYejCc/pxQooI6mJTzWL3pZb5TA1DA==\n"
        "-----END PUBLIC KEY-----\n";

#define SIGNATURE                                                                                  \
        "3045022077a2d004f1643a92af5d356877c3434c46519ce32882d6e30ef6d154ee9775e3022100aca63c77d3" \
        "4152bdc0918ae0629e82b59314e5459f607cdc5ac95f1a4b7c31a2"
#define REQUEST_HASH "2727bc2b3c33feb6800a830f4055901dd87d65a84184c5fbeb3f816db0a243f5"

static struct swb_answer_keys load(void)
{
        char folder[] = "/tmp/swb-test-keys-XXXXXX", path[64];
        struct swb_answer_keys keys = {0};
        FILE *file;

        assert_non_null(mkdtemp(folder));
        assert_fault(swb_answer_keys_load(folder, &keys, &err), &err, SWB_FAULT_CONFIG);
        (void)snprintf(path, sizeof(path), "%s/8.pem", folder);
        file = fopen(path, "we");
        assert_non_null(file);
        (void)fputs(pem, file);
        (void)fclose(file);
        assert_ok(swb_answer_keys_load(folder, &keys, &err), &err);
        assert_int_equal(keys.id, 8);
        (void)unlink(path);
        (void)rmdir(folder);
        return keys;
}

static struct swb_answer_question question(const char *cup2key, const char *request)
{
        struct swb_answer_question q;

        (void)snprintf(q.cup2key, sizeof(q.cup2key), "%s", cup2key);
        swb_sha256(request, strlen(request), q.request_sha256);
        return q;
}

static int check(const struct swb_answer_keys *keys, const struct swb_answer_question *q,
                 const char *proof, const char *answer)
{
        err = SWB_ERROR_INIT;
        return swb_answer_question_check(keys, q, proof, answer, strlen(answer), &err);
}

static void test_vector(void **state)
{
        _cleanup_(swb_answer_keys_done) struct swb_answer_keys keys = load();
        struct swb_answer_question q = question("8:12345", "Request_A"), other;
        uint8_t hash[SWB_SHA256_BYTES];
        char hex[SWB_SHA256_HEX];

        (void)state;
        assert_ok(check(&keys, &q, SIGNATURE ":" REQUEST_HASH, "Response_A"), &err);
        assert_ok(check(&keys, &q, "W/\"" SIGNATURE ":" REQUEST_HASH "\"", "Response_A"), &err);

        assert_int_equal(check(&keys, &q, NULL, "Response_A"), -EBADMSG);
        assert_int_equal(err.fault, SWB_FAULT_SIGNATURE);
        assert_int_equal(check(&keys, &q, "", "Response_A"), -EBADMSG);
        assert_int_equal(check(&keys, &q, SIGNATURE ":" REQUEST_HASH, "Response_B"), -EBADMSG);
        assert_int_equal(check(&keys, &q, SIGNATURE ":" REQUEST_HASH, ""), -EBADMSG);
        /* The same answer, to the question of another day. */
        other = question("8:12346", "Request_A");
        assert_int_equal(check(&keys, &other, SIGNATURE ":" REQUEST_HASH, "Response_A"), -EBADMSG);
        other = question("8:12345", "Request_B");
        assert_int_equal(check(&keys, &other, SIGNATURE ":" REQUEST_HASH, "Response_A"), -EBADMSG);
        other = question("9:12345", "Request_A");
        assert_int_equal(check(&keys, &other, SIGNATURE ":" REQUEST_HASH, "Response_A"), -EBADMSG);

        swb_sha256("TestSequenceForCupEcdsaUnitTest", 31, hash);
        swb_hex_encode(hash, sizeof(hash), hex);
        assert_string_equal(hex,
                            "cde1f7dc1311ed96813057ca321c2f5a17ea2c9c776ee0eb31965f7985a3074a");
}

static void test_every_bit_counts(void **state)
{
        _cleanup_(swb_answer_keys_done) struct swb_answer_keys keys = load();
        struct swb_answer_question q = question("8:12345", "Request_A");
        char proof[] = SIGNATURE ":" REQUEST_HASH;

        (void)state;
        for (size_t i = 0; i < strlen(proof); i++) {
                char original = proof[i];

                proof[i] = original == '0' ? '1' : '0';
                assert_int_equal(check(&keys, &q, proof, "Response_A"), -EBADMSG);
                proof[i] = original;
        }
        assert_ok(check(&keys, &q, proof, "Response_A"), &err);
}

static void test_questions_differ(void **state)
{
        _cleanup_(swb_answer_keys_done) struct swb_answer_keys keys = load();
        _cleanup_(swb_buf_done) struct swb_buf url = SWB_BUF_INIT(4096), tight = SWB_BUF_INIT(20);
        struct swb_answer_question a, b;

        (void)state;
        assert_ok(swb_answer_question_begin(&keys, "http://x/u?a=b", "body", 4, &a, &url, &err),
                  &err);
        assert_true(swb_starts_with((char *)url.data, "http://x/u?a=b&cup2key=8:"));
        assert_non_null(strstr((char *)url.data, "&cup2hreq="));
        assert_null(strpbrk(strstr((char *)url.data, "cup2key") + 8, "+/"));
        swb_buf_reset(&url);
        assert_ok(swb_answer_question_begin(&keys, "http://x/u", "body", 4, &b, &url, &err), &err);
        assert_true(swb_starts_with((char *)url.data, "http://x/u?cup2key=8:"));
        assert_string_not_equal(a.cup2key, b.cup2key);
        assert_int_equal(strlen(a.cup2key), 2 + 43);
        assert_fault(swb_answer_question_begin(&keys, "http://x/u", "body", 4, &b, &tight, &err),
                     &err, SWB_FAULT_LIMIT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vector),
                cmocka_unit_test(test_every_bit_counts),
                cmocka_unit_test(test_questions_differ),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
