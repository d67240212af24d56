/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/closed.h - why what is packed in a content could not be opened (making side)
 */
#include "open/recipe.h"

enum swb_closed_why {
        SWB_CLOSED_NOT, /* nothing stays closed */
        SWB_CLOSED_NO_ENCODER,
        SWB_CLOSED_NOT_ALLOWED, /* an encoder that devices may not be asked for */
        SWB_CLOSED_ENCODER_MEMORY,
        SWB_CLOSED_DECODER_MEMORY,
        SWB_CLOSED_TOO_LARGE,
        SWB_CLOSED_TOO_DEEP,
        SWB_CLOSED_OLD,  /* the old content does not open */
        SWB_CLOSED_ROOM, /* it opens, but all of it together is above a device's memory */
        _SWB_CLOSED_MAX,
        _SWB_CLOSED_INVALID = -EINVAL,
};

struct swb_closed {
        /* Of the largest piece that stays closed. */
        enum swb_closed_why why;
        enum swb_packing packing;
        uint64_t n_encoded;
        /* Of ENCODER_MEMORY, DECODER_MEMORY: what a device would have to give to opened contents,
         * about (0: not known), and gives. */
        uint64_t memory_bytes, limit_bytes;
        uint64_t n_all; /* encoded bytes of all of them */
};

/* One more piece. */
void swb_closed_add(struct swb_closed *closed, const struct swb_closed *piece);

#define SWB_CLOSED_TEXT_MAX 128
/* "gzip: no encoder makes it again bit for bit". */
void swb_closed_text(const struct swb_closed *closed, char text[static SWB_CLOSED_TEXT_MAX]);
/* For programs: "no-encoder". */
const char *swb_closed_why_to_string(enum swb_closed_why why);
/* "gzip", "lz4" ... */
const char *swb_closed_packing(enum swb_packing packing);
