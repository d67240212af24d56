/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * base/buf.h - growable byte buffer with a ceiling
 *
 * Invariants: data is NULL exactly when cap is 0; n_bytes <= cap <= max_bytes. The byte after the
 * content is NUL once anything was appended with _str or _printf, so `(char *)data` can be read as
 * text. No buffer without a ceiling: appending beyond max_bytes fails with -E2BIG and changes
 * nothing.
 */
#include <stdint.h>

#include "base/cleanup.h"

struct swb_buf {
        uint8_t *data;
        size_t n_bytes;
        size_t cap;
        size_t max_bytes;
};

#define SWB_BUF_INIT(max) ((struct swb_buf){.max_bytes = (max)})

void swb_buf_done(struct swb_buf *buf);

/* Empties it, keeps the memory. */
static inline void swb_buf_reset(struct swb_buf *buf)
{
        buf->n_bytes = 0;
}

/* All return 0, -E2BIG (above max_bytes) or -ENOMEM. */
int swb_buf_reserve(struct swb_buf *buf, size_t extra_bytes) _warn_unused_;
int swb_buf_append(struct swb_buf *buf, const void *data, size_t n_bytes) _warn_unused_;
int swb_buf_append_str(struct swb_buf *buf, const char *text) _warn_unused_;
int swb_buf_printf(struct swb_buf *buf, const char *format, ...) _warn_unused_ _printf_(2, 3);

/* The content as NUL-terminated text, owned by the caller (free); the buffer is empty after it.
 * NULL when out of memory. */
char *swb_buf_take_str(struct swb_buf *buf);
