/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/cache/key.h"

#include "base/endian.h"
#include "codec/versions.h"

/* Another one, if what is hashed or what an entry holds changes its meaning. */
#define FORMAT "swb-pack cache 5"

static void add_u64(struct swb_sha256 *sha, uint64_t value)
{
        uint8_t bytes[8];

        swb_put_be64(bytes, value);
        swb_sha256_update(sha, bytes, sizeof(bytes));
}

/* With its end, so that two texts can't run into each other. */
static void add_text(struct swb_sha256 *sha, const char *text)
{
        swb_sha256_update(sha, text, strlen(text) + 1);
}

static void add_tool(struct swb_sha256 *sha, const char *tool)
{
        char codecs[SWB_CODEC_VERSIONS_MAX];

        swb_codec_versions(codecs);
        add_text(sha, FORMAT);
        add_text(sha, tool);
        add_text(sha, codecs);
}

/* What the rules are made from. */
static void add_rules(struct swb_sha256 *sha, const struct swb_rules *rules)
{
        add_u64(sha, (uint64_t)rules->profile);
        add_u64(sha, rules->delta);
        add_u64(sha, rules->minor);
        add_u64(sha, rules->effort);
        add_u64(sha, rules->chunk_blocks);
        add_u64(sha, rules->opened);
        add_text(sha, rules->encoders ? rules->encoders : "");
        add_u64(sha, rules->open_memory_bytes);
}

static void add_region(struct swb_sha256 *sha, const struct swb_split_region *region)
{
        add_u64(sha, region->n_bytes);
        add_u64(sha, (uint64_t)region->kind);
        add_u64(sha, region->stream);
        swb_sha256_update(sha, region->fields, sizeof(region->fields));
}

static void add_task(struct swb_sha256 *sha, const struct swb_task *task)
{
        add_u64(sha, (uint64_t)task->kind);
        add_u64(sha, task->src.n_blocks);
        add_u64(sha, task->dst.n_blocks);
        add_u64(sha, task->n_parts);
        for (size_t i = 0; i < task->n_parts; i++) {
                add_u64(sha, task->parts[i].src_blocks);
                add_u64(sha, task->parts[i].dst_blocks);
        }
        add_u64(sha, task->n_opened_new);
        add_u64(sha, task->regions.n);
        for (size_t i = 0; i < task->regions.n; i++)
                add_region(sha, &task->regions.items[i]);
}

void swb_cache_key(const char *tool, const struct swb_rules *rules, const struct swb_task *task,
                   const uint8_t *src_hash, const uint8_t *dst_hash, struct swb_cache_key *ret)
{
        struct swb_sha256 sha;

        swb_sha256_init(&sha);
        add_tool(&sha, tool);
        add_rules(&sha, rules);
        add_task(&sha, task);
        swb_sha256_update(&sha, src_hash, SWB_SHA256_BYTES);
        swb_sha256_update(&sha, dst_hash, SWB_SHA256_BYTES);
        swb_sha256_final(&sha, ret->bytes);
}
