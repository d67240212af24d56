/* SPDX-License-Identifier: Apache-2.0 */
#include "os/fec.h"

#include <inttypes.h>

#define BLOCK SWB_VERITY_BLOCK_BYTES
#define FIELD_POLYNOMIAL 0x11du
#define BUFFER_BYTES ((size_t)1 << 20)

/* ---- the code ---- */

/* What a byte that leaves the shift register adds to it: its multiples of the generator. */
struct code {
        unsigned roots;
        uint8_t adds[256][SWB_FEC_ROOTS_MAX];
};

static uint8_t multiply(uint8_t a, uint8_t b)
{
        unsigned product = 0;

        for (unsigned bit = 0, shifted = a; bit < 8; bit++, shifted <<= 1) {
                if (shifted & 0x100)
                        shifted ^= FIELD_POLYNOMIAL;
                if (b >> bit & 1)
                        product ^= shifted;
        }
        return (uint8_t)product;
}

/* (x - 1)(x - 2)(x - 4) …; its highest coefficient is 1. */
static void make_generator(unsigned roots, uint8_t *generator)
{
        uint8_t root = 1;

        memset(generator, 0, roots + 1);
        generator[0] = 1;
        for (unsigned n = 0; n < roots; n++) {
                for (unsigned i = n + 1; i > 0; i--)
                        generator[i] = (uint8_t)(generator[i - 1] ^ multiply(generator[i], root));
                generator[0] = multiply(generator[0], root);
                root = multiply(root, 2);
        }
}

static void code_init(struct code *code, unsigned roots)
{
        uint8_t generator[SWB_FEC_ROOTS_MAX + 1];

        make_generator(roots, generator);
        code->roots = roots;
        for (unsigned byte = 0; byte < 256; byte++)
                for (unsigned i = 0; i < roots; i++)
                        code->adds[byte][i] = multiply((uint8_t)byte, generator[roots - 1 - i]);
}

/* One more byte for each of n codewords, whose parity lies one behind the other. */
static inline void encode(const struct code *code, unsigned roots, const uint8_t *bytes, size_t n,
                          uint8_t *parity)
{
        for (size_t k = 0; k < n; k++, parity += roots) {
                const uint8_t *adds = code->adds[bytes[k] ^ parity[0]];

                for (unsigned i = 0; i + 1 < roots; i++)
                        parity[i] = parity[i + 1] ^ adds[i];
                parity[roots - 1] = adds[roots - 1];
        }
}

/* With two roots the inner loop is nothing: that is what all use, and what has to be fast. */
static void encode_bytes(const struct code *code, const uint8_t *bytes, size_t n, uint8_t *parity)
{
        if (code->roots == 2)
                encode(code, 2, bytes, n, parity);
        else
                encode(code, code->roots, bytes, n, parity);
}

/* ---- where the bytes are ---- */

uint64_t swb_fec_parity_blocks(uint64_t covered_blocks, unsigned roots)
{
        uint64_t n = SWB_FEC_CODEWORD - roots;

        return (covered_blocks + n - 1) / n * roots;
}

/* Covered blocks from `at` on; zeros behind the last. */
static int read_covered(const struct swb_fec *fec, const struct swb_verity_io *io, uint64_t at,
                        uint64_t n, uint8_t *data, struct swb_error *err)
{
        while (n > 0) {
                uint64_t in_tree = at - SWB_MIN(at, fec->data_blocks), piece = n;
                int r = 0;

                if (at < fec->data_blocks) {
                        piece = SWB_MIN(n, fec->data_blocks - at);
                        r = io->read(io->context, fec->data_start + at, piece, data, err);
                } else if (in_tree < fec->tree_blocks) {
                        piece = SWB_MIN(n, fec->tree_blocks - in_tree);
                        r = io->read(io->context, fec->tree_start + in_tree, piece, data, err);
                } else {
                        memset(data, 0, (size_t)piece * BLOCK);
                }
                if (r < 0)
                        return r;
                at += piece;
                n -= piece;
                data += piece * BLOCK;
        }
        return 0;
}

struct making {
        const struct swb_fec *fec;
        const struct swb_verity_io *io;
        struct code code;
        uint64_t rounds; /* blocks between two bytes of a codeword */
        uint8_t *data, *parity;
};

/* The parity of the codewords that begin in n blocks from `first` on. */
static int make_rounds(struct making *m, uint64_t first, uint64_t n, struct swb_error *err)
{
        size_t n_bytes = (size_t)n * BLOCK;
        unsigned roots = m->code.roots;

        memset(m->parity, 0, n_bytes * roots);
        for (unsigned i = 0; i < SWB_FEC_CODEWORD - roots; i++) {
                int r = read_covered(m->fec, m->io, i * m->rounds + first, n, m->data, err);

                if (r < 0)
                        return r;
                encode_bytes(&m->code, m->data, n_bytes, m->parity);
        }
        return m->io->write(m->io->context, m->fec->fec_start + first * roots, n * roots, m->parity,
                            err);
}

int swb_fec_make(const struct swb_fec *fec, const struct swb_verity_io *io, struct swb_error *err)
{
        uint64_t n_covered = fec->data_blocks + fec->tree_blocks, step;
        _cleanup_free_ uint8_t *data = NULL, *parity = NULL;
        struct making m = {.fec = fec, .io = io};
        int r = 0;

        if (fec->roots < SWB_FEC_ROOTS_MIN || fec->roots > SWB_FEC_ROOTS_MAX ||
            fec->data_blocks > SWB_VERITY_DATA_BLOCKS_MAX ||
            fec->tree_blocks > SWB_VERITY_DATA_BLOCKS_MAX)
                return swb_fail(err, -ERANGE, SWB_FAULT_LIMIT,
                                "error correction of %u roots over %" PRIu64 " blocks", fec->roots,
                                n_covered);
        code_init(&m.code, fec->roots);
        m.rounds = swb_fec_parity_blocks(n_covered, fec->roots) / fec->roots;
        step = SWB_MIN(m.rounds, (uint64_t)(BUFFER_BYTES / BLOCK / fec->roots));
        m.data = data = malloc((size_t)step * BLOCK);
        m.parity = parity = malloc((size_t)step * BLOCK * fec->roots);
        if (!data || !parity)
                return swb_oom(err);
        for (uint64_t first = 0; first < m.rounds && r >= 0; first += step)
                r = make_rounds(&m, first, SWB_MIN(step, m.rounds - first), err);
        return r;
}
