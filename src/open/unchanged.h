/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/unchanged.h - files of an image that the other one has as well, packed alike (making side)
 *
 * Whatever opens a device has to close again, which takes most of its time. A file's packed bytes
 * that stand in the old image, too, are copied as they are. Only whole files stay closed: of a
 * program that changed in one block, all of it is needed to tell what its addresses became.
 */
#include <stdint.h>

#include "base/cleanup.h"

struct swb_unchanged {
        uint64_t *files; /* hashes, ascending; owned */
        size_t n;
};

void swb_unchanged_done(struct swb_unchanged *unchanged);

/* A hash that two files share costs bytes, no more. Return: 0, -ENOMEM. */
int swb_unchanged_find(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
                       struct swb_unchanged *ret) _warn_unused_;

/* unchanged NULL: none is. file 0: not a file's. */
bool swb_unchanged_has(const struct swb_unchanged *unchanged, uint64_t file);
