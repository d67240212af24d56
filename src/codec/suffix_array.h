/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/suffix_array.h - longest match of a text in another (wraps libdivsufsort; for bsdiff.c)
 */
#include <stdint.h>

#include "base/cleanup.h"

struct swb_suffix_array {
        const uint8_t *text; /* borrowed */
        size_t n;
        int32_t *narrow; /* one of the two, by the text's size */
        int64_t *wide;
};

struct swb_match {
        size_t pos; /* in the text */
        size_t n_bytes;
};

/* Return: 0, -ENOMEM. */
int swb_suffix_array_init(struct swb_suffix_array *index, const uint8_t *text,
                          size_t n) _warn_unused_;
void swb_suffix_array_done(struct swb_suffix_array *index);
uint64_t swb_suffix_array_memory(uint64_t n);

/* The longest beginning of `wanted` that occurs in the text; the same answer every time. */
struct swb_match swb_suffix_array_longest(const struct swb_suffix_array *index,
                                          const uint8_t *wanted, size_t n_wanted);
