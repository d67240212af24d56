/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * payload/wire.h - walks the fields of one protocol buffers message; for this folder only
 *
 * Spec: docs/spec/payload.md PF-10 to PF-14.
 * Nothing is allocated or copied: memory does not depend on what a message claims to hold. That is
 * why the reader has no generated code: a general unpacker builds a tree of the whole manifest and
 * keeps unknown fields; protobuf-c takes 36 to 72 bytes of memory for each byte of a hostile
 * message.
 */
#include "base/cursor.h"
#include "base/error.h"

enum swb_wire_type {
        SWB_WIRE_VARINT = 0,
        SWB_WIRE_FIXED64 = 1,
        SWB_WIRE_BYTES = 2, /* bytes, text, or a message in the message */
        SWB_WIRE_FIXED32 = 5,
};

/* A field that the caller wants; the table ends with number 0. Numbers are below 64. */
struct swb_wire_known {
        uint8_t number;
        enum swb_wire_type type;
        bool repeated;
};

struct swb_wire {
        struct swb_cursor cursor;
        const struct swb_wire_known *known;
        uint64_t seen;       /* bit per field number */
        const char *message; /* its name, for texts */
};

struct swb_wire_field {
        unsigned number;
        unsigned type;       /* enum swb_wire_type */
        uint64_t value;      /* of a varint or fixed field */
        const uint8_t *data; /* of a bytes field: borrowed */
        size_t n_bytes;
};

#define SWB_WIRE(name, table, bytes, n)                                                            \
        ((struct swb_wire){.message = (name), .known = (table), .cursor = SWB_CURSOR(bytes, n)})

/*
 * The next known field; unknown ones are stepped over.
 * Return: 1, 0 at the end, FORMAT (cut, a group, a field of another type, one given twice).
 */
int swb_wire_next(struct swb_wire *wire, struct swb_wire_field *ret,
                  struct swb_error *err) _warn_unused_;
/* FORMAT when the field was not there. */
int swb_wire_require(const struct swb_wire *wire, unsigned number, const char *name,
                     struct swb_error *err) _warn_unused_;

/* What a field holds. FORMAT for a number of more than 32 bits, a hash that is not 32 bytes, text
 * with anything but printable ASCII; LIMIT for text of `size` bytes or more. */
int swb_wire_u32(const struct swb_wire *wire, const struct swb_wire_field *field, uint32_t *ret,
                 struct swb_error *err) _warn_unused_;
int swb_wire_hash(const struct swb_wire *wire, const struct swb_wire_field *field,
                  uint8_t *ret_hash, struct swb_error *err) _warn_unused_;
struct swb_extent;
int swb_wire_extent(const struct swb_wire_field *field, struct swb_extent *ret,
                    struct swb_error *err) _warn_unused_;
int swb_wire_text(const struct swb_wire *wire, const struct swb_wire_field *field, char *ret,
                  size_t size, struct swb_error *err) _warn_unused_;
