/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The target is covered by pieces of the source ("aligned": a piece of the target lies at a
 * distance from a piece of the source, and the two are alike though not equal) and by new bytes
 * between them. What is stored of an aligned piece is the difference of each byte, mostly zero.
 */
#include "codec/bsdiff.h"

#include "base/endian.h"
#include "codec/suffix_array.h"

/* A new alignment must explain this many bytes more than the present one: a jump costs an entry. */
#define JUMP_GAIN_BYTES 8
_Static_assert(JUMP_GAIN_BYTES >= SWB_SUFFIX_GRAM_BYTES, "shorter matches are not looked for");

/* Encoders' own memory; brotli at quality 11 takes the most. */
#define ENCODER_BYTES ((uint64_t)64 << 20)

#define BROTLI_QUICK_LEVEL 9
#define BEST_BROTLI_BYTES ((size_t)64 << 10)
#define BEST_BROTLI_SHARE 4u

struct alignment {
        int64_t target; /* where it begins */
        int64_t source; /* the source byte under that */
};

struct differ {
        const uint8_t *old, *new;
        int64_t n_old, n_new;
        struct swb_suffix_array index;
        struct swb_buf control, diff, extra;
};

static bool equal_at(const struct differ *d, const struct alignment *a, int64_t target)
{
        int64_t source = a->source + (target - a->target);

        return source >= 0 && source < d->n_old && d->old[source] == d->new[target];
}

/* How many of the target's n bytes from `target` on does the alignment explain? */
static int64_t count_equal(const struct differ *d, const struct alignment *a, int64_t target,
                           int64_t n)
{
        int64_t count = 0;

        for (int64_t i = 0; i < n; i++)
                count += equal_at(d, a, target + i);
        return count;
}

/*
 * Looks for the first place from `target` on where another alignment explains more. It is enough to
 * search where the present one is wrong: over equal bytes, what another would gain stays the same.
 * That also bounds the work: no byte is compared for more than JUMP_GAIN_BYTES + 1 searches.
 * Return: the length of the match, 0 when the target's end was reached (ret_next->target = n_new).
 */
