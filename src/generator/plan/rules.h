/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/plan/rules.h - what may stand in the payload that is being made
 */
#include "payload/format.h"

enum swb_profile {
        SWB_PROFILE_SWITCHBACK, /* our engine: REPLACE_ZSTD and SWDIFF too */
        SWB_PROFILE_CHROMEOS,   /* any client of the Chrome OS / Android family */
        _SWB_PROFILE_MAX,
        _SWB_PROFILE_INVALID = -EINVAL,
};

const char *swb_profile_to_string(enum swb_profile profile);
enum swb_profile swb_profile_from_string(const char *name);

/* Minor versions that the generator writes, for --minor. */
#define SWB_MINOR_DEFAULT UINT32_MAX
#define SWB_MINOR_CHROMEOS_DELTA 4 /* what every client of that family still in use reads */
#define SWB_MINOR_CHROMEOS_LAST 6

#define SWB_EFFORT_MAX 9
#define SWB_EFFORT_DEFAULT 6

struct swb_rules {
        enum swb_profile profile;
        bool delta;
        uint32_t minor;
        bool zero;            /* ZERO may be used */
        bool brotli;          /* BROTLI_BSDIFF instead of SOURCE_BSDIFF */
        bool puffdiff;        /* PUFFDIFF may be used */
        bool swdiff;          /* SWDIFF instead of both, of many files each */
        bool xz;              /* REPLACE_XZ may be used */
        bool zstd;            /* REPLACE_ZSTD may be used */
        bool all_codecs;      /* bzip2 and brotli in SWDIFF */
        bool predicted;       /* SWDIFF may be of format SWD2 */
        bool opened;          /* SWDIFF between opened contents */
        const char *encoders; /* names of those that it may need; NULL: all that are present */
        bool split;           /* REPLACE_SPLIT may be used */
        bool lengths;         /* SOURCE_BSDIFF carries src_length and dst_length */
        bool offsets_32_bit;  /* clients read data_offset and data_length as 32 bits */
        bool hash_tree;       /* the device can be left to make a hash tree */
        bool fec;             /* and error correction, where a superblock lies between */
        bool pieces;          /* a full payload from which devices fetch what they lack */
        /* What devices give to opening and closing: SWB_OPEN_MEMORY_BYTES unless they say so. */
        uint64_t open_memory_bytes;
        unsigned effort;       /* 1 to SWB_EFFORT_MAX: how much is tried for a difference */
        uint64_t chunk_blocks; /* of one REPLACE_* */
};

/* minor: SWB_MINOR_DEFAULT or a number. USAGE when profile, kind and minor do not go together. */
int swb_rules_init(struct swb_rules *rules, enum swb_profile profile, bool delta, uint32_t minor,
                   struct swb_error *err) _warn_unused_;
