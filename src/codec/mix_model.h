/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/mix_model.h - how likely the next bit of a mixed stream is a 1, by several contexts at
 * once; for this folder only
 *
 * Spec: docs/spec/payload.md, section 14. Maker and reader walk alike: ask for the probability,
 * tell the bit. All of it is computed with integers, so both come to the same.
 */
#include "codec/codec.h"

#define SWB_MIX_CONTEXTS 7
/* Logarithm of the number of slots. */
#define SWB_MIX_SLOTS_LOG_MIN 10u
#define SWB_MIX_SLOTS_LOG_MAX 19u
/* What a model takes beside its slots. */
#define SWB_MIX_TABLES_BYTES ((size_t)64 << 10)

enum swb_mix_mode {
        SWB_MIX_NUMBERS,     /* runs of zeros, and numbers between */
        SWB_MIX_DIFFERENCES, /* runs of zeros, and bytes between */
        SWB_MIX_BYTES,
        _SWB_MIX_MODE_MAX,
};

enum swb_mix_kind { SWB_MIX_RUN, SWB_MIX_NUMBER, SWB_MIX_DIFFERENCE, SWB_MIX_BYTE };

struct swb_mix;

/* slots_log within its limits. Return: 0, -ENOMEM. */
int swb_mix_new(enum swb_mix_mode mode, unsigned slots_log, struct swb_mix **ret) _warn_unused_;
struct swb_mix *swb_mix_free(struct swb_mix *mix);
SWB_DEFINE_CLEANUP(struct swb_mix *, swb_mix_free)

/* What the slots take, with what belongs to them. */
size_t swb_mix_slots_bytes(unsigned slots_log);

/* What the present symbol is. */
enum swb_mix_kind swb_mix_kind(const struct swb_mix *mix);

/* Probability that the next bit is a 1, in 65536ths: 1 to 65535. Once before each
 * swb_mix_learn(). */
uint32_t swb_mix_predict(struct swb_mix *mix);

/* true: that was the symbol's last bit, and the next one begins. */
bool swb_mix_learn(struct swb_mix *mix, bool bit, uint64_t *ret_symbol);

/* Making: the next bit of this symbol. Numbers are not 0. */
bool swb_mix_bit_of(const struct swb_mix *mix, uint64_t symbol);
