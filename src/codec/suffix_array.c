/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/suffix_array.h"

#include <divsufsort.h>
#include <divsufsort64.h>

#include "base/endian.h"

/* How far to look for the nearest place: 1 % smaller patches of programs; more gives no more. */
#define NEIGHBOURS 16
#define N_BUCKETS ((size_t)1 << 16)
/* Bits of the bitmap for each byte of the text, at least: one string in four that the text does not
 * have is not noticed then. */
#define GRAM_BITS_A_BYTE 4u

static bool needs_wide(uint64_t n)
{
        return n > INT32_MAX;
}

static uint64_t array_bytes(uint64_t n)
{
        return needs_wide(n) ? n * sizeof(int64_t) : n * sizeof(int32_t);
}

static unsigned gram_bits_for(uint64_t n)
{
        unsigned bits = 6;

        while (bits < 40 && (uint64_t)1 << bits < n * GRAM_BITS_A_BYTE)
                bits++;
        return bits;
}

uint64_t swb_suffix_array_memory(uint64_t n)
{
        if (n > UINT64_MAX / 16)
                return UINT64_MAX;
        return array_bytes(n) + ((uint64_t)1 << gram_bits_for(n)) / 8 +
               (N_BUCKETS + 1) * sizeof(size_t);
}

static size_t bucket_of(const uint8_t *p)
{
        return (size_t)p[0] << 8 | p[1];
}

/* Suffixes in order: those that begin with smaller two bytes, and the last, of one byte only, which
 * stands before all that begin with it. */
static int make_buckets(struct swb_suffix_array *index)
{
        size_t last = (size_t)index->text[index->n - 1] << 8, sum = 0;

        index->buckets = calloc(N_BUCKETS + 1, sizeof(*index->buckets));
        if (!index->buckets)
                return -ENOMEM;
        for (size_t i = 0; i + 1 < index->n; i++)
                index->buckets[bucket_of(index->text + i)]++;
        for (size_t i = 0; i <= N_BUCKETS; i++) {
                size_t n = index->buckets[i];

                sum += i == last;
                index->buckets[i] = sum;
                sum += n;
        }
        return 0;
}

static uint64_t gram_of(const struct swb_suffix_array *index, const uint8_t *p)
{
        return swb_get_le64(p) * 0x9e3779b97f4a7c15u >> (64 - index->gram_bits);
}

static int make_grams(struct swb_suffix_array *index)
{
        index->gram_bits = gram_bits_for(index->n);
        index->grams = calloc(((size_t)1 << index->gram_bits) / 64, sizeof(*index->grams));
        if (!index->grams)
                return -ENOMEM;
        for (size_t i = 0; i + SWB_SUFFIX_GRAM_BYTES <= index->n; i++) {
                uint64_t gram = gram_of(index, index->text + i);

                index->grams[gram / 64] |= (uint64_t)1 << gram % 64;
        }
        return 0;
}

bool swb_suffix_array_may_have(const struct swb_suffix_array *index, const uint8_t *wanted,
                               size_t n_wanted)
{
        uint64_t gram;

        if (!index->grams || n_wanted < SWB_SUFFIX_GRAM_BYTES)
                return false;
        gram = gram_of(index, wanted);
        return index->grams[gram / 64] >> gram % 64 & 1;
}

int swb_suffix_array_init(struct swb_suffix_array *index, const uint8_t *text, size_t n)
{
        uint64_t n_bytes = array_bytes(n);
        void *memory;
        int r;

        *index = (struct swb_suffix_array){.text = text, .n = n};
        if (n == 0)
                return 0;
        if (n_bytes > SIZE_MAX)
                return -ENOMEM;
        memory = malloc((size_t)n_bytes);
        if (!memory)
                return -ENOMEM;
        if (needs_wide(n)) {
                index->wide = memory;
                r = divsufsort64(text, index->wide, (int64_t)n);
        } else {
                index->narrow = memory;
                r = divsufsort(text, index->narrow, (int32_t)n);
        }
        /* lack of memory is the only way to fail with arguments like these */
        if (r != 0 || make_buckets(index) < 0 || make_grams(index) < 0) {
                swb_suffix_array_done(index);
                return -ENOMEM;
        }
        return 0;
}

