/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/report/estimate.h"

#include "codec/codec.h"

#define GRAM_BYTES 8u
#define FAST_LEVEL 3
#define THOROUGH_LEVEL 12
#define PATIENCE 48    /* so far may an alignment fall behind its best before it is given up */
#define ENTRY_BYTES 3u /* lengths and a move, coded */
#define BITS_MAX 30u
/* What the real search and coder make of such a difference, in percent: measured on a Debian
 * system's update 44 (kernel modules) to 94 (file system tables). */
#define DIFFERENCE_PERCENT 62u

/* One part. */
struct estimate {
        const uint8_t *old, *new;
        size_t n_old, n_new;
        uint32_t *table; /* position + 1 in old, 0 = none */
        unsigned bits;
        struct swb_buf *diff, *extra; /* of all parts */
        uint64_t n_entries;
};

static uint32_t *slot(const struct estimate *e, const uint8_t *gram)
{
        uint64_t word;

        _Static_assert(sizeof(word) == GRAM_BYTES, "a string is one word");
        memcpy(&word, gram, sizeof(word));
        return &e->table[word * 0x9e3779b97f4a7c15u >> (64 - e->bits)];
}

static unsigned table_bits(uint64_t n_old)
{
        unsigned bits = 10;

        while (bits < BITS_MAX && (UINT64_C(1) << bits) < n_old * 2)
                bits++;
        return bits;
}

static int fill_table(struct estimate *e)
{
        e->bits = table_bits(e->n_old);
        e->table = calloc((size_t)1 << e->bits, sizeof(*e->table));
        if (!e->table)
                return -ENOMEM;
        for (size_t i = 0; i + GRAM_BYTES <= e->n_old; i++)
                *slot(e, e->old + i) = (uint32_t)i + 1;
        return 0;
}

static bool is_at(const struct estimate *e, size_t target, size_t source)
{
        return source + GRAM_BYTES <= e->n_old &&
               memcmp(e->old + source, e->new + target, GRAM_BYTES) == 0;
}

/* Where the old content has the string at `target`: best `distance` away, as the last one was,
 * else wherever the table says. */
static bool find(const struct estimate *e, size_t target, size_t distance, size_t *ret_source)
{
        uint32_t found;

        if (e->n_new - target < GRAM_BYTES)
                return false;
        *ret_source = target + distance; /* wraps around for a distance below 0 */
        if (*ret_source < e->n_old && is_at(e, target, *ret_source))
                return true;
        found = *slot(e, e->new + target);
        *ret_source = found - 1;
        return found != 0 && is_at(e, target, *ret_source);
}

/* How far the two are alike from here on: an equal byte counts for it, another against it. */
static size_t alike(const struct estimate *e, size_t source, size_t target)
{
        size_t n = SWB_MIN(e->n_old - source, e->n_new - target), best = 0;
        int64_t score = 0, best_score = 0;

        for (size_t i = 0; i < n && score > best_score - PATIENCE; i++) {
                score += e->old[source + i] == e->new[target + i] ? 1 : -1;
                if (score > best_score) {
                        best_score = score;
                        best = i + 1;
                }
        }
        return best;
}

