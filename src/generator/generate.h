/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/generate.h - images in, payload out: joins scan, plan, diff, pack and sign
 *
 * The result is whole but has no name yet: the caller proves it with the device's code (which this
 * folder may not include), then swb_generated_commit() makes it appear.
 */
#include "generator/cache/cache.h"
#include "generator/manifest_json.h"
#include "generator/pack/pool.h"
#include "generator/plan/closed_list.h"
#include "generator/scan/image.h"

struct swb_generate_partition {
        const char *name;
        const char *old_path; /* NULL: full */
        const char *new_path;
};

struct swb_generate_config {
        enum swb_profile profile;
        uint32_t minor;  /* SWB_MINOR_DEFAULT or a number */
        unsigned effort; /* 1 to SWB_EFFORT_MAX; 0: the default */
        /* Names of the encoders that devices may be asked for, with blanks between; NULL: all that
         * are here. "": nothing is opened. */
        const char *encoders;
        /* What devices give to opening and closing, at most SWB_OPEN_MEMORY_MAX; 0: the default. */
        uint64_t open_memory_bytes;
        struct swb_generate_partition partitions[SWB_PARTITIONS_MAX];
        size_t n_partitions;
        const char *app_id, *target_version;
        const char *source_version; /* NULL: full */
        int64_t max_timestamp;      /* 0: none */
        int64_t time;               /* < 0: none */
        struct swb_pool pool;       /* memory: at least SWB_GENERATE_MEMORY_MIN */
        const struct swb_signing *signing;
        bool verity; /* each new image has a hash tree, described in "<new_path>.verity" */
        struct swb_cache_config cache; /* folder NULL: none */
        const char *output_path;
        const char *manifest_path; /* NULL: "<output>.json" */
};

#define SWB_GENERATE_MEMORY_MIN ((uint64_t)256 << 20)

struct swb_generated {
        struct swb_manifest manifest;
        struct swb_operation_list operations[SWB_PARTITIONS_MAX];
        struct swb_payload_facts payload;
        struct swb_output *output;
        struct swb_buf json;
        char *json_path;
        bool is_room;                  /* signatures are still to be put in */
        struct swb_cache_counts cache; /* with a cache, also after a failure */
        char notes[SWB_PARTITIONS_MAX]
                  [320]; /* what the user should know of a partition, "" = nothing */
        /* Of each partition what stays packed and takes much for it, the dearest first. */
        struct swb_closed_list closed[SWB_PARTITIONS_MAX];
};

/*
 * Return: 0; USAGE (settings that contradict each other); FORMAT, NOT_FOUND … (images); LIMIT;
 * NO_SPACE, IO; NO_MEMORY. ret_generated is released with swb_generated_done() also after a
 * failure.
 */
int swb_generate(const struct swb_generate_config *config, struct swb_generated *ret_generated,
                 struct swb_error *err) _warn_unused_;
void swb_generated_done(struct swb_generated *generated);

/*
 * Names the payload, then its JSON manifest; for one with room for signatures before that
 * "<payload>.metadata.sha256" and "<payload>.payload.sha256". A JSON manifest under that name that
 * belongs to an older payload is removed first.
 */
int swb_generated_commit(struct swb_generated *generated, struct swb_error *err) _warn_unused_;
