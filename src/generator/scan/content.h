/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/scan/content.h - what a file's bytes are, and how they sort into streams
 *
 * Found by looking inside: sections of ELF files, LZ4 blocks of kernel images. As with the scan,
 * all of it is a hint: what a damaged file makes of it costs size, never correctness.
 */
#include "codec/split.h"
#include "generator/scan/scan.h"

/* Contents that are like each other, in the order in which they are packed. */
enum swb_content_class {
        SWB_CONTENT_OBJECT,  /* relocatable: kernel modules */
        SWB_CONTENT_PROGRAM, /* programs and libraries */
        SWB_CONTENT_OTHER,
        SWB_CONTENT_REST, /* folders, links, tables of the file system */
};

/* A part of a content that is not PLAIN data; `start` in bytes of the file. */
struct swb_content_region {
        uint64_t start;
        struct swb_split_region region;
};

/* Costs are guessed for pieces of so many blocks. */
#define SWB_CONTENT_PIECE_BLOCKS 256u

struct swb_content {
        enum swb_content_class class;
        struct swb_content_region *regions; /* by start, without overlap */
        size_t n_regions, cap;
        uint32_t *costs; /* bytes of each piece when packed, about */
        size_t n_costs;
};

/* Looks into the file's blocks. ret_content is empty before; done also after failure. IO,
 * NO_MEMORY. */
int swb_content_examine(const struct swb_image *image, const struct swb_file *file,
                        struct swb_content *ret_content, struct swb_error *err) _warn_unused_;
void swb_content_done(struct swb_content *content);
/* What examining takes at most. */
uint64_t swb_content_memory(void);

/*
 * Appends to `ret` (grown with realloc) the regions of the file's bytes [start, start + n_bytes),
 * PLAIN between those found; tables are cut between records. Return: 0, -ENOMEM.
 */
struct swb_split_regions {
        struct swb_split_region *items;
        size_t n, cap;
};
int swb_content_slice(const struct swb_content *content, uint64_t start, uint64_t n_bytes,
                      struct swb_split_regions *ret) _warn_unused_;