static int64_t find_jump(const struct differ *d, const struct alignment *present, int64_t target,
                         struct alignment *ret_next)
{
        for (; target < d->n_new; target++) {
                struct swb_match match;
                int64_t n;

                if (equal_at(d, present, target) ||
                    !swb_suffix_array_may_have(&d->index, d->new + target,
                                               (size_t)(d->n_new - target)))
                        continue;
                match = swb_suffix_array_longest(&d->index, d->new + target,
                                                 (size_t)(d->n_new - target));
                n = (int64_t)match.n_bytes;
                if (n > count_equal(d, present, target, n) + JUMP_GAIN_BYTES) {
                        int64_t expected = present->source + (target - present->target);

                        *ret_next = (struct alignment){
                                target,
                                (int64_t)swb_suffix_array_nearest(&d->index, &match, expected)};
                        return n;
                }
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

        for (int64_t i = 0; i < n; i++) {
                score += d->old[a->source + i] == d->new[a->target + i] ? 1 : -1;
                if (score > best_score) {
                        best_score = score;
                        best = i + 1;
                }
        }
        return best;
}

/* The same backwards from an alignment's start, at most to `begin`. */
static int64_t extend_backward(const struct differ *d, const struct alignment *a, int64_t begin)
{
        int64_t score = 0, best_score = 0, best = 0;
        int64_t n = SWB_MIN(a->target - begin, a->source);

        for (int64_t i = 1; i <= n; i++) {
                score += d->old[a->source - i] == d->new[a->target - i] ? 1 : -1;
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

static int append_offset(struct swb_buf *buf, int64_t value)
{
        uint8_t raw[8];

        swb_put_le64(raw, value < 0 ? (uint64_t)1 << 63 | (uint64_t)-value : (uint64_t)value);
        return swb_buf_append(buf, raw, sizeof(raw));
}

/* One entry: n_diff bytes in alignment `a`, then new bytes up to `end`, then a move in the source.
 */
static int emit(struct differ *d, const struct alignment *a, int64_t n_diff, int64_t end,
                int64_t seek)
{
        int64_t extra = a->target + n_diff;
        int r;

        r = append_offset(&d->control, n_diff);
        if (r >= 0)
                r = append_offset(&d->control, end - extra);
        if (r >= 0)
                r = append_offset(&d->control, seek);
        if (r >= 0)
                r = swb_buf_reserve(&d->diff, (size_t)n_diff);
        if (r >= 0)
                r = swb_buf_append(&d->extra, d->new + extra, (size_t)(end - extra));
        if (r < 0)
                return r;
        for (int64_t i = 0; i < n_diff; i++)
                d->diff.data[d->diff.n_bytes++] =
                        (uint8_t)(d->new[a->target + i] - d->old[a->source + i]);
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

/* Encodes with one more codec and keeps that if it is smaller. `best` empty: none so far. */
static int try_codec(const struct swb_buf *in, enum swb_codec codec, int level, uint8_t number,
                     uint8_t *best_number, struct swb_buf *best)
{
        _cleanup_(swb_buf_done) struct swb_buf other =
                SWB_BUF_INIT(best->n_bytes ? best->n_bytes - 1 : best->max_bytes);
        struct swb_buf saved;
        int r = swb_encode(codec, level, in->data, in->n_bytes, &other);

        if (r == -E2BIG)
                return 0;
        if (r < 0)
                return r;
        saved = *best;
        *best = other;
        other = saved;
        *best_number = number;
        return 0;
}

/*
 * Brotli at its best level is a hundred times as slow as the two that are tried always. Over the
 * long zeros of a good difference it works for little; dense streams and short ones are worth it.
 */
static bool deserves_best_brotli(size_t n_in, size_t n_best)
{
        return n_in <= BEST_BROTLI_BYTES || n_best == 0 || n_best > n_in / BEST_BROTLI_SHARE;
}

static int encode_smallest(const struct swb_buf *in, enum swb_bsdiff_format format,
                           uint8_t *ret_number, struct swb_buf *out)
{
        _cleanup_(swb_buf_done) struct swb_buf best = SWB_BUF_INIT(out->max_bytes - out->n_bytes);
        int r = try_codec(in, SWB_CODEC_BZ2, 0, SWB_BSDIFF_BZ2, ret_number, &best);

        if (r == 0 && format == SWB_BSDF2)
                r = try_codec(in, SWB_CODEC_BROTLI, BROTLI_QUICK_LEVEL, SWB_BSDIFF_BROTLI,
                              ret_number, &best);
        if (r == 0 && format == SWB_BSDF2 && deserves_best_brotli(in->n_bytes, best.n_bytes))
                r = try_codec(in, SWB_CODEC_BROTLI, 0, SWB_BSDIFF_BROTLI, ret_number, &best);
        if (r < 0)
                return r;
        return best.n_bytes ? swb_buf_append(out, best.data, best.n_bytes) : -E2BIG;
}

static int write_patch(struct differ *d, enum swb_bsdiff_format format, struct swb_buf *buf)
{
        struct swb_buf *const streams[] = {&d->control, &d->diff, &d->extra};
        size_t start = buf->n_bytes, sizes[SWB_ELEMENTS(streams)];
        uint8_t header[SWB_BSDIFF_HEADER_BYTES] = "BSDIFF40";
        uint8_t codecs[SWB_ELEMENTS(streams)];
        int r;

        r = swb_buf_append(buf, header, sizeof(header));
        for (size_t i = 0; i < SWB_ELEMENTS(streams) && r >= 0; i++) {
                size_t begin = buf->n_bytes;

                r = encode_smallest(streams[i], format, &codecs[i], buf);
                sizes[i] = buf->n_bytes - begin;
                swb_buf_done(streams[i]);
        }
        if (r < 0)
                return r;
        if (format == SWB_BSDF2) {
                memcpy(header, "BSDF2", 5);
                memcpy(header + 5, codecs, sizeof(codecs));
        }
        swb_put_le64(header + 8, sizes[0]);
        swb_put_le64(header + 16, sizes[1]);
        swb_put_le64(header + 24, (uint64_t)d->n_new);
        memcpy(buf->data + start, header, sizeof(header));
        return 0;
}

static void differ_done(struct differ *d)
{
        swb_suffix_array_done(&d->index);
        swb_buf_done(&d->control);
        swb_buf_done(&d->diff);
        swb_buf_done(&d->extra);
}

int swb_bsdiff(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
               enum swb_bsdiff_format format, struct swb_buf *buf)
{
        _cleanup_(differ_done) struct differ d = {
                .old = old,
                .new = new,
                .n_old = (int64_t)n_old,
                .n_new = (int64_t)n_new,
                .control = SWB_BUF_INIT(SIZE_MAX),
                .diff = SWB_BUF_INIT(SIZE_MAX),
                .extra = SWB_BUF_INIT(SIZE_MAX),
        };
        size_t start = buf->n_bytes;
        int r;

        if (n_old > INT64_MAX || n_new > INT64_MAX)
                return -E2BIG;
        r = swb_suffix_array_init(&d.index, old, n_old);
        if (r >= 0)
                r = match_all(&d);
        swb_suffix_array_done(&d.index); /* the encoders need memory too */
        if (r >= 0)
                r = write_patch(&d, format, buf);
        if (r < 0)
                buf->n_bytes = start;
        return r;
}

uint64_t swb_bsdiff_memory(uint64_t n_old, uint64_t n_new)
{
        uint64_t index = swb_suffix_array_memory(n_old);

        if (n_old > UINT64_MAX / 16 || n_new > UINT64_MAX / 16)
                return UINT64_MAX;
        /* the three streams, doubled at worst as they grow; then two encodings of the largest */
        return SWB_MAX(index + 2 * n_new, 4 * n_new + ENCODER_BYTES);
}
