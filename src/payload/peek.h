/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * payload/peek.h - what a payload's first bytes tell, to whoever only carries it
 *
 * Nothing is verified: good for deciding which bytes to get next, and for nothing else.
 */
#include "payload/format.h"

/* As many bytes as are needed: header, and the manifest up to its minor version (PF-17). */
#define SWB_PAYLOAD_PEEK_BYTES 128

struct swb_payload_peek {
        uint32_t minor;          /* 0 when it is not among these bytes */
        uint64_t metadata_bytes; /* header, manifest, metadata signature */
};

/* false: not a payload that this version knows. */
bool swb_payload_peek(const uint8_t *data, size_t n_bytes, struct swb_payload_peek *ret);
