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
 * No new privileges, no core dumps, few files; signals that would kill become errors of the call.
 * Unless `foreground`: idle I/O class, lowest CPU priority, first to go when memory is short.
 */
int confine_process(bool foreground, struct swb_error *err) _warn_unused_;

/*
 * From now on nothing can be opened for writing, made, renamed or removed, except in this folder
 * (NULL: nowhere). What is open stays open. Where the kernel has no Landlock, nothing changes.
 * Return: 1 when it holds, 0 when the kernel can't.
 */
int confine_writes(const char *folder, struct swb_error *err) _warn_unused_;
