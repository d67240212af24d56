/* SPDX-License-Identifier: Apache-2.0 */
/* Against a second encoder, written from the definition: long division by the generator. That
 * veritysetup agrees is tested in tests/pack. */
#include "base/test.h"
#include "os/fec.h"

#define BLOCK SWB_VERITY_BLOCK_BYTES
#define MAX_BLOCKS 1200u

struct medium {
        uint8_t *bytes;
        uint64_t n_blocks;
        unsigned n_read; /* blocks */
};

static int read_medium(void *context, uint64_t block, uint64_t n_blocks, uint8_t *data,
                       struct swb_error *err)
{
        struct medium *m = context;

        (void)err;
        assert_true(block + n_blocks <= m->n_blocks);
        memcpy(data, m->bytes + block * BLOCK, (size_t)n_blocks * BLOCK);
        m->n_read += (unsigned)n_blocks;
        return 0;
}

static int write_medium(void *context, uint64_t block, uint64_t n_blocks, const uint8_t *data,
                        struct swb_error *err)
{
        struct medium *m = context;

        (void)err;
        assert_true(block + n_blocks <= m->n_blocks);
        memcpy(m->bytes + block * BLOCK, data, (size_t)n_blocks * BLOCK);
        return 0;
}

static uint8_t times(uint8_t a, uint8_t b)
{
        uint8_t product = 0;

        for (; b; b >>= 1) {
                if (b & 1)
                        product ^= a;
                a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1d : 0));
        }
        return product;
}

/* A codeword is right when it is zero at each root. */
static bool is_codeword(const uint8_t *word, unsigned roots)
{
        uint8_t root = 1;

        for (unsigned i = 0; i < roots; i++) {
                uint8_t value = 0;

                for (unsigned k = 0; k < SWB_FEC_CODEWORD; k++)
                        value = times(value, root) ^ word[k];
                if (value != 0)
                        return false;
                root = times(root, 2);
        }
        return true;
}

static uint8_t covered_byte(const struct medium *m, const struct swb_fec *fec, uint64_t block,
                            size_t at)
{
        if (block < fec->data_blocks)
                return m->bytes[(fec->data_start + block) * BLOCK + at];
        block -= fec->data_blocks;
        return block < fec->tree_blocks ? m->bytes[(fec->tree_start + block) * BLOCK + at] : 0;
}

static void check(uint64_t data_blocks, uint64_t tree_blocks, unsigned roots)
{
        const unsigned n_message = SWB_FEC_CODEWORD - roots;
        struct medium m = {.n_blocks = MAX_BLOCKS};
        const struct swb_verity_io io = {&m, read_medium, write_medium};
        const struct swb_fec fec = {
                1, data_blocks, data_blocks + 2, tree_blocks, data_blocks + tree_blocks + 3, roots};
        const uint64_t n_parity = swb_fec_parity_blocks(data_blocks + tree_blocks, roots);
        const uint64_t rounds = n_parity / roots;
        struct swb_error err = SWB_ERROR_INIT;

        m.bytes = calloc(MAX_BLOCKS, BLOCK);
        assert_non_null(m.bytes);
        for (size_t i = 0; i < (fec.fec_start) * BLOCK; i++)
                m.bytes[i] = (uint8_t)(i * 2654435761u >> 13);
        assert_ok(swb_fec_make(&fec, &io, &err), &err);
        assert_int_equal(m.n_read, data_blocks + tree_blocks);
        for (uint64_t k = 0; k < rounds * BLOCK; k += 499) {
                uint8_t word[SWB_FEC_CODEWORD];

                for (unsigned i = 0; i < n_message; i++)
                        word[i] = covered_byte(&m, &fec, k / BLOCK + i * rounds, k % BLOCK);
                memcpy(word + n_message, m.bytes + fec.fec_start * BLOCK + k * roots, roots);
                assert_true(is_codeword(word, roots));
        }
        free(m.bytes);
}

static void test_codewords(void **state)
{
        (void)state;
        check(2, 1, 2);
        check(250, 3, 2);
        check(251, 3, 2);
        check(600, 6, 2);
        check(300, 4, 24);
        check(500, 5, 7);
}

static void test_limits(void **state)
{
        struct swb_fec fec = {.data_blocks = 2, .roots = 1};
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_fault(swb_fec_make(&fec, NULL, &err), &err, SWB_FAULT_LIMIT);
        fec.roots = 25;
        assert_fault(swb_fec_make(&fec, NULL, &err), &err, SWB_FAULT_LIMIT);
        fec.roots = 2;
        fec.data_blocks = UINT64_MAX;
        assert_fault(swb_fec_make(&fec, NULL, &err), &err, SWB_FAULT_LIMIT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_codewords),
                cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
