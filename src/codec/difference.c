/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The target is covered by pieces of the source ("aligned": a piece of the target lies at a
 * distance from a piece of the source, and the two are alike though not equal) and by new bytes
 * between them. What is stored of an aligned piece is the difference of each byte, mostly zero.
 */
#include "codec/difference.h"

#include "codec/suffix_array.h"

/* A new alignment must explain this many bytes more than the present one: a jump costs an entry. */
#define JUMP_GAIN_BYTES 8
_Static_assert(JUMP_GAIN_BYTES + 1 >= SWB_SUFFIX_GRAM_BYTES, "shorter matches are not looked for");

struct alignment {
        int64_t target; /* where it begins */
        int64_t source; /* the source byte under that */
};

struct differ {
        const uint8_t *old, *new;
        int64_t n_old, n_new;
        struct swb_suffix_array index;
        struct swb_difference *out;
};

static bool equal_at(const struct differ *d, const struct alignment *a, int64_t target)
{
        int64_t source = a->source + (target - a->target);

        return source >= 0 && source < d->n_old && d->old[source] == d->new[target];
}

/* The first byte from `target` on that the alignment does not explain, or the target's end. */
static int64_t next_wrong(const struct differ *d, const struct alignment *a, int64_t target)
{
        int64_t source = a->source + (target - a->target);
        size_t n;

        if (target >= d->n_new)
                return d->n_new;
        if (source < 0 || source >= d->n_old)
                return target;
        n = (size_t)SWB_MIN(d->n_old - source, d->n_new - target);
        return target + (int64_t)swb_common_bytes(d->old + source, d->new + target, n);
}

/* The next bytes that the present alignment does not explain: a match that covers them all, and no
 * shorter one, is worth a jump. */
#define N_WRONG (JUMP_GAIN_BYTES + 1)

struct wrong {
        int64_t at[N_WRONG]; /* a ring */
        size_t first;
};

static int64_t wrong_at(const struct wrong *wrong, size_t i)
{
        return wrong->at[(wrong->first + i) % N_WRONG];
}

static void find_wrong(const struct differ *d, const struct alignment *present, int64_t target,
                       struct wrong *wrong)
{
        wrong->first = 0;
        for (size_t i = 0; i < N_WRONG; i++)
                target = (wrong->at[i] = next_wrong(d, present, target)) + 1;
}

static void drop_first_wrong(const struct differ *d, const struct alignment *present,
                             struct wrong *wrong)
{
        wrong->at[wrong->first] = next_wrong(d, present, wrong_at(wrong, N_WRONG - 1) + 1);
        wrong->first = (wrong->first + 1) % N_WRONG;
}

/* Could the source have all of the target from the first wrong byte to the last? Strings that end
 * in a wrong byte are looked up: others it has anyway. */
static bool may_cover(const struct differ *d, const struct wrong *wrong)
{
        int64_t target = wrong_at(wrong, 0);

        if (!swb_suffix_array_may_have(&d->index, d->new + target, (size_t)(d->n_new - target)))
                return false;
        for (size_t i = N_WRONG - 1; i > 0; i--) {
                int64_t begin = wrong_at(wrong, i) + 1 - SWB_SUFFIX_GRAM_BYTES;

                if (begin > target &&
                    !swb_suffix_array_may_have(&d->index, d->new + begin, SWB_SUFFIX_GRAM_BYTES))
                        return false;
        }
        return true;
}

/*
 * Looks for the first place from `target` on where another alignment explains more. It is enough to
 * search where the present one is wrong: over equal bytes, what another would gain stays the same.
 * Return: the length of the match, 0 when the target's end was reached (ret_next->target = n_new).
 */
static int64_t find_jump(const struct differ *d, const struct alignment *present, int64_t target,
                         struct alignment *ret_next)
{
        struct wrong wrong;

        find_wrong(d, present, target, &wrong);
        for (; wrong_at(&wrong, N_WRONG - 1) < d->n_new; drop_first_wrong(d, present, &wrong)) {
                struct swb_match match;
                int64_t expected;

                if (!may_cover(d, &wrong))
                        continue;
                target = wrong_at(&wrong, 0);
                match = swb_suffix_array_longest(&d->index, d->new + target,
                                                 (size_t)(d->n_new - target));
                if (target + (int64_t)match.n_bytes <= wrong_at(&wrong, N_WRONG - 1))
                        continue;
                expected = present->source + (target - present->target);
                *ret_next = (struct alignment){
                        target, (int64_t)swb_suffix_array_nearest(&d->index, &match, expected)};
                return (int64_t)match.n_bytes;
        }
        *ret_next = (struct alignment){.target = d->n_new};
        return 0;
}

/* How far does it pay to hold on to an alignment from its start, at most to `end`? A byte that is
 * equal counts for it, one that is not counts against it. */
static int64_t extend_forward(const struct differ *d, const struct alignment *a, int64_t end)
{
        int64_t score = 0, best_score = 0, best = 0;
        int64_t n = SWB_MIN(end - a->target, d->n_old - a->source);

        for (int64_t i = 0; i < n && score + (n - i) > best_score; i++) {
                int64_t equal = (int64_t)swb_common_bytes(d->old + a->source + i,
                                                          d->new + a->target + i, (size_t)(n - i));

                i += equal;
                score += equal;
                if (score > best_score) {
                        best_score = score;
                        best = i;
                }
                score--;
        }
        return best;
}

