/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/swd2_format.h - what maker and reader of the format SWD2 agree on (for this folder)
 *
 * Spec: docs/spec/payload.md, section 12.
 */
#include "codec/codec.h"
#include "codec/patch_memory.h"
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
#define SWB_SWD2_ENTRY_BYTES ((uint64_t)sizeof(struct swb_copy))

/* The head tells the largest window, and what a reader needs in all, both in units of this. */
#define SWB_SWD2_UNIT_BYTES ((size_t)64 << 10)
#define SWB_SWD2_WINDOW_UNITS_MAX 56u
/* The window where there is memory enough. */
#define SWB_SWD2_WINDOW_BYTES ((size_t)3 << 20)
/* Beside decoders, entries and predictor: buffers, pages of the source, hints, what modules share.
 */
#define SWB_SWD2_BESIDE_BYTES ((size_t)3 << 20)
#define SWB_SWD2_PREDICTOR_BYTES ((size_t)24 << 20)

/* What the decoder of a stream of so many bytes may take (PF-112). */
size_t swb_swd2_decoder_bytes(enum swb_codec codec, uint64_t n_stream, size_t window_bytes);

/* What a reader must have for decoders that together take so much, and a part of so many entries
 * whose predictor takes so much: what the head tells, a multiple of the unit (PF-117). */
uint64_t swb_swd2_needs(uint64_t decoders_bytes, uint64_t n_entries, uint64_t predictor_bytes);
