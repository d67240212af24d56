/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "omaha/cup.h"

#define RH "2727bc2b3c33feb6800a830f4055901dd87d65a84184c5fbeb3f816db0a243f5"

static void test_proof(void **state)
{
        static const char *const good[] = {
                "3006020101020101:" RH,
                "\"3006020101020101:" RH "\"",
                "W/\"3006020101020101:" RH "\"",
        };
        static const char *const bad[] = {
                "",
                ":",
                "3006020101020101",
                "3006020101020101:",
                "3006020101020101:" RH "0",
                "30060201010201:" RH,
                "300602010102010:" RH,
                "300602010102010x:" RH,
                "W/\"3006020101020101:" RH,
                "3006020101020101:" RH ":" RH,
                "3006020101020101:2727bc2b3c33feb6800a830f4055901dd87d65a84184c5fbeb3f816db0a243",
        };
        struct swb_cup_proof proof, again;
        char text[SWB_CUP_PROOF_TEXT];

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(good); i++) {
                assert_int_equal(swb_cup_proof_parse(good[i], &proof), 0);
                swb_cup_proof_write(&proof, text);
                assert_string_equal(text, good[0]);
        }
        for (size_t i = 0; i < SWB_ELEMENTS(bad); i++)
                if (swb_cup_proof_parse(bad[i], &proof) != -EINVAL)
                        fail_msg("taken: %s", bad[i]);

        proof = (struct swb_cup_proof){.n_signature = SWB_CUP_SIGNATURE_MAX};
        memset(proof.signature, 0xab, sizeof(proof.signature));
        swb_cup_proof_write(&proof, text);
        assert_int_equal(swb_cup_proof_parse(text, &again), 0);
        assert_memory_equal(&proof, &again, sizeof(proof));
}

static void test_key(void **state)
{
        static const char *const bad[] = {
                "",    "8",     ":1",   "8:",     "-8:1",
                "x:1", "8:a b", "8 :1", "8:\x01", "99999999999999999999999:1"};
        char longest[SWB_CUP_KEY_MAX + 2] = "7:";
        uint64_t id = 0;

        (void)state;
        assert_int_equal(swb_cup_key_id("8:12345", &id), 0);
        assert_int_equal(id, 8);
        for (size_t i = 0; i < SWB_ELEMENTS(bad); i++)
                assert_int_equal(swb_cup_key_id(bad[i], &id), -EINVAL);
        memset(longest + 2, 'n', SWB_CUP_KEY_MAX - 2);
        assert_int_equal(swb_cup_key_id(longest, &id), 0);
        longest[SWB_CUP_KEY_MAX] = 'n';
        assert_int_equal(swb_cup_key_id(longest, &id), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_proof),
                cmocka_unit_test(test_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
