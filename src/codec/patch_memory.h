/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/patch_memory.h - the memory that applying one difference of ours may take in all
 *
 * Of the 64 MiB of address space that a device gives its installer, program and libraries take 11
 * before the first operation on x86-64, up to 14 where pages are larger; the rest but a reserve is
 * for one operation: its blob, decoders, entries, predictor, opening and closing. The maker counts
 * with the same functions as the reader and stays below; the reader refuses what does not. Spec:
 * docs/spec/payload.md PF-117.
 */
#include <stddef.h>
#include <stdint.h>

#define SWB_PATCH_MEMORY_BYTES ((uint64_t)46 << 20)

/* What a reader needs to apply a difference of the formats SWD1 or SWD2, without the blob: what its
 * head tells, if that can be. */
uint64_t swb_patch_needs(const uint8_t *patch, size_t n_patch);
