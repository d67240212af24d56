/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/explain/shares.h - what each piece of an operation's target takes of its difference
 *
 * A difference is decoded, and counted is what each piece of the target took of each stream. A
 * stream's packed bytes are shared by that: differences and new bytes count by what a coder would
 * make of them, about (explain/price.h), a correction of zero as 1/32 of another byte. Heads,
 * tables and recipes are shared by length. The sum is the operation's data, to the byte.
 */
#include "codec/swd2_watch.h"
#include "open/wrapper.h"
#include "payload/format.h"

#define SWB_SHARE_HEADS SWB_SWD2_STREAMS_MAX /* heads, tables and recipes, beside the streams */
#define SWB_SHARE_STREAMS (SWB_SHARE_HEADS + 1)

/* A run of the target, whose share is wanted. */
struct swb_share {
        size_t owner;            /* the caller's */
        unsigned lot;            /* the caller's, too */
        uint64_t begin, n_bytes; /* in the operation's target; runs follow each other */
        uint64_t bytes;          /* its share of the data, and of each stream */
        uint64_t packed[SWB_SHARE_STREAMS];
        double n_predicted;   /* bytes of it that parts with a model make */
        double fields, right; /* predicted, and predicted without correction */
        double n_stored,
                n_opened;  /* encoded pieces in it: as they lie there, and what they open to */
        unsigned encoders; /* a bit each enum swb_encoder_id */
        unsigned depth;    /* of pieces inside each other */
        double weights[SWB_SHARE_STREAMS];
};

/* What applying the operation takes of a device. */
struct swb_device_cost {
        uint64_t decoder_bytes;   /* memory: of decoders together, at most */
        uint64_t predictor_bytes; /* what it held; without the old image, what it may hold */
        uint64_t entry_bytes;
        uint64_t opening_bytes, scratch_bytes;
        uint64_t total_bytes; /* of memory, as it is held against SWB_PATCH_MEMORY_BYTES */
        /* Operations whose windows were made smaller for want of memory, and those whose old
         * content goes to scratch space first. */
        uint64_t n_small_windows, n_opened_first;
        uint64_t decoded; /* work: bytes that come out of decoders */
        uint64_t fields;  /* predicted */
        uint64_t unpacked[_SWB_PACKING_MAX];
        uint64_t encoded[_SWB_ENCODER_MAX];
        uint64_t written; /* bytes of the target */
};

struct swb_share_kinds {
        uint64_t fields[SWB_FIELD_KINDS_MAX], right[SWB_FIELD_KINDS_MAX];
};

/* One operation of type SWDIFF. */
struct swb_share_input {
        const uint8_t *blob;
        size_t n_blob;
        const uint8_t *old; /* its source; NULL: not at hand, then copies count by their length */
        uint64_t n_old, n_new;
        const struct swb_open_scratch *scratch; /* for contents that are opened */
};

/* Targets are those of the whole content, opened if it is. */
struct swb_part_list {
        struct swb_swd2_part *items;
        size_t n, cap;
};

/*
 * Fills in all of the runs but owner, lot, begin, n_bytes. Adds to ret_kinds and sets ret_cost;
 * either may be NULL. ret_parts: the parts of SWD2, freed by the caller, or NULL. Return: 0;
 * -EBADMSG, -E2BIG, -EPROTONOSUPPORT as appliers; -ENOMEM.
 */
int swb_shares_count(const struct swb_share_input *input, struct swb_share *shares, size_t n,
                     struct swb_device_cost *ret_cost, struct swb_share_kinds *ret_kinds,
                     struct swb_part_list *ret_parts) _warn_unused_;

/* Nanoseconds, roughly: for shares of the whole, not for times. */
double swb_device_cost_work(const struct swb_device_cost *cost);
/* Memory: the larger of each; work: the sum. */
void swb_device_cost_add(struct swb_device_cost *sum, const struct swb_device_cost *cost);
