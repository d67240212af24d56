/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/scan/examine.h - the parts of content.c: a file that is looked into
 *
 *     stored.c       reads its bytes: as they are stored, and as the file has them, with holes
 *     elf_content.c  sections of programs, libraries and objects
 *     lz4_content.c  LZ4 blocks of kernel images
 */
#include "generator/scan/content.h"

struct swb_examine {
        const struct swb_image *image;
        const struct swb_file *file;
        uint64_t n_bytes;   /* in blocks */
        uint64_t n_logical; /* with its holes */
        struct swb_content *content;
        struct swb_error *err; /* of all that fails below */
};

/* Where a byte of the file is. */
struct swb_place {
        uint64_t stored; /* in the blocks; of a hole: where it would begin */
        uint64_t n;      /* so many bytes on it is the same */
        bool is_hole;
};

struct swb_place swb_examine_place(const struct swb_examine *e, uint64_t at);
/* Whether the file has these bytes in its blocks, or at all. */
bool swb_examine_is_stored(const struct swb_examine *e, uint64_t start, uint64_t n);
bool swb_examine_is_inside(const struct swb_examine *e, uint64_t start, uint64_t n);
/* Reads bytes of the file's blocks, which must be there. IO, NO_MEMORY. */
int swb_examine_read_stored(const struct swb_examine *e, uint64_t start, size_t n,
                            uint8_t *data) _warn_unused_;
/* Reads bytes of the file, holes too, which must be there. IO, NO_MEMORY. */
int swb_examine_read(const struct swb_examine *e, uint64_t start, size_t n,
                     uint8_t *data) _warn_unused_;

/* Appends a region, which begins at this byte of the blocks. Return: 0, -ENOMEM. */
int swb_content_add(struct swb_content *content, uint64_t start,
                    const struct swb_split_region *region) _warn_unused_;
/* Bytes of one record of a table. */
size_t swb_content_record_bytes(const struct swb_split_region *region);

/* Adds the regions of an ELF file of 64 bits, little-endian, and sets the content's class; leaves
 * any other file as it is. IO, NO_MEMORY. */
int swb_examine_elf(struct swb_examine *e) _warn_unused_;

/* Frames of the Linux kernel's own LZ4: this, then blocks that make 8 MiB each. */
#define SWB_LZ4_MAGIC "\x02\x21\x4c\x18"
#define SWB_LZ4_BLOCK_MAX ((size_t)9 << 20)
/* Adds the regions of the blocks one behind the other that begin at `start`, behind the magic. IO,
 * NO_MEMORY. */
int swb_examine_lz4(struct swb_examine *e, uint64_t start) _warn_unused_;
