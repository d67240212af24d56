/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/verity/description.h - what a boot loader must know of an image with a hash tree
 *
 * A file of KEY=value lines (base/kv.h) beside the image, "<image>.verity"; see swb-pack(1).
 */
#include "base/buf.h"
#include "os/fec.h"

struct swb_verity_description {
        struct swb_verity verity;
        uint64_t superblock; /* block */
        uint8_t root[SWB_SHA256_BYTES];
        unsigned fec_roots; /* 0: no error correction */
        uint64_t fec_start; /* block */
};

/* What swb_fec_make() takes for it. */
struct swb_fec swb_verity_description_fec(const struct swb_verity_description *description);
/* Blocks of it, 0 without. */
uint64_t swb_verity_description_fec_blocks(const struct swb_verity_description *description);
/* USAGE unless so many can be: 0 or 2 to 24. */
int swb_verity_check_roots(uint64_t roots, struct swb_error *err) _warn_unused_;

/* Appends the text. NO_MEMORY. */
int swb_verity_description_write(const struct swb_verity_description *description,
                                 struct swb_buf *buf, struct swb_error *err) _warn_unused_;
/* FORMAT, and what reading a file can say. */
int swb_verity_description_read(const char *path, struct swb_verity_description *ret,
                                struct swb_error *err) _warn_unused_;
/* "-" for none, as veritysetup writes it. `text` has room for SWB_VERITY_SALT_TEXT. */
#define SWB_VERITY_SALT_TEXT (2 * SWB_VERITY_SALT_MAX + 1)
void swb_verity_salt_text(const struct swb_verity *verity, char *text);
/* USAGE for anything but "-" or 1 to 256 bytes in hex. */
int swb_verity_salt_parse(const char *text, struct swb_verity *verity,
                          struct swb_error *err) _warn_unused_;
