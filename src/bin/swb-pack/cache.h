/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-pack/cache.h - the options --cache and --cache-size, and what came of them */
#include "generator/cache/cache.h"

/* Fills the config; text holds the program's identity: the hash of its own file, so that no other
 * build takes what this one stored. NOT_FOUND, IO (no /proc). */
int swb_choose_cache(const char *folder, uint64_t max_bytes, char text[static SWB_SHA256_HEX],
                     struct swb_cache_config *config, struct swb_error *err) _warn_unused_;

/* Logs what the user should know. */
void swb_log_cache(const char *folder, const struct swb_cache_counts *counts);
