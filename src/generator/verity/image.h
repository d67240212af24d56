/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/verity/image.h - images with a dm-verity hash tree behind their content, and error
 * correction behind that
 */
#include "generator/scan/image.h"
#include "generator/sign/signatures.h"
#include "generator/verity/description.h"

struct swb_verity_image_config {
        const char *image_path;
        const char *output_path;           /* the image, a superblock, the tree, error correction */
        struct swb_verity salt;            /* only the salt counts */
        unsigned fec_roots;                /* 0: no error correction */
        const struct swb_signing *signing; /* at most one key */
};

/*
 * Writes the output, then "<output>.verity", and with a key "<output>.verity.sig", the bare
 * signature of that file's SHA-256. USAGE, FORMAT, IO, NO_SPACE …
 */
int swb_verity_image_make(const struct swb_verity_image_config *config,
                          struct swb_verity_description *ret, struct swb_error *err) _warn_unused_;

/* Is the image what "<image>.verity" says? FORMAT when superblock, tree or root hash differ. */
int swb_verity_image_check(const struct swb_image *image, struct swb_verity_description *ret,
                           struct swb_error *err) _warn_unused_;
