/* SPDX-License-Identifier: Apache-2.0 */
#include "payload/wire.h"

#include "payload/format.h"

#define HASH_BYTES 32
#define FIELD_NUMBER_MAX ((1u << 29) - 1)

static int fail_cut(const struct swb_wire *wire, size_t at, struct swb_error *err)
{
        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "%s: field at byte %zu is damaged or cut",
                        wire->message, at);
}

/* Reads one field of any number. */
static int read_field(struct swb_wire *wire, struct swb_wire_field *ret, struct swb_error *err)
{
        struct swb_cursor *c = &wire->cursor;
        size_t at = c->pos;
        uint64_t tag = swb_cursor_varint(c);
        struct swb_wire_field field = {.number = (unsigned)(tag >> 3), .type = tag & 7};
        const uint8_t *raw;

        if (swb_cursor_overrun(c) || tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX)
                return fail_cut(wire, at, err);
        switch (field.type) {
        case SWB_WIRE_VARINT:
                field.value = swb_cursor_varint(c);
                break;
        case SWB_WIRE_FIXED64:
                raw = swb_cursor_take(c, 8);
                field.value = raw ? swb_get_le64(raw) : 0;
                break;
        case SWB_WIRE_FIXED32:
                raw = swb_cursor_take(c, 4);
                field.value = raw ? swb_get_le32(raw) : 0;
                break;
        case SWB_WIRE_BYTES:
                field.value = swb_cursor_varint(c);
                if (field.value > swb_cursor_left(c))
                        return fail_cut(wire, at, err);
                field.n_bytes = (size_t)field.value;
                field.data = swb_cursor_take(c, field.n_bytes);
                break;
        default: /* groups: nobody writes them, and skipping them would need a stack */
                return fail_cut(wire, at, err);
        }
        if (swb_cursor_overrun(c))
                return fail_cut(wire, at, err);
        *ret = field;
        return 0;
}

static const struct swb_wire_known *find_known(const struct swb_wire *wire, unsigned number)
{
        for (const struct swb_wire_known *k = wire->known; k->number; k++)
                if (k->number == number)
                        return k;
        return NULL;
}

int swb_wire_next(struct swb_wire *wire, struct swb_wire_field *ret, struct swb_error *err)
{
        while (swb_cursor_left(&wire->cursor) > 0) {
                const struct swb_wire_known *known;
                struct swb_wire_field field;
                int r;

                r = read_field(wire, &field, err);
                if (r < 0)
                        return r;
                known = find_known(wire, field.number);
                if (!known)
                        continue;
                if (field.type != known->type)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "%s: field %u has wire type %u instead of %u",
                                        wire->message, field.number, field.type, known->type);
                if (!known->repeated && wire->seen >> field.number & 1)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "%s: field %u given twice",
                                        wire->message, field.number);
                wire->seen |= (uint64_t)1 << field.number;
                *ret = field;
                return 1;
        }
        return 0;
}

int swb_wire_require(const struct swb_wire *wire, unsigned number, const char *name,
                     struct swb_error *err)
{
        if (wire->seen >> number & 1)
                return 0;
        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "%s: %s is missing", wire->message, name);
}

int swb_wire_u32(const struct swb_wire *wire, const struct swb_wire_field *field, uint32_t *ret,
                 struct swb_error *err)
{
        if (field->value > UINT32_MAX)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "%s: field %u is larger than 32 bits", wire->message,
                                field->number);
        *ret = (uint32_t)field->value;
        return 0;
}

int swb_wire_hash(const struct swb_wire *wire, const struct swb_wire_field *field,
                  uint8_t *ret_hash, struct swb_error *err)
{
        if (field->n_bytes != HASH_BYTES)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "%s: field %u is a hash of %zu bytes, not %d", wire->message,
                                field->number, field->n_bytes, HASH_BYTES);
        memcpy(ret_hash, field->data, HASH_BYTES);
        return 0;
}

int swb_wire_text(const struct swb_wire *wire, const struct swb_wire_field *field, char *ret,
                  size_t size, struct swb_error *err)
{
        if (field->n_bytes >= size)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT,
                                "%s: field %u is a text of %zu bytes, at most %zu are taken",
                                wire->message, field->number, field->n_bytes, size - 1);
        for (size_t i = 0; i < field->n_bytes; i++)
                if (field->data[i] < 0x20 || field->data[i] > 0x7e)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "%s: field %u holds byte 0x%02x, not printable ASCII",
                                        wire->message, field->number, field->data[i]);
        if (field->n_bytes > 0)
                memcpy(ret, field->data, field->n_bytes);
        ret[field->n_bytes] = '\0';
        return 0;
}

enum { EXTENT_START_BLOCK = 1, EXTENT_NUM_BLOCKS = 2 };

static const struct swb_wire_known extent_fields[] = {
        {EXTENT_START_BLOCK, SWB_WIRE_VARINT},
        {EXTENT_NUM_BLOCKS, SWB_WIRE_VARINT},
        {0},
};

int swb_wire_extent(const struct swb_wire_field *field, struct swb_extent *ret,
                    struct swb_error *err)
{
        struct swb_wire wire = SWB_WIRE("Extent", extent_fields, field->data, field->n_bytes);
        struct swb_wire_field f;
        int r;

        *ret = (struct swb_extent){0};
        while ((r = swb_wire_next(&wire, &f, err)) > 0)
                *(f.number == EXTENT_START_BLOCK ? &ret->start_block : &ret->n_blocks) = f.value;
        return r;
}
