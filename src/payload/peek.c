/* SPDX-License-Identifier: Apache-2.0 */
#include "payload/peek.h"

#include "payload/wire.h"

#define MANIFEST_MINOR_VERSION 12

/* The message is cut somewhere behind the field: what comes first counts. */
static uint32_t find_minor(const uint8_t *manifest, size_t n_bytes)
{
        static const struct swb_wire_known known[] = {{MANIFEST_MINOR_VERSION, SWB_WIRE_VARINT},
                                                      {0}};
        struct swb_wire wire = SWB_WIRE("manifest", known, manifest, n_bytes);
        struct swb_wire_field field;

        if (swb_wire_next(&wire, &field, NULL) <= 0 || field.value > UINT32_MAX)
                return 0;
        return (uint32_t)field.value;
}

bool swb_payload_peek(const uint8_t *data, size_t n_bytes, struct swb_payload_peek *ret)
{
        struct swb_cursor c = SWB_CURSOR(data, n_bytes);
        const uint8_t *magic = swb_cursor_take(&c, 4);
        uint64_t major = swb_cursor_be64(&c), n_manifest = swb_cursor_be64(&c);
        uint32_t n_signature = swb_cursor_be32(&c);

        if (n_bytes < SWB_PAYLOAD_HEADER_BYTES || memcmp(magic, SWB_PAYLOAD_MAGIC, 4) != 0 ||
            major != SWB_PAYLOAD_MAJOR || n_manifest > SWB_MANIFEST_MAX_BYTES ||
            n_signature > SWB_SIGNATURES_MAX_BYTES)
                return false;
        ret->metadata_bytes = SWB_PAYLOAD_HEADER_BYTES + n_manifest + n_signature;
        ret->minor = find_minor(
                data + SWB_PAYLOAD_HEADER_BYTES,
                (size_t)SWB_MIN((uint64_t)n_bytes - SWB_PAYLOAD_HEADER_BYTES, n_manifest));
        return true;
}
