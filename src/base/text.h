/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * base/text.h - bytes and numbers as text
 *
 * Decoders are strict: no white space, no sign where none belongs, no trailing bytes.
 * All return 0 or a negative errno; `ret_*` is written on success only.
 */
#include <stdint.h>

#include "base/cleanup.h"

/* Lower-case hex; `text` has room for 2 * n_bytes + 1 characters. */
void swb_hex_encode(const void *data, size_t n_bytes, char *text);
/* Exactly n_bytes from exactly 2 * n_bytes digits of either case. -EINVAL. */
int swb_hex_decode(const char *text, void *data, size_t n_bytes) _warn_unused_;

#define SWB_BASE64_SIZE(n_bytes) (((n_bytes) + 2) / 3 * 4 + 1)

/* RFC 4648 section 4 with padding; `text` has room for SWB_BASE64_SIZE(n_bytes). */
void swb_base64_encode(const void *data, size_t n_bytes, char *text);
/* At most max_bytes; -EINVAL for a wrong form, -E2BIG for too much. */
int swb_base64_decode(const char *text, void *data, size_t max_bytes,
                      size_t *ret_n_bytes) _warn_unused_;

/* Decimal, 0 .. UINT64_MAX / INT64_MIN .. INT64_MAX. -EINVAL, -ERANGE. */
int swb_parse_u64(const char *text, uint64_t *ret) _warn_unused_;
int swb_parse_i64(const char *text, int64_t *ret) _warn_unused_;
/* Decimal with an optional suffix K, M, G or T (powers of 1024). */
int swb_parse_size(const char *text, uint64_t *ret_bytes) _warn_unused_;
/* Seconds, or a number with s, m, h, d. Result in microseconds. */
int swb_parse_duration(const char *text, uint64_t *ret_usec) _warn_unused_;
/* yes/no, true/false, on/off, 1/0. */
int swb_parse_bool(const char *text, bool *ret) _warn_unused_;

/* "11.6 MB" (powers of 1000, one decimal); `text` has room for SWB_SIZE_TEXT. Returns text. */
#define SWB_SIZE_TEXT 16
const char *swb_format_size(uint64_t n_bytes, char *text);

/* The same text? Takes the same time wherever they differ: for secrets. */
bool swb_secret_equal(const char *a, const char *b);

bool swb_starts_with(const char *text, const char *prefix);
bool swb_ends_with(const char *text, const char *suffix);
/* Is the word, which is not empty, one of those in a list with blanks between them? */
bool swb_has_word(const char *list, const char *word);
/* The next word of a list (what does not fit into `size` bytes of it is left out); false: that were
 * all. */
bool swb_next_word(const char **list, char *word, size_t size);

/*
 * Compares versions: dotted numeric parts, a missing part is 0, leading zeros do not count. A part
 * that is not a number compares as text and is lower than any number ("1.2.rc1" < "1.2.0"); after
 * '-' as in semantic versions a pre-release sorts before the release, '+' ends the comparison.
 * Return: < 0, 0, > 0.
 */
int swb_version_compare(const char *a, const char *b);
