/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/suffix_array.h - longest match of a text in another (wraps libdivsufsort; for bsdiff.c)
 */
#include <stdint.h>

#include "base/cleanup.h"
#include "base/endian.h"

/* Whether a string of this length occurs at all is known without a search, most of the time. */
#define SWB_SUFFIX_GRAM_BYTES 8

/* How many of their first n bytes both have in common. */
static inline size_t swb_common_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
        size_t i = 0;

        for (; i + 8 <= n; i += 8) {
                uint64_t different = swb_get_le64(a + i) ^ swb_get_le64(b + i);

                if (different != 0)
                        return i + (size_t)__builtin_ctzll(different) / 8;
        }
        while (i < n && a[i] == b[i])
                i++;
        return i;
}

struct swb_suffix_array {
        const uint8_t *text; /* borrowed */
        size_t n;
        size_t *buckets;   /* first rank of the suffixes that begin with each two bytes */
        uint64_t *samples; /* how every so many-th suffix begins */
        size_t n_samples;
        uint64_t *grams; /* bitmap: hashes of the text's strings of SWB_SUFFIX_GRAM_BYTES */
        unsigned gram_bits;
        int32_t *narrow; /* one of the two, by the text's size */
        int64_t *wide;
};

struct swb_match {
        size_t pos; /* in the text */
        size_t n_bytes;
        size_t rank; /* of the suffix at pos */
};

/* Return: 0, -ENOMEM. */
int swb_suffix_array_init(struct swb_suffix_array *index, const uint8_t *text,
                          size_t n) _warn_unused_;
void swb_suffix_array_done(struct swb_suffix_array *index);
uint64_t swb_suffix_array_memory(uint64_t n);

/* The longest beginning of `wanted` that occurs in the text; the same answer every time. */
struct swb_match swb_suffix_array_longest(const struct swb_suffix_array *index,
                                          const uint8_t *wanted, size_t n_wanted);

/* false: the text does not have the first SWB_SUFFIX_GRAM_BYTES of `wanted`, or `wanted` is
 * shorter. */
bool swb_suffix_array_may_have(const struct swb_suffix_array *index, const uint8_t *wanted,
                               size_t n_wanted);

/* Of the places nearby in the array where the text has the same bytes: the one nearest to
 * `wanted_pos` (which may lie outside the text). */
size_t swb_suffix_array_nearest(const struct swb_suffix_array *index, const struct swb_match *match,
                                int64_t wanted_pos);
