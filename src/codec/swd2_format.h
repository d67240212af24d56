/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/swd2_format.h - what maker and reader of the format SWD2 agree on (for this folder)
 *
 * Spec: docs/spec/payload.md, section 12.
 */
#include "predict/predictor.h"

#define SWB_SWD2_MAGIC "SWD2"

enum {
        SWB_SWD2_PLAN,        /* the parts: sizes, model, hints */
        SWB_SWD2_COPIES,      /* lengths of copies */
        SWB_SWD2_NEWS,        /* lengths of what is new */
        SWB_SWD2_MOVES,       /* in the source */
        SWB_SWD2_DIFFERENCES, /* of the copies' bytes that are no fields */
        SWB_SWD2_NEW_BYTES,
        SWB_SWD2_CORRECTIONS, /* of each kind of field one */
        SWB_SWD2_STREAMS_MAX = SWB_SWD2_CORRECTIONS + SWB_FIELD_KINDS_MAX,
};

#define SWB_SWD2_PLAN_MAX ((uint32_t)1 << 20)
#define SWB_SWD2_HINTS_MAX ((size_t)64 << 10)
/* Entries of a part: a reader holds them all. */
#define SWB_SWD2_ENTRIES_MAX ((uint64_t)256 << 10)

/* What a reader gives a decoder: so many times the stream's size, but at most the second, and
 * always the third beside; to all decoders together at most the last. */
#define SWB_SWD2_DECODER_SHARE 6u
#define SWB_SWD2_DECODER_BYTES ((size_t)7 << 19)
#define SWB_SWD2_BESIDE_BYTES ((size_t)512 << 10)
#define SWB_SWD2_DECODERS_BYTES ((size_t)36 << 20)

static inline size_t swb_swd2_decoder_bytes(uint64_t n_stream)
{
        uint64_t wanted =
                SWB_MIN(n_stream, (uint64_t)SWB_SWD2_DECODER_BYTES) * SWB_SWD2_DECODER_SHARE;

        return (size_t)SWB_MIN(wanted, (uint64_t)SWB_SWD2_DECODER_BYTES) + SWB_SWD2_BESIDE_BYTES;
}
#define SWB_SWD2_PREDICTOR_BYTES ((size_t)24 << 20)