void swb_suffix_array_done(struct swb_suffix_array *index)
{
        free(index->narrow);
        free(index->wide);
        free(index->buckets);
        free(index->grams);
        *index = (struct swb_suffix_array){0};
}

static size_t suffix_at(const struct swb_suffix_array *index, size_t rank)
{
        return index->narrow ? (size_t)index->narrow[rank] : (size_t)index->wide[rank];
}

/* The search waits for memory, not for the processor: what the step after next may look at is asked
 * for while this one's bytes are on their way. */
static void expect(const struct swb_suffix_array *index, size_t low, size_t high)
{
        size_t rank = low + (high - low) / 2;

        if (high - low > 1)
                __builtin_prefetch(index->text + suffix_at(index, rank));
}

static size_t common_bytes(const uint8_t *a, const uint8_t *b, size_t from, size_t n)
{
        size_t i = from;

        for (; i + 8 <= n; i += 8)
                if (memcmp(a + i, b + i, 8) != 0)
                        break;
        while (i < n && a[i] == b[i])
                i++;
        return i;
}

/* One side of the search interval: all between the sides share min(low, high) bytes with wanted. */
struct side {
        size_t rank;
        size_t common;
};

static bool is_below(const struct swb_suffix_array *index, size_t pos, size_t common,
                     const uint8_t *wanted, size_t n_wanted)
{
        if (common == n_wanted)
                return false;
        return pos + common == index->n || index->text[pos + common] < wanted[common];
}

struct swb_match swb_suffix_array_longest(const struct swb_suffix_array *index,
                                          const uint8_t *wanted, size_t n_wanted)
{
        struct side low = {0}, high = {.rank = index->n};

        if (index->n == 0 || n_wanted == 0)
                return (struct swb_match){0};
        /* low: no suffix above wanted is here or before; `high` starts one behind the last. */
        if (n_wanted > 1) {
                size_t first = index->buckets[bucket_of(wanted)];

                low.rank = first > 0 ? first - 1 : 0;
                high.rank = index->buckets[bucket_of(wanted) + 1];
        }
        low.common = common_bytes(index->text + suffix_at(index, low.rank), wanted, 0,
                                  SWB_MIN(index->n - suffix_at(index, low.rank), n_wanted));
        while (high.rank - low.rank > 1) {
                size_t rank = low.rank + (high.rank - low.rank) / 2, pos = suffix_at(index, rank);
                struct side *side;
                size_t common;

                expect(index, low.rank, rank);
                expect(index, rank, high.rank);
                common = common_bytes(index->text + pos, wanted, SWB_MIN(low.common, high.common),
                                      SWB_MIN(index->n - pos, n_wanted));
                side = is_below(index, pos, common, wanted, n_wanted) ? &low : &high;
                *side = (struct side){rank, common};
        }
        if (high.rank == index->n || high.common < low.common)
                high = low;
        return (struct swb_match){suffix_at(index, high.rank), high.common, high.rank};
}

static uint64_t distance(size_t pos, int64_t wanted_pos)
{
        return wanted_pos > (int64_t)pos ? (uint64_t)wanted_pos - pos : pos - (uint64_t)wanted_pos;
}

/* Does the suffix of this rank begin with the match's bytes? The ranks that do are neighbours. */
static bool begins_with(const struct swb_suffix_array *index, size_t rank,
                        const struct swb_match *match)
{
        size_t pos = suffix_at(index, rank);

        return index->n - pos >= match->n_bytes &&
               memcmp(index->text + pos, index->text + match->pos, match->n_bytes) == 0;
}

size_t swb_suffix_array_nearest(const struct swb_suffix_array *index, const struct swb_match *match,
                                int64_t wanted_pos)
{
        size_t low = match->rank, high = match->rank, best = match->pos;

        while (low > 0 && match->rank - low < NEIGHBOURS && begins_with(index, low - 1, match))
                low--;
        while (high + 1 < index->n && high - match->rank < NEIGHBOURS &&
               begins_with(index, high + 1, match))
                high++;
        for (size_t rank = low; rank <= high; rank++) {
                size_t pos = suffix_at(index, rank);

                if (distance(pos, wanted_pos) < distance(best, wanted_pos))
                        best = pos;
        }
        return best;
}
