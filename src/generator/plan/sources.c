/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/sources.h"

#include "generator/plan/pair.h"

/* A run of at least this many blocks is worth operations of its own. */
#define OWN_RUN_BLOCKS 16u
/* How many equal blocks, and how far, are compared in search of the longest run. */
#define CHAIN_MAX 32u
#define RUN_MAX 64u

void swb_sources_find(const struct swb_rules *rules, const struct swb_blocks *new,
                      const struct swb_block_index *index, uint32_t *sources)
{
        const struct swb_block_id zero = swb_block_id_zero();

        for (uint64_t i = 0; i < new->n; i++) {
                if (rules->zero && swb_block_id_equal(&new->ids[i], &zero))
                        sources[i] = SWB_SOURCE_ZERO;
                else
                        sources[i] = index ? swb_block_index_first(index, &new->ids[i])
                                           : SWB_SOURCE_DATA;
        }
}

/* Is the content of this source also in a block of the partner? */
static bool partner_has(const struct swb_scan *old, const struct swb_block_index *index,
                        uint32_t partner, uint32_t source)
{
        unsigned n = 0;

        if (source == SWB_SOURCE_ZERO)
                return true;
        for (; source != SWB_BLOCK_NONE && n < CHAIN_MAX; n++) {
                if (old->owner[source] == partner)
                        return true;
                source = swb_block_index_next(index, source);
        }
        return false;
}

struct absorb {
        const struct swb_scan *old;
        const struct swb_block_index *index;
        uint32_t *sources;
        uint32_t *blocks; /* of the file, in its order */
        size_t n;
};

/* Turns blocks [from, to) into DATA if the partner has them all. */
static void absorb_run(struct absorb *a, uint32_t partner, size_t from, size_t to)
{
        for (size_t i = from; i < to; i++)
                if (!partner_has(a->old, a->index, partner, a->sources[a->blocks[i]]))
                        return;
        for (size_t i = from; i < to; i++)
                a->sources[a->blocks[i]] = SWB_SOURCE_DATA;
}

static void absorb_file(struct absorb *a, uint32_t partner)
{
        bool data_before = false;

        for (size_t i = 0; i < a->n;) {
                size_t end = i;

                if (a->sources[a->blocks[i]] == SWB_SOURCE_DATA) {
                        data_before = true;
                        i++;
                        continue;
                }
                while (end < a->n && a->sources[a->blocks[end]] != SWB_SOURCE_DATA)
                        end++;
                if (data_before && end < a->n && end - i < OWN_RUN_BLOCKS)
                        absorb_run(a, partner, i, end);
                i = end;
        }
}

static void list_blocks(const struct swb_file *file, struct absorb *a)
{
        a->n = 0;
        for (size_t i = 0; i < file->blocks.n; i++)
                for (uint64_t k = 0; k < file->blocks.items[i].n_blocks; k++)
                        a->blocks[a->n++] = (uint32_t)(file->blocks.items[i].start_block + k);
}

int swb_sources_absorb(const struct swb_scan *old, const struct swb_scan *new,
                       const struct swb_block_index *index, const uint32_t *partners,
                       uint32_t *sources)
{
        _cleanup_free_ uint32_t *blocks = malloc(new->image->n_blocks * sizeof(*blocks));
        struct absorb a = {.old = old, .index = index, .sources = sources, .blocks = blocks};

        if (!blocks)
                return -ENOMEM;
        for (size_t i = 0; i < new->n_files; i++) {
                if (partners[i] == SWB_PAIR_NONE)
                        continue;
                list_blocks(&new->files[i], &a);
                absorb_file(&a, partners[i]);
        }
        return 0;
}

void swb_sources_claim(const struct swb_file *file, uint32_t *sources)
{
        for (size_t i = 0; i < file->blocks.n; i++)
                for (uint64_t k = 0; k < file->blocks.items[i].n_blocks; k++)
                        sources[file->blocks.items[i].start_block + k] = SWB_SOURCE_DATA;
}

static bool same(const struct swb_blocks *new, const struct swb_block_index *index, uint64_t block,
                 uint64_t source)
{
        return block < new->n &&source <
               index->blocks->n &&swb_block_id_equal(&new->ids[block], &index->blocks->ids[source]);
}

static unsigned run_length(const struct swb_blocks *new, const struct swb_block_index *index,
                           const uint32_t *sources, uint64_t block, uint64_t source)
{
        unsigned n = 1;

        while (n < RUN_MAX && same(new, index, block + n, source + n) &&
               sources[block + n] < SWB_SOURCE_ZERO)
                n++;
        return n;
}

static uint32_t longest_run(const struct swb_blocks *new, const struct swb_block_index *index,
                            const uint32_t *sources, uint64_t block)
{
        uint32_t best = sources[block], candidate = best;
        unsigned best_length = 0;

        for (unsigned i = 0; i < CHAIN_MAX && candidate != SWB_BLOCK_NONE; i++) {
                unsigned length = run_length(new, index, sources, block, candidate);

                if (length > best_length) {
                        best = candidate;
                        best_length = length;
                }
                candidate = swb_block_index_next(index, candidate);
        }
        return best;
}

void swb_sources_join(const struct swb_blocks *new, const struct swb_block_index *index,
                      uint32_t *sources)
{
        for (uint64_t i = 0; i < new->n; i++) {
                if (sources[i] >= SWB_SOURCE_ZERO)
                        continue;
                if (i > 0 && sources[i - 1] < SWB_SOURCE_ZERO &&
                    same(new, index, i, (uint64_t)sources[i - 1] + 1))
                        sources[i] = sources[i - 1] + 1;
                else if (same(new, index, i, i) && run_length(new, index, sources, i, i) > 1)
                        sources[i] = (uint32_t)i;
                else
                        sources[i] = longest_run(new, index, sources, i);
        }
}
