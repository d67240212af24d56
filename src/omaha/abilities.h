/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * omaha/abilities.h - which payloads a device can apply, in one attribute of its request
 *
 * Place:  contract between server and device; pure
 * Spec:   docs/spec/omaha.md OM-31 … OM-33, docs/spec/payload.md PF-138
 *
 * The text is "MINOR MEMORY SCRATCH NAME…": the highest minor version of ours that the device
 * reads, what it gives to opened contents (MiB), and the names of its encoders, with blanks
 * between: "1004 26 1024 lz4 lz4-hc zlib gzip xz zstd-1.5.4".
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_ABILITIES_TEXT_MAX 160
/* What is taken of a device that does not say. */
#define SWB_ABILITIES_MINOR_UNKNOWN 1003u
/* Minor versions from here on are ours; everybody is taken to read those below. */
#define SWB_ABILITIES_MINOR_OWN 1000u

struct swb_abilities {
        bool is_told;
        uint32_t minor;
        uint64_t memory_bytes, scratch_bytes;
        const char *encoders; /* into the text; "": none */
};

/* Texts that are no such thing, or longer than SWB_ABILITIES_TEXT_MAX - 1, or NULL, are those of a
 * device that does not say. Borrows from the text. */
void swb_abilities_parse(const char *text, struct swb_abilities *ret);
/* What is below a MiB is left out. Returns text. */
const char *swb_abilities_format(const struct swb_abilities *abilities,
                                 char text[static SWB_ABILITIES_TEXT_MAX]);

/* What a payload asks of a device. */
struct swb_demands {
        uint32_t minor;
        const char *encoders; /* names with blanks between */
        uint64_t memory_bytes, scratch_bytes;
};

enum swb_lack {
        SWB_LACK_NOTHING,
        SWB_LACK_MINOR,
        SWB_LACK_ENCODER,
        SWB_LACK_MEMORY,
        SWB_LACK_SCRATCH,
};

/* The first thing that the device lacks for it. */
enum swb_lack swb_abilities_lack(const struct swb_abilities *abilities,
                                 const struct swb_demands *demands);
/* In words, for a sentence that begins with the payload: "needs the encoder 'zstd-1.5.4'". "" for
 * nothing. Returns text. */
#define SWB_LACK_TEXT 120
const char *swb_abilities_describe_lack(const struct swb_abilities *abilities,
                                        const struct swb_demands *demands,
                                        char text[static SWB_LACK_TEXT]);
