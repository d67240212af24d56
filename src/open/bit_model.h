/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/bit_model.h - bits of which nearly all are as expected, in very few bytes; for this folder
 *
 * Spec: docs/spec/payload.md PF-142. One walk serves both sides: making, it is told the values and
 * writes them; reading, it finds them out. So maker and device can't come apart.
 */
#include "base/buf.h"

struct swb_prob {
        uint16_t fast, slow; /* of a 1, in 65536ths; their mean counts */
};

struct swb_bit_coder {
        uint32_t low, high;
        /* reading */
        const uint8_t *in;
        size_t n_in, at;
        uint32_t code;
        /* making; NULL: reads */
        struct swb_buf *out;
        int error; /* first one; what is read behind it is zeros */
};

/* `in` is borrowed. */
void swb_bit_coder_read(struct swb_bit_coder *coder, const uint8_t *in, size_t n_in);
/* Appends to `out`, which is borrowed. */
void swb_bit_coder_make(struct swb_bit_coder *coder, struct swb_buf *out);
/* Making: writes what is left. 0; or the first error: -EBADMSG when bytes were missing or are left,
 * -E2BIG, -ENOMEM of the buffer. */
int swb_bit_coder_finish(struct swb_bit_coder *coder) _warn_unused_;

void swb_probs_init(struct swb_prob *probs, size_t n);

/* Making: `bit` goes in and comes back. Reading: what comes back was found out. */
bool swb_bit_code(struct swb_bit_coder *coder, struct swb_prob *prob, bool bit);
/* A number below 2^n, its highest bit first, each with the one of 2^n probabilities that those
 * before it name. */
unsigned swb_bits_code(struct swb_bit_coder *coder, struct swb_prob *probs, unsigned n,
                       unsigned value);
/* n bits of which nothing is known. */
uint32_t swb_bits_plain(struct swb_bit_coder *coder, unsigned n, uint32_t value);
