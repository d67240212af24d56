/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swb-pack/payload.h - what "verify" and "apply" have in common: a payload, its keys, its
 * images
 */
#include "base/options.h"
#include "bin/swb-pack/images.h"
#include "generator/read/payload_file.h"

/* Files and folders of public keys, n_required of which must have signed; NULL in *ret when none is
 * given. */
int swb_load_keys(const struct swb_opt_list *paths, uint64_t n_required, struct swb_keyring **ret,
                  struct swb_error *err) _warn_unused_;

/*
 * Holds the images against the manifest: names exist, each old image has the size and the hash that
 * the payload was made for. SOURCE with a hint when old and new seem to be swapped; USAGE.
 */
int swb_check_images(const struct swb_manifest *manifest, const struct swb_images *images,
                     struct swb_error *err) _warn_unused_;

/* Is every partition's old image given, where one is needed? */
bool swb_images_complete(const struct swb_manifest *manifest, const struct swb_images *images);

/* The old image's path for a partition of the manifest, NULL = none given. */
const char *swb_images_old(const struct swb_images *images, const char *partition);
