/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/plan/pair.h - for each new file the old one that resembles it most
 *
 * Candidates come from names (the same path; the same with numbers left out, so that
 * "/lib/modules/6.1.0-50/x.ko" meets "/lib/modules/6.1.0-56/x.ko" and "libz.so.1.2" meets
 * "libz.so.1.3"; the same last part) and from content (sketches). Time grows with the images'
 * sizes, not with the product of their numbers of files.
 */
#include "generator/pack/pool.h"
#include "generator/scan/scan.h"

#define SWB_PAIR_NONE UINT32_MAX

/*
 * needed[i]: is a partner wanted for new->files[i]? REST pairs with REST, folders and links by name
 * only. ret_partners: new->n_files indices into old->files, or SWB_PAIR_NONE. Return: 0, IO,
 * NO_MEMORY.
 */
int swb_pair_files(const struct swb_pool *pool, const struct swb_scan *old,
                   const struct swb_scan *new, const bool *needed, uint32_t *ret_partners,
                   struct swb_error *err) _warn_unused_;

/* Writes `path` with every number ("12", "1.2.3") replaced by '#', cut at n_text - 1 characters.
 * `text` may be `path`. */
void swb_pair_template(const char *path, char *text, size_t n_text);
