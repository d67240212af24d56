/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * base/ranges.h - ranges of bytes, and the text that HTTP's Range has for them
 */
#include "base/buf.h"

struct swb_range {
        uint64_t start, end; /* the byte behind the last one; above start */
};

/* A list that a request can hold with any server. */
#define SWB_RANGES_MAX 64
#define SWB_RANGES_TEXT_MAX (SWB_RANGES_MAX * 42) /* with its NUL */

/* Appends "0-99,200-299". Return: 0, -E2BIG, -ENOMEM. */
int swb_ranges_put(struct swb_buf *buf, const struct swb_range *ranges, size_t n) _warn_unused_;

/* Exactly such a text, ascending and apart. Return: 0, -EBADMSG, -E2BIG (more than max). */
int swb_ranges_parse(const char *text, struct swb_range *ranges, size_t max,
                     size_t *ret_n) _warn_unused_;
