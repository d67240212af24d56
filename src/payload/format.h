/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * payload/format.h - names and numbers of the payload container
 *
 * Spec: docs/spec/payload.md. The container is `CrAU`, major version 2, shared with Chrome OS and
 * Android.
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_PAYLOAD_MAGIC "CrAU"
#define SWB_PAYLOAD_HEADER_BYTES 24
#define SWB_PAYLOAD_MAJOR 2
#define SWB_BLOCK_BYTES 4096

/* Limits that every reader of ours holds; writers stay below them. */
#define SWB_MANIFEST_MAX_BYTES (16u << 20)
#define SWB_SIGNATURES_MAX_BYTES (64u << 10)
#define SWB_OPERATION_DATA_MAX_BYTES (24u << 20)
#define SWB_PARTITIONS_MAX 16
#define SWB_EXTENTS_MAX (256u << 10) /* of one operation */
#define SWB_PARTITION_NAME_MAX 36    /* as in a GPT */
#define SWB_PARTITION_MAX_BYTES ((uint64_t)1 << 44)

/* start_block of an extent that stands for no place: zeros when read, dropped when written. */
#define SWB_SPARSE_HOLE UINT64_MAX

#define SWB_MINOR_FULL 0
#define SWB_MINOR_PARTIAL 7 /* from here on a payload may leave partitions out (partial_update) */
/* Our own minor versions. 1000: full or delta, the types of minor 5 but for DISCARD and PUFFDIFF,
 * and REPLACE_ZSTD. 1001: SWDIFF too. 1002: full payloads whose operations are pieces (PF-90).
 * 1003: as 1001, and REPLACE_SPLIT, and
 * two more codings in SWDIFF. 1004: as 1003, and SWDIFF with predicted addresses (SWD2)
 * or between opened contents (SWO1). */
#define SWB_MINOR_OWN_FIRST 1000
#define SWB_MINOR_PIECES 1002
#define SWB_MINOR_ALL_CODECS 1003
#define SWB_MINOR_PREDICTED 1004
#define SWB_MINOR_OPENED 1004
#define SWB_MINOR_OWN_LAST 1004

/* Pieces: what an operation's destination must hold, so that a device can look for it in what it
 * has instead of fetching it. */
#define SWB_TAG_BYTES 5u                /* of a block: the first bytes of its SHA-256 */
#define SWB_PIECES_MIN_BYTES (1u << 20) /* smaller payloads are fetched whole */
#define SWB_PIECE_MAX_BYTES (4u << 20)  /* of one operation's destination */

enum swb_op_type {
        SWB_OP_REPLACE = 0,
        SWB_OP_REPLACE_BZ = 1,
        SWB_OP_MOVE = 2,   /* minor 1 only: refused */
        SWB_OP_BSDIFF = 3, /* minor 1 only: refused */
        SWB_OP_SOURCE_COPY = 4,
        SWB_OP_SOURCE_BSDIFF = 5,
        SWB_OP_ZERO = 6,
        SWB_OP_DISCARD = 7, /* as ZERO: what a discarded block reads as is nowhere promised */
        SWB_OP_REPLACE_XZ = 8,
        SWB_OP_PUFFDIFF = 9,
        SWB_OP_BROTLI_BSDIFF = 10,
        SWB_OP_ZUCCHINI = 11,
        SWB_OP_LZ4DIFF_BSDIFF = 12,
        SWB_OP_LZ4DIFF_PUFFDIFF = 13,
        SWB_OP_REPLACE_ZSTD = 128,  /* own profile: one zstd frame, window at most 8 MiB */
        SWB_OP_SWDIFF = 129,        /* own profile: a difference in the format SWD1 */
        SWB_OP_REPLACE_SPLIT = 130, /* own profile: content sorted into streams, format SWS1 */
};
#define SWB_OP_LAST SWB_OP_REPLACE_SPLIT /* highest number of a type */

