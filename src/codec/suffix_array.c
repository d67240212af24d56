/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/suffix_array.h"

#include <divsufsort.h>
#include <divsufsort64.h>

/* How far to look for the nearest place: 1 % smaller patches of programs; more gives no more. */
#define NEIGHBOURS 16
#define N_BUCKETS ((size_t)1 << 16)
/* Bits of the bitmap for each byte of the text, at least: one string in four that the text does not
 * have is not noticed then. */
#define GRAM_BITS_A_BYTE 4u
/* A search begins among samples, which lie close together: each step in the array and the text
 * waits for memory twice. One suffix in so many is one. */
#define SAMPLE_STEP ((size_t)16)
#define KEY_BYTES ((size_t)8)

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
               (n / SAMPLE_STEP + 1) * sizeof(uint64_t) + (N_BUCKETS + 1) * sizeof(size_t);
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

static size_t suffix_at(const struct swb_suffix_array *index, size_t rank)
{
        return index->narrow ? (size_t)index->narrow[rank] : (size_t)index->wide[rank];
}

/* The first bytes as a number that is in the order of the suffixes; 0 for those that are missing:
 * then an equal number does not say that the suffix is longer. */
static uint64_t key_of(const uint8_t *p, size_t n)
{
        uint64_t key = 0;

        if (n >= KEY_BYTES)
                return swb_get_be64(p);
        for (size_t i = 0; i < n; i++)
                key |= (uint64_t)p[i] << (56 - 8 * i);
        return key;
}

static int make_samples(struct swb_suffix_array *index)
{
        index->n_samples = (index->n - 1) / SAMPLE_STEP + 1;
        index->samples = malloc(index->n_samples * sizeof(*index->samples));
        if (!index->samples)
                return -ENOMEM;
        for (size_t i = 0; i < index->n_samples; i++) {
                size_t pos = suffix_at(index, i * SAMPLE_STEP);

                if (i + 8 < index->n_samples)
                        __builtin_prefetch(index->text + suffix_at(index, (i + 8) * SAMPLE_STEP));
                index->samples[i] = key_of(index->text + pos, index->n - pos);
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
        if (r != 0 || make_buckets(index) < 0 || make_samples(index) < 0 || make_grams(index) < 0) {
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
        free(index->samples);
        free(index->grams);
        *index = (struct swb_suffix_array){0};
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
        return from < n ? from + swb_common_bytes(a + from, b + from, n - from) : from;
}

static size_t common_at(const struct swb_suffix_array *index, size_t rank, const uint8_t *wanted,
                        size_t n_wanted)
{
        size_t pos = suffix_at(index, rank);

        return swb_common_bytes(index->text + pos, wanted, SWB_MIN(index->n - pos, n_wanted));
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

/* The first of the samples from `from` to before `to` that is not below the key; `to`: none is. */
static size_t first_sample_from(const struct swb_suffix_array *index, size_t from, size_t to,
                                uint64_t key)
{
        while (from < to) {
                size_t middle = from + (to - from) / 2;

                if (index->samples[middle] < key)
                        from = middle + 1;
                else
                        to = middle;
        }
        return from;
}

/* Brings the sides nearer, to the last sample that begins with less than wanted and the first that
 * begins with more. */
static void narrow(const struct swb_suffix_array *index, uint64_t key, struct side *low,
                   struct side *high)
{
        size_t begin = low->rank / SAMPLE_STEP + 1, end = (high->rank - 1) / SAMPLE_STEP + 1;
        size_t first = first_sample_from(index, begin, end, key), behind = first;

        if (first > begin)
                low->rank = (first - 1) * SAMPLE_STEP;
        if (first < end && index->samples[first] == key)
                behind = key < UINT64_MAX ? first_sample_from(index, first, end, key + 1) : end;
        if (behind < end)
                high->rank = behind * SAMPLE_STEP;
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
        if (n_wanted >= KEY_BYTES && high.rank > low.rank + 1)
                narrow(index, swb_get_be64(wanted), &low, &high);
        low.common = common_at(index, low.rank, wanted, n_wanted);
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
        /* What the search began with was not compared. */
        if (high.rank < index->n && SWB_MAX(low.common, high.common) < KEY_BYTES)
                high.common = common_at(index, high.rank, wanted, n_wanted);
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
