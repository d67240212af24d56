/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-fetch/confine.h - what this process may do; holds for the rest of its life */
#include "base/error.h"

/*
 * Becomes `user` ("" or NULL: stays who it is) with that user's groups, gains no privileges any
 * more, dumps no core, opens few files; a reader that went away is an error of write(), not a
 * signal. No file can be written, nothing below /dev opened, no program started (Landlock); only
 * the calls that a download takes can be made (seccomp). What the kernel can't do does not change.
 * Return: CONFINED_* that hold. CONFIG for an unknown user, DENIED when it may not become it.
 */
enum { CONFINED_FILES = 1, CONFINED_CALLS = 2 };
int confine(const char *user, struct swb_error *err) _warn_unused_;
