/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/cache/cache.h - a folder of finished work, by key, of bounded size
 *
 * One file an entry, named after its key. Files appear whole, by a rename; several processes may
 * use a folder at a time. Nothing is synced: whoever reads an entry checks its hash, so what a
 * power cut left is dropped like any other damage. The entries used longest ago go first. Files
 * with other names in the folder are not touched.
 *
 * Calls are safe from several threads. A folder that can't be written any more does not fail a run:
 * nothing is stored from then on, and the counts say why.
 */
#include <stdint.h>

#include "base/error.h"
#include "os/hash.h"

struct swb_cache;

struct swb_cache_config {
        const char *folder; /* made if it is missing */
        uint64_t max_bytes; /* of all entries, in blocks of 4096 bytes each */
        const char *tool;   /* which program: another one never gets this one's entries */
};

struct swb_cache_counts {
        uint64_t n_asked, n_taken, n_damaged;
        char trouble[SWB_ERROR_TEXT_MAX]; /* why nothing was stored from some point on; "" = all was
                                           */
};

struct swb_cache_key {
        uint8_t bytes[SWB_SHA256_BYTES];
};

/* Reads what is there and makes room. USAGE, DENIED, NO_SPACE, IO when the folder can't be used,
 * NO_MEMORY. Strings of the config are borrowed. */
int swb_cache_open(const struct swb_cache_config *config, struct swb_cache **ret,
                   struct swb_error *err) _warn_unused_;
struct swb_cache *swb_cache_free(struct swb_cache *cache);
SWB_DEFINE_CLEANUP(struct swb_cache *, swb_cache_free)

const char *swb_cache_tool(const struct swb_cache *cache);
void swb_cache_counts(struct swb_cache *cache, struct swb_cache_counts *ret);

/* The entry, opened for reading, for the caller to close; -1: there is none. */
int swb_cache_find(struct swb_cache *cache, const struct swb_cache_key *key);
/* It was whole: counted, and younger now. */
void swb_cache_taken(struct swb_cache *cache, int fd);
/* It was not. */
void swb_cache_drop(struct swb_cache *cache, const struct swb_cache_key *key);

/* An entry on its way. */
struct swb_cache_file {
        int fd; /* -1: nothing is stored */
        char name[40];
};

/* A file to write to, which then either gets its name or goes. */
void swb_cache_begin(struct swb_cache *cache, struct swb_cache_file *file);
void swb_cache_commit(struct swb_cache *cache, struct swb_cache_file *file,
                      const struct swb_cache_key *key);
/* error: what went wrong with it. */
void swb_cache_abandon(struct swb_cache *cache, struct swb_cache_file *file,
                       const struct swb_error *error);
