/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/versions.h - which compressors this process runs with
 *
 * Another version may code the same input in other bytes. Build side: library codec_make.
 */
#include <stddef.h>

#define SWB_CODEC_VERSIONS_MAX 160u

/* "zstd 1.5.4, xz 5.4.1, …": one line, of the libraries that are loaded. */
void swb_codec_versions(char text[static SWB_CODEC_VERSIONS_MAX]);
