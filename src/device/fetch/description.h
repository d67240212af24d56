/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/fetch/description.h - what <payload>.json says, as far as a device needs it
 *
 * Spec: docs/spec/manifest.md. A scanner for one flat object, not a JSON library: members that are
 * not known, and whatever is in them, are stepped over. Nothing of this is trusted: the payload's
 * own signed metadata must say the same when it is installed.
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_DESCRIPTION_MAX_BYTES (1u << 20)
#define SWB_DESCRIPTION_TEXT 256

struct swb_description {
        char app_id[SWB_DESCRIPTION_TEXT]; /* "": any */
        char version[SWB_DESCRIPTION_TEXT];
        char source_version[SWB_DESCRIPTION_TEXT]; /* of a delta, if it says so */
        uint64_t payload_bytes;
        uint8_t payload_hash[32]; /* SHA-256 of the whole file */
        bool is_delta;
};

/* Return: 0; FORMAT when it is no object, a member that is needed is missing or wrong. */
int swb_description_parse(const void *text, size_t n_bytes, struct swb_description *ret,
                          struct swb_error *err) _warn_unused_;