/* The same backwards from an alignment's start, at most to `begin`. */
static int64_t extend_backward(const struct differ *d, const struct alignment *a, int64_t begin)
{
        const uint8_t *old = d->old + a->source, *new = d->new + a->target;
        int64_t score = 0, best_score = 0, best = 0;
        int64_t n = SWB_MIN(a->target - begin, a->source);

        for (int64_t i = 1; i <= n && score + (n - i) >= best_score; i++) {
                score += old[-i] == new[-i] ? 1 : -1;
                if (score > best_score) {
                        best_score = score;
                        best = i;
                }
        }
        return best;
}

/* Two alignments both want target bytes begin .. end: where does the first better leave off? */
static int64_t best_border(const struct differ *d, const struct alignment *first,
                           const struct alignment *second, int64_t begin, int64_t end)
{
        int64_t score = 0, best_score = 0, best = begin;

        for (int64_t i = begin; i < end; i++) {
                score += equal_at(d, first, i);
                score -= equal_at(d, second, i);
                if (score > best_score) {
                        best_score = score;
                        best = i + 1;
                }
        }
        return best;
}

static int add_entry(struct swb_difference *out, struct swb_difference_entry entry)
{
        if (out->n_entries == out->cap) {
                size_t cap = out->cap ? out->cap * 2 : 256;
                struct swb_difference_entry *bigger =
                        reallocarray(out->entries, cap, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                out->entries = bigger;
                out->cap = cap;
        }
        out->entries[out->n_entries++] = entry;
        out->n_target += (uint64_t)(entry.n_diff + entry.n_extra);
        out->position += (uint64_t)(entry.n_diff + entry.seek);
        return 0;
}

/* One entry: n_diff bytes in alignment `a`, then new bytes up to `end`, then a move in the source.
 */
static int emit(struct differ *d, const struct alignment *a, int64_t n_diff, int64_t end,
                int64_t seek)
{
        struct swb_difference *out = d->out;
        const uint8_t *old = d->old + a->source, *new = d->new + a->target;
        int64_t extra = a->target + n_diff;
        uint8_t *diff;
        int r = add_entry(out, (struct swb_difference_entry){n_diff, end - extra, seek});

        if (r >= 0)
                r = swb_buf_reserve(&out->diff, (size_t)n_diff);
        if (r >= 0)
                r = swb_buf_append(&out->extra, d->new + extra, (size_t)(end - extra));
        if (r < 0)
                return r;
        diff = out->diff.data + out->diff.n_bytes;
        for (int64_t i = 0; i < n_diff; i++)
                diff[i] = (uint8_t)(new[i] - old[i]);
        out->diff.n_bytes += (size_t)n_diff;
        return 0;
}

static int match_all(struct differ *d)
{
        struct alignment present = {0}, next;
        int64_t scan = 0;
        int r;

        while (present.target < d->n_new) {
                int64_t n_match = find_jump(d, &present, scan, &next);
                int64_t n_forward = extend_forward(d, &present, next.target);
                int64_t n_backward = n_match > 0 ? extend_backward(d, &next, present.target) : 0;
                int64_t begin = next.target - n_backward, end = present.target + n_forward;

                scan = next.target + n_match;
                if (begin < end) {
                        begin = best_border(d, &present, &next, begin, end);
                        n_forward = begin - present.target;
                }
                next.source -= next.target - begin;
                next.target = begin;
                r = emit(d, &present, n_forward, begin,
                         n_match > 0 ? next.source - (present.source + n_forward) : 0);
                if (r < 0)
                        return r;
                present = next;
        }
        return 0;
}

/* The source position is where this content begins. */
static int go_to(struct swb_difference *out, uint64_t base)
{
        int64_t seek = (int64_t)(base - out->position);

        if (seek == 0)
                return 0;
        if (out->n_entries == 0)
                return add_entry(out, (struct swb_difference_entry){.seek = seek});
        out->entries[out->n_entries - 1].seek += seek;
        out->position = base;
        return 0;
}

int swb_difference_add(struct swb_difference *difference, const uint8_t *old, size_t n_old,
                       uint64_t base, const uint8_t *new, size_t n_new)
{
        struct differ d = {.old = old,
                           .new = new,
                           .n_old = (int64_t)n_old,
                           .n_new = (int64_t)n_new,
                           .out = difference};
        int r;

        if (n_old > INT64_MAX || n_new > INT64_MAX)
                return -E2BIG;
        if (n_new == 0)
                return 0;
        r = go_to(difference, base);
        if (r >= 0)
                r = swb_suffix_array_init(&d.index, old, n_old);
        if (r >= 0)
                r = match_all(&d);
        swb_suffix_array_done(&d.index);
        return r;
}

void swb_difference_done(struct swb_difference *difference)
{
        free(difference->entries);
        swb_buf_done(&difference->diff);
        swb_buf_done(&difference->extra);
        *difference = SWB_DIFFERENCE_INIT;
}

uint64_t swb_difference_memory(uint64_t n_old)
{
        return swb_suffix_array_memory(n_old);
}
