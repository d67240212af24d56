/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swb-install/confine.h - what this process may take from the device
 *
 * All of it holds for the rest of the process's life.
 */
#include <stdint.h>

#include "base/error.h"

/* Address space, libraries included; 0: no limit. Beyond it memory is just out, an ordinary error.
 */
int confine_memory(uint64_t limit_bytes, struct swb_error *err) _warn_unused_;

/* Nothing that is opened later gets the number of a standard stream: what is printed would go
 * there. */
int confine_streams(struct swb_error *err) _warn_unused_;

/*
 * No new privileges, no core dumps, few files, six hours of processor time; signals that would kill
 * become errors of the call. Unless `foreground`: idle I/O class, lowest CPU priority, first to go
 * when memory is short.
 */
int confine_process(bool foreground, struct swb_error *err) _warn_unused_;

/*
 * From now on this process has its descriptors and this folder (NULL: none), and nothing else: no
 * other file can be opened, read or written (Landlock), no network, no process, no device but what
 * is open, no executable memory (seccomp). What the kernel can't do does not change.
 * Return: CONFINED_* that hold.
 */
enum { CONFINED_FILES = 1, CONFINED_CALLS = 2 };
int confine_rest(const char *folder, struct swb_error *err) _warn_unused_;
