/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swb-pack/build.h - what "full" and "delta" have in common
 */
#include "base/options.h"
#include "bin/swb-pack/images.h"
#include "generator/plan/rules.h"
#include "open/wrapper.h"

struct swb_build_options {
        struct swb_opt_list partitions, keys, signature_sizes;
        const char *output, *manifest, *app_id, *target_version, *source_version, *profile,
                *progress, *cache, *encoders;
        uint64_t minor, max_timestamp, jobs, memory, open_memory, cache_size, effort;
        bool hash_only, verity;
};

#define SWB_BUILD_MINOR_UNSET UINT64_MAX
#define SWB_BUILD_OPTIONS_INIT                                                                     \
        {                                                                                          \
                .profile = "switchback", .progress = "auto", .minor = SWB_BUILD_MINOR_UNSET,       \
                .effort = SWB_EFFORT_DEFAULT, .memory = (uint64_t)1 << 30,                         \
                .open_memory = SWB_OPEN_MEMORY_BYTES, .cache_size = (uint64_t)4 << 30              \
        }

/* The table's entries that both verbs have. */
#define SWB_BUILD_OPTIONS_TABLE(o)                                                                 \
        {'o', "output", SWB_OPT_STRING, &(o).output, "PAYLOAD", true, "payload to write"},         \
                {0,                                                                                \
                 "app-id",                                                                         \
                 SWB_OPT_STRING,                                                                   \
                 &(o).app_id,                                                                      \
                 "ID",                                                                             \
                 true,                                                                             \
                 "application id that devices ask for"},                                           \
                {0,                                                                                \
                 "target-version",                                                                 \
                 SWB_OPT_STRING,                                                                   \
                 &(o).target_version,                                                              \
                 "VERSION",                                                                        \
                 true,                                                                             \
                 "version that devices have afterwards"},                                          \
                {0,                                                                                \
                 "key",                                                                            \
                 SWB_OPT_LIST,                                                                     \
                 &(o).keys,                                                                        \
                 "FILE|URI",                                                                       \
                 false,                                                                            \
                 "private key to sign with, or a pkcs11: URI (several: one signature each)"},      \
                {0,                                                                                \
                 "profile",                                                                        \
                 SWB_OPT_STRING,                                                                   \
                 &(o).profile,                                                                     \
                 "NAME",                                                                           \
                 false,                                                                            \
                 "switchback (default) or chromeos"},                                              \
                {0,                                                                                \
                 "minor",                                                                          \
                 SWB_OPT_U64,                                                                      \
                 &(o).minor,                                                                       \
                 "N",                                                                              \
                 false,                                                                            \
                 "minor version of the payload (default: the profile's)"},                         \
                {0,                                                                                \
                 "verity",                                                                         \
                 SWB_OPT_FLAG,                                                                     \
                 &(o).verity,                                                                      \
                 NULL,                                                                             \
                 false,                                                                            \
                 "new images have hash trees (swb-pack verity), which devices make"},              \
                {0,                                                                                \
                 "max-timestamp",                                                                  \
                 SWB_OPT_U64,                                                                      \
                 &(o).max_timestamp,                                                               \
                 "SECONDS",                                                                        \
                 false,                                                                            \
                 "time of the build, against downgrades"},                                         \
                {0,                                                                                \
                 "hash-only",                                                                      \
                 SWB_OPT_FLAG,                                                                     \
                 &(o).hash_only,                                                                   \
                 NULL,                                                                             \
                 false,                                                                            \
                 "leave room for signatures and write what is to be signed"},                      \
                {0,                                                                                \
                 "signature-size",                                                                 \
                 SWB_OPT_LIST,                                                                     \
                 &(o).signature_sizes,                                                             \
                 "BYTES",                                                                          \
                 false,                                                                            \
                 "with --hash-only: size of a signature (several: in this order)"},                \
                {'j',                                                                              \
                 "jobs",                                                                           \
                 SWB_OPT_U64,                                                                      \
                 &(o).jobs,                                                                        \
                 "N",                                                                              \
                 false,                                                                            \
                 "threads (default: one a processor)"},                                            \
                {0,                                                                                \
                 "memory",                                                                         \
                 SWB_OPT_SIZE,                                                                     \
                 &(o).memory,                                                                      \
                 "SIZE",                                                                           \
                 false,                                                                            \
                 "memory to stay below, about (default 1G, at least 256M)"},                       \
                {0,                                                                                \
                 "cache",                                                                          \
                 SWB_OPT_STRING,                                                                   \
                 &(o).cache,                                                                       \
                 "DIR",                                                                            \
                 false,                                                                            \
                 "folder where finished work is kept for later runs"},                             \
                {0,                                                                                \
                 "cache-size",                                                                     \
                 SWB_OPT_SIZE,                                                                     \
                 &(o).cache_size,                                                                  \
                 "SIZE",                                                                           \
                 false,                                                                            \
                 "the cache's largest size (default 4G)"},                                         \
                {0,                                                                                \
                 "progress",                                                                       \
                 SWB_OPT_STRING,                                                                   \
                 &(o).progress,                                                                    \
                 "FORM",                                                                           \
                 false,                                                                            \
                 "auto (default), plain, json or none"},                                           \
        {                                                                                          \
                0, "manifest", SWB_OPT_STRING, &(o).manifest, "FILE", false,                       \
                        "JSON manifest to write (default: PAYLOAD.json)"                           \
        }

/* Makes the payload, proves it, names it, says what it is. Return: exit status or < 0. */
int swb_build(const struct swb_build_options *options, const struct swb_images *images,
              struct swb_error *err) _warn_unused_;
