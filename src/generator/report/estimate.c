/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/report/estimate.h"

#include "codec/codec.h"
#include "generator/report/counterparts.h"

#define GRAM_BYTES 8u
#define FAST_LEVEL 3
#define THOROUGH_LEVEL 12
#define PATIENCE 48        /* so far may an alignment fall behind its best before it is given up */
#define COPY_MIN_BYTES 32u /* from elsewhere: a shorter one saves less than its entry costs */
#define ENTRY_BYTES 3u     /* lengths and a move, coded */
#define BITS_MAX 30u
/* What the real search and coder make of such a difference, in percent: measured on a Debian
 * system's update 44 (kernel modules) to 94 (file system tables). */
#define DIFFERENCE_PERCENT 62u
/* The same of programs, whose corrections, differences and tables have streams of their own there:
 * 15 (kernel modules) to 60. */
#define PREDICTED_PERCENT 40u

/* A pair of contents, of which a part has one or several. */
struct estimate {
        const uint8_t *old, *new;
        size_t n_old, n_new;
        uint32_t *table; /* position + 1 in old, 0 = none */
        unsigned bits;
        struct swb_buf *diff, *extra; /* of all parts */
        uint64_t n_entries;
        struct swb_buf copies; /* struct swb_copy, of this pair */
        bool is_predicted;     /* there are programs in it */
};

static void estimate_done(struct estimate *e)
{
        swb_buf_done(&e->copies);
        free(e->table);
}

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
        const struct swb_copy copy = {source, target, n};

        if (n > 0 && swb_buf_append(&e->copies, &copy, sizeof(copy)) < 0)
                return -ENOMEM;
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
                if (n < COPY_MIN_BYTES && source - target != distance) {
                        target += n;
                        continue;
                }
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

static int match(struct estimate *e, const struct swb_counterpart *pair, const uint8_t *old,
                 const uint8_t *new)
{
        int r;

        e->old = old;
        e->new = new;
        e->n_old = pair->n_old;
        e->n_new = pair->n_new;
        swb_buf_reset(&e->copies);
        r = fill_table(e);
        if (r == 0)
                r = match_all(e);
        free(e->table);
        e->table = NULL;
        return r;
}

/* What is alike is searched without addresses; then they are predicted. */
static int match_programs(struct estimate *e, const struct swb_counterpart *pair)
{
        size_t n_diff = e->diff->n_bytes, n_extra = e->extra->n_bytes;
        _cleanup_free_ uint8_t *old = malloc(pair->n_old), *new = malloc(pair->n_new);
        int r = old && new ? swb_counterpart_mask(pair, old, new) : -ENOMEM;

        if (r == 0)
                r = match(e, pair, old, new);
        if (r < 0)
                return r;
        e->is_predicted = true;
        e->diff->n_bytes = n_diff;
        e->extra->n_bytes = n_extra;
        return swb_counterpart_tell(pair, (const struct swb_copy *)(const void *)e->copies.data,
                                    e->copies.n_bytes / sizeof(struct swb_copy), e->diff, e->extra);
}

static int match_pair(struct estimate *e, const struct swb_counterpart *pair)
{
        if (pair->n_old >= UINT32_MAX || pair->n_new >= UINT32_MAX)
                return -E2BIG;
        return swb_counterpart_is_program(pair) ? match_programs(e, pair)
                                                : match(e, pair, pair->old, pair->new);
}

/* What a part takes alone; its difference is appended to the streams. */
static int estimate_part(struct estimate *e, const struct swb_counterpart *whole, bool opened,
                         uint64_t *ret_bytes)
{
        _cleanup_(swb_counterparts_done) struct swb_counterparts pairs = {.n = 0};
        size_t diff_from = e->diff->n_bytes, extra_from = e->extra->n_bytes;
        uint64_t diff, extra;
        int r = swb_counterparts_find(whole, opened, &pairs);

        for (size_t i = 0; i < pairs.n && r == 0; i++)
                r = match_pair(e, &pairs.items[i]);
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

static unsigned percent_of(const struct swb_task_part *part, bool is_predicted)
{
        if (part->src_blocks == 0)
                return 100;
        return is_predicted ? PREDICTED_PERCENT : DIFFERENCE_PERCENT;
}

/* What is alike in several parts is paid once: each part gets its share of what that saves. */
static void scale(const struct sums *sums, const struct swb_task_part *parts,
                  const bool *is_predicted, size_t n_parts, uint64_t *bytes)
{
        double together = (double)(sums->together + sums->entries);
        double factor = sums->alone ? together / (double)sums->alone : 1;

        for (size_t i = 0; i < n_parts; i++) {
                unsigned percent = percent_of(&parts[i], is_predicted[i]);

                bytes[i] = SWB_MIN((uint64_t)((double)bytes[i] * factor * percent / 100),
                                   parts[i].dst_blocks * SWB_BLOCK_BYTES);
        }
}

int swb_estimate(const uint8_t *old, const uint8_t *new, const struct swb_task_part *parts,
                 size_t n_parts, bool opened, uint64_t *ret_bytes)
{
        _cleanup_(swb_buf_done) struct swb_buf diff = SWB_BUF_INIT(SIZE_MAX);
        _cleanup_(swb_buf_done) struct swb_buf extra = SWB_BUF_INIT(SIZE_MAX);
        _cleanup_free_ bool *is_predicted = calloc(n_parts + 1, sizeof(*is_predicted));
        struct sums sums = {0};
        uint64_t n_diff = 0, n_extra = 0;
        int r = is_predicted ? 0 : -ENOMEM;

        for (size_t i = 0; i < n_parts && r == 0; i++) {
                const struct swb_counterpart whole = {old, new,
                                                      (size_t)parts[i].src_blocks *SWB_BLOCK_BYTES,
                                                      (size_t)parts[i].dst_blocks *SWB_BLOCK_BYTES};
                _cleanup_(estimate_done) struct estimate e = {
                        .diff = &diff, .extra = &extra, .copies = SWB_BUF_INIT(SIZE_MAX)};

                r = estimate_part(&e, &whole, opened, &ret_bytes[i]);
                is_predicted[i] = e.is_predicted;
                old += whole.n_old;
                new += whole.n_new;
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
        scale(&sums, parts, is_predicted, n_parts, ret_bytes);
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
