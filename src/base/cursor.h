/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * base/cursor.h - bounded reads from a byte array
 *
 * A read beyond the end returns 0 (or NULL) and makes the cursor overrun, for good: read a whole
 * record, then ask swb_cursor_overrun() once.
 */
#include <stdint.h>

#include "base/cleanup.h"
#include "base/endian.h"

struct swb_cursor {
        const uint8_t *data; /* borrowed */
        size_t n_bytes;
        size_t pos; /* <= n_bytes */
        bool overrun;
};

#define SWB_CURSOR(bytes, n) ((struct swb_cursor){.data = (bytes), .n_bytes = (n)})

static inline bool swb_cursor_overrun(const struct swb_cursor *c)
{
        return c->overrun;
}

static inline size_t swb_cursor_left(const struct swb_cursor *c)
{
        return c->n_bytes - c->pos;
}

/* Return: the next n bytes, borrowed, and steps over them; NULL on overrun. */
static inline const uint8_t *swb_cursor_take(struct swb_cursor *c, size_t n)
{
        const uint8_t *p;

        if (c->overrun || n > c->n_bytes - c->pos) {
                c->overrun = true;
                return NULL;
        }
        p = c->data + c->pos;
        c->pos += n;
        return p;
}

static inline uint8_t swb_cursor_u8(struct swb_cursor *c)
{
        const uint8_t *p = swb_cursor_take(c, 1);

        return p ? *p : 0;
}

static inline uint32_t swb_cursor_be32(struct swb_cursor *c)
{
        const uint8_t *p = swb_cursor_take(c, 4);

        return p ? swb_get_be32(p) : 0;
}

static inline uint64_t swb_cursor_be64(struct swb_cursor *c)
{
        const uint8_t *p = swb_cursor_take(c, 8);

        return p ? swb_get_be64(p) : 0;
}

/* Protocol buffers' base-128 varint, at most 10 bytes. */
static inline uint64_t swb_cursor_varint(struct swb_cursor *c)
{
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 70; shift += 7) {
                uint8_t byte = swb_cursor_u8(c);

                if (shift < 64)
                        value |= (uint64_t)(byte & 0x7f) << shift;
                if (!(byte & 0x80))
                        return value;
        }
        c->overrun = true;
        return 0;
}
