/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "codec/codec.h"
#include "generator/diff/replace.h"

#define N_BYTES ((size_t)64 << 10)

static uint8_t data[N_BYTES], decoded[N_BYTES];

/* Letters of an alphabet of n: 256 does not compress, 2 does well. */
static void fill(unsigned n)
{
        uint64_t seed = n;

        for (size_t i = 0; i < N_BYTES; i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                data[i] = (uint8_t)((seed >> 56) % n);
        }
}

static enum swb_op_type encode(enum swb_profile profile, bool delta, uint32_t minor,
                               struct swb_buf *buf)
{
        struct swb_error err = SWB_ERROR_INIT;
        enum swb_op_type type;
        struct swb_rules rules;

        assert_ok(swb_rules_init(&rules, profile, delta, minor, &err), &err);
        assert_int_equal(swb_replace_encode(&rules, data, N_BYTES, &type, buf), 0);
        return type;
}

static void check_decodes(enum swb_op_type type, const struct swb_buf *buf)
{
        enum swb_codec codec = type == SWB_OP_REPLACE      ? SWB_CODEC_NONE
                               : type == SWB_OP_REPLACE_BZ ? SWB_CODEC_BZ2
                               : type == SWB_OP_REPLACE_XZ ? SWB_CODEC_XZ
                                                           : SWB_CODEC_ZSTD;

        memset(decoded, 0xee, sizeof(decoded));
        assert_int_equal(
                swb_decode(codec, (size_t)64 << 20, buf->data, buf->n_bytes, decoded, N_BYTES), 0);
        assert_memory_equal(decoded, data, N_BYTES);
}

static void test_each_profile_gets_what_it_may_have(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(N_BYTES);
        enum swb_op_type type;

        (void)state;
        fill(2);
        type = encode(SWB_PROFILE_SWITCHBACK, false, SWB_MINOR_DEFAULT, &buf);
        assert_true(type == SWB_OP_REPLACE_ZSTD || type == SWB_OP_REPLACE_XZ);
        assert_true(buf.n_bytes < N_BYTES / 4);
        check_decodes(type, &buf);
        type = encode(SWB_PROFILE_CHROMEOS, false, SWB_MINOR_DEFAULT, &buf);
        assert_true(type == SWB_OP_REPLACE_BZ || type == SWB_OP_REPLACE_XZ);
        check_decodes(type, &buf);
        type = encode(SWB_PROFILE_CHROMEOS, true, 2, &buf);
        assert_int_equal(type, SWB_OP_REPLACE_BZ);
        check_decodes(type, &buf);
}

static void test_noise_stays_as_it_is(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(N_BYTES);

        (void)state;
        fill(256);
        assert_int_equal(encode(SWB_PROFILE_SWITCHBACK, true, SWB_MINOR_DEFAULT, &buf),
                         SWB_OP_REPLACE);
        assert_int_equal(buf.n_bytes, N_BYTES);
        assert_int_equal(encode(SWB_PROFILE_CHROMEOS, false, SWB_MINOR_DEFAULT, &buf),
                         SWB_OP_REPLACE);
        check_decodes(SWB_OP_REPLACE, &buf);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_profile_gets_what_it_may_have),
                cmocka_unit_test(test_noise_stays_as_it_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
