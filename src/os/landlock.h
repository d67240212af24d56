/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/landlock.h - which files this process may open from now on (Linux 5.13 and later)
 *
 * Use:    _begin() with all rights that shall be given up, _allow() for what stays, _enter(). It
 *         holds for the rest of the process's life and for its children; what is open stays open.
 * Needs:  no new privileges (prctl), no root.
 * Model:  where the kernel has no Landlock, _begin() returns 0 and nothing changes.
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_LANDLOCK_READ 1u    /* open files for reading, list folders */
#define SWB_LANDLOCK_WRITE 2u   /* open for writing, make, rename and remove */
#define SWB_LANDLOCK_EXECUTE 4u /* start programs */

/* Return: 1 with a descriptor in ret_rules (the caller's), or 0: this kernel can't. */
int swb_landlock_begin(unsigned rights, int *ret_rules, struct swb_error *err) _warn_unused_;

/* These rights stay in this folder and all below it, or for this file. Symbolic links of the path
 * are followed, but not a path that is one itself (DENIED, with -ELOOP). */
int swb_landlock_allow(int rules, const char *path, unsigned rights,
                       struct swb_error *err) _warn_unused_;

int swb_landlock_enter(int rules, struct swb_error *err) _warn_unused_;