static int add(struct estimate *e, size_t new_from, size_t target, size_t source, size_t n)
{
        if (swb_buf_append(e->extra, e->new + new_from, target - new_from) < 0 ||
            swb_buf_reserve(e->diff, n) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                e->diff->data[e->diff->n_bytes++] =
                        (uint8_t)(e->new[target + i] - e->old[source + i]);
        e->n_entries++;
        return 0;
}

static int match_all(struct estimate *e)
{
        size_t fresh = 0, target = 0; /* new bytes that nothing explains begin at `fresh` */
        size_t distance = 0;          /* from target to source, modulo 2^64 */

        while (target < e->n_new) {
                size_t source, n;

                if (!find(e, target, distance, &source)) {
                        target++;
                        continue;
                }
                while (target > fresh && source > 0 && e->old[source - 1] == e->new[target - 1]) {
                        target--;
                        source--;
                }
                n = alike(e, source, target);
                if (add(e, fresh, target, source, n) < 0)
                        return -ENOMEM;
                distance = source - target;
                target += n;
                fresh = target;
        }
        return add(e, fresh, e->n_new, 0, 0);
}

static int coded(int level, const void *data, size_t n_bytes, uint64_t *ret_bytes)
{
        _cleanup_(swb_buf_done) struct swb_buf out = SWB_BUF_INIT(SIZE_MAX);
        int r = swb_encode(SWB_CODEC_ZSTD, level, data, n_bytes, &out);

        if (r < 0)
                return r;
        *ret_bytes = SWB_MIN(out.n_bytes, n_bytes);
        return 0;
}

/* What a part takes alone; its difference is appended to the streams. */
static int estimate_part(struct estimate *e, uint64_t *ret_bytes)
{
        size_t diff_from = e->diff->n_bytes, extra_from = e->extra->n_bytes;
        uint64_t diff, extra;
        int r;

        if (e->n_old >= UINT32_MAX || e->n_new >= UINT32_MAX)
                return -E2BIG;
        r = fill_table(e);
        if (r == 0)
                r = match_all(e);
        free(e->table);
        if (r == 0)
                r = coded(FAST_LEVEL, e->diff->data + diff_from, e->diff->n_bytes - diff_from,
                          &diff);
        if (r == 0)
                r = coded(FAST_LEVEL, e->extra->data + extra_from, e->extra->n_bytes - extra_from,
                          &extra);
        if (r == 0)
                *ret_bytes = diff + extra + e->n_entries * ENTRY_BYTES;
        return r;
}

struct sums {
        uint64_t alone;    /* of the parts' streams, each coded by itself */
        uint64_t together; /* of the streams over all parts */
        uint64_t entries;
};

/* What is alike in several parts is paid once: each part gets its share of what that saves. */
static void scale(const struct sums *sums, const struct swb_task_part *parts, size_t n_parts,
                  uint64_t *bytes)
{
        double together = (double)(sums->together + sums->entries);
        double factor = sums->alone ? together / (double)sums->alone : 1;

        for (size_t i = 0; i < n_parts; i++) {
                unsigned percent = parts[i].src_blocks ? DIFFERENCE_PERCENT : 100;

                bytes[i] = SWB_MIN((uint64_t)((double)bytes[i] * factor * percent / 100),
                                   parts[i].dst_blocks * SWB_BLOCK_BYTES);
        }
}

int swb_estimate(const uint8_t *old, const uint8_t *new, const struct swb_task_part *parts,
                 size_t n_parts, uint64_t *ret_bytes)
{
        _cleanup_(swb_buf_done) struct swb_buf diff = SWB_BUF_INIT(SIZE_MAX);
        _cleanup_(swb_buf_done) struct swb_buf extra = SWB_BUF_INIT(SIZE_MAX);
        struct sums sums = {0};
        uint64_t n_diff, n_extra;
        int r = 0;

        for (size_t i = 0; i < n_parts && r == 0; i++) {
                struct estimate e = {.old = old,
                                     .new = new,
                                     .n_old = (size_t)parts[i].src_blocks *SWB_BLOCK_BYTES,
                                     .n_new = (size_t)parts[i].dst_blocks *SWB_BLOCK_BYTES,
                                     .diff = &diff,
                                     .extra = &extra};

                r = estimate_part(&e, &ret_bytes[i]);
                old += e.n_old;
                new += e.n_new;
                sums.alone += r == 0 ? ret_bytes[i] : 0;
                sums.entries += e.n_entries * ENTRY_BYTES;
        }
        if (r == 0)
                r = coded(THOROUGH_LEVEL, diff.data, diff.n_bytes, &n_diff);
        if (r == 0)
                r = coded(THOROUGH_LEVEL, extra.data, extra.n_bytes, &n_extra);
        if (r < 0)
                return r;
        sums.together = n_diff + n_extra;
        scale(&sums, parts, n_parts, ret_bytes);
        return 0;
}

uint64_t swb_estimate_memory(const struct swb_task_part *parts, size_t n_parts)
{
        uint64_t table = 0, target = 0;

        for (size_t i = 0; i < n_parts; i++) {
                uint64_t n_old = parts[i].src_blocks * SWB_BLOCK_BYTES;

                table = SWB_MAX(table, (uint64_t)sizeof(uint32_t) << table_bits(n_old));
                target += parts[i].dst_blocks * SWB_BLOCK_BYTES;
        }
        /* Streams that grow are twice as large for a moment; the coder's output is one more. */
        return table + 4 * target + ((uint64_t)32 << 20);
}
