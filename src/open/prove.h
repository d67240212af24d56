/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/prove.h - which encoder makes exactly these bytes? For this folder only
 */
#include "open/find.h"
#include "open/spans.h"

/* What earlier pieces of a group have taught. */
struct swb_proofs {
        const struct swb_find_limits *limits;
        struct group *groups;
        size_t n_groups;
        /* Of the last piece that was asked for: why encoders were not even tried. */
        struct swb_closed refused;
};

/* n_groups: how many there are more. 0, -ENOMEM. */
int swb_proofs_reserve(struct swb_proofs *proofs, size_t n_groups) _warn_unused_;
void swb_proofs_done(struct swb_proofs *proofs);

enum { SWB_PROVED = 1, SWB_NOT_PROVED = 0 };
/* Does this one? Return: SWB_PROVED, SWB_NOT_PROVED, -ENOMEM; how many of the first bytes are
 * equal. */
int swb_prove_setting(const struct swb_setting *setting, const uint8_t *encoded, size_t n_encoded,
                      const uint8_t *opened, size_t n_opened, size_t *ret_equal) _warn_unused_;

/* As swb_prove(); when none makes all, the one that makes the most of the beginning, if any. */
int swb_prove_most(struct swb_proofs *proofs, const struct swb_span *span, const uint8_t *encoded,
                   size_t n_encoded, const uint8_t *opened, size_t n_opened,
                   struct swb_setting *ret, size_t *ret_equal) _warn_unused_;

/* Return: SWB_PROVED and how, SWB_NOT_PROVED, -ENOMEM. */
int swb_prove(struct swb_proofs *proofs, const struct swb_span *span, const uint8_t *encoded,
              size_t n_encoded, const uint8_t *opened, size_t n_opened,
              struct swb_setting *ret) _warn_unused_;
