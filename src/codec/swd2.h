/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/swd2.h - differences with predicted addresses, SWD2 (making side)
 *
 * As SWD1 (codec/swdiff.h), but of a program's bytes those that are addresses are predicted
 * (predict/predictor.h), and only what the prediction missed is stored, each kind of field in a
 * stream of its own. Spec: docs/spec/payload.md, section 12.
 */
#include "codec/difference.h"
#include "codec/swd2_format.h"

/* How much is tried for a part: the smallest wins. */
enum swb_swd2_effort {
        SWB_SWD2_BYTES,    /* no prediction at all */
        SWB_SWD2_QUICK,    /* prediction over what is alike byte by byte */
        SWB_SWD2_MASKED,   /* what is alike is searched with addresses masked */
        SWB_SWD2_THOROUGH, /* again with better masks */
        SWB_SWD2_EVERY,    /* all of these */
};

struct swb_swd2 {
        enum swb_swd2_effort effort;
        bool packs_quickly;        /* streams; false after init */
        uint64_t max_memory_bytes; /* of a reader, for the difference and what applying it takes */
        struct swb_buf streams[SWB_SWD2_STREAMS_MAX];
        uint64_t source;                     /* behind the last part */
        bool predicts;                       /* some part has a model */
        struct swb_predictor_shared *shared; /* what modules have learned so far; NULL: none yet */
        uint64_t part_bytes; /* of a reader's memory, for entries and predictor of the largest part
                              */
        /* After -E2BIG, of a first part without model that begins the source: what is alike, if
         * that was found and only its entries are too many. Anything else: empty. */
        struct swb_difference unused;
};

/* max_memory_bytes: at most SWB_PATCH_MEMORY_BYTES. */
void swb_swd2_init(struct swb_swd2 *swd2, enum swb_swd2_effort effort, uint64_t max_memory_bytes);
void swb_swd2_done(struct swb_swd2 *swd2);

/*
 * Appends a part: what turns `old`, which begins at byte `base` of the whole source (not before the
 * end of the last part's), into `new`, which follows on what was appended before. Deterministic.
 * Return: 0, -E2BIG (more entries than a reader has the memory for), -ENOMEM.
 */
int swb_swd2_add(struct swb_swd2 *swd2, const uint8_t *old, size_t n_old, uint64_t base,
                 const uint8_t *new, size_t n_new) _warn_unused_;

/* Appends the whole, packed, with smaller windows where the memory asks for them. 0, -E2BIG (buf's
 * ceiling, or above what readers take), -ENOMEM. */
int swb_swd2_write(const struct swb_swd2 *swd2, struct swb_buf *buf) _warn_unused_;

/* What making takes at most beside the contents themselves; n_old, n_new: of the largest part. */
uint64_t swb_swd2_memory(uint64_t n_old, uint64_t n_new);