/* "REPLACE_BZ" …; "unknown" for a number without a name. */
const char *swb_op_to_string(uint32_t type);
bool swb_op_has_data(uint32_t type);   /* takes bytes from the payload */
bool swb_op_has_source(uint32_t type); /* reads the old partition */
/* May this type stand in a payload of this minor version (docs/spec/payload.md, table of types)? */
bool swb_op_allowed(uint32_t type, uint32_t minor);
/* Can this build apply this type? */
bool swb_op_supported(uint32_t type);
/* 0, 2..9, own from 1000: known at all? */
bool swb_minor_known(uint32_t minor);

struct swb_extent {
        uint64_t start_block;
        uint64_t n_blocks;
};

struct swb_operation {
        uint32_t type;        /* enum swb_op_type, or a number unknown to us */
        uint64_t data_offset; /* from the first blob */
        uint64_t data_length;
        struct swb_extent *src;
        size_t n_src;
        struct swb_extent *dst;
        size_t n_dst;
        uint64_t src_length, dst_length; /* 0 = not given */
        bool has_data_hash, has_src_hash;
        uint8_t data_hash[32]; /* SHA-256 of the blob */
        uint8_t src_hash[32];  /* SHA-256 of the source extents' bytes */
        /* SWB_MINOR_PIECES, where there is data. */
        bool has_dst_hash;
        uint8_t dst_hash[32]; /* SHA-256 of the destination extents' bytes */
        const uint8_t *tags;  /* SWB_TAG_BYTES for each destination block; the reader's point into
                                 the manifest */
        size_t n_tag_bytes;
};

/* Blocks in a list of extents, holes included. Extents that a reader let pass can't overflow it. */
uint64_t swb_extents_blocks(const struct swb_extent *extents, size_t n);

#define SWB_HASH_TREE_SALT_MAX 256u

/* A dm-verity hash tree that no operation writes: the device makes it. */
struct swb_hash_tree {
        struct swb_extent data, tree; /* of the new partition */
        char algorithm[32];
        uint8_t salt[SWB_HASH_TREE_SALT_MAX];
        size_t n_salt;
};

/* Blocks of a SHA-256 tree over so many blocks of data; 0 over less than two. */
uint64_t swb_hash_tree_blocks(uint64_t data_blocks);

#define SWB_FEC_ROOTS_DEFAULT 2u

/* Error correction over a hash tree and its data that no operation writes: the device makes it. */
struct swb_error_correction {
        struct swb_extent covered; /* from the tree's data to the tree's end */
        struct swb_extent fec;
        uint32_t roots;
};

/* Blocks of error correction over so many blocks; 0 where there can be none. */
uint64_t swb_error_correction_blocks(uint64_t covered_blocks, uint32_t roots);

struct swb_partition {
        char name[SWB_PARTITION_NAME_MAX + 1];
        char version[64]; /* "" = not given; binds the release to the signature */
        bool has_old, has_new;
        uint64_t old_bytes, new_bytes;
        uint8_t old_hash[32], new_hash[32];
        bool run_postinstall, postinstall_optional;
        char postinstall_path[256];
        char filesystem_type[16];
        bool has_tree, has_fec;
        struct swb_hash_tree tree;
        struct swb_error_correction fec;
        size_t n_operations;
};

#define SWB_NEEDS_ENCODERS_MAX 127

/* What a device must have and give to apply the payload; all empty: nothing but its reader. */
struct swb_needs {
        char encoders[SWB_NEEDS_ENCODERS_MAX + 1]; /* names with blanks between: PF-138 */
        uint64_t memory_bytes, scratch_bytes;      /* of one operation with opened contents */
};

struct swb_manifest {
        uint32_t block_size;
        uint32_t minor;
        uint64_t signatures_offset, signatures_size; /* both 0: not signed */
        int64_t max_timestamp;                       /* seconds since 1970, 0 = not given */
        bool partial_update;
        struct swb_needs needs;
        size_t n_partitions;
        struct swb_partition partitions[SWB_PARTITIONS_MAX];
};

struct swb_signature {
        const uint8_t *data; /* borrowed */
        size_t n_bytes;      /* unpadded size if given, else the whole */
};
