/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/explain/price.h - about how much each byte of a stream adds to it when it is packed
 *
 * A guess at what coders do: bytes are predicted from those before them, bit by bit; a byte costs
 * what it surprises. So noise (signatures) is told from what changes everywhere in the same way. In
 * long runs of zeros nothing costs but their end.
 */
#include <stdint.h>

#include "base/cleanup.h"

struct swb_price {
        uint32_t *guesses; /* of the next bit, by what came before it; owned */
        float *costs;      /* of a bit, by its probability; owned */
        uint64_t last;     /* the last eight bytes */
        uint64_t n_zeros;  /* of them, at the end of what came so far */
};

/* Return: 0, -ENOMEM. */
int swb_price_init(struct swb_price *price) _warn_unused_;
void swb_price_done(struct swb_price *price);
/* Of the stream's next bytes, in bytes. */
double swb_price_of(struct swb_price *price, const uint8_t *data, size_t n);
