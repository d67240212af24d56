/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/swd2patch.h"

#include "codec/stream_table.h"
#include "codec/swd2_format.h"
#include "codec/swd2_watch.h"

#define CHUNK_BYTES ((size_t)64 << 10)
/* Whoever watches wants to know more exactly. */
#define WATCHED_BYTES ((size_t)128)

struct part {
        uint64_t source; /* where it begins in the whole source */
        uint64_t n_source, n_target, n_entries;
        enum swb_model model;
        size_t n_hints;
        uint8_t *hints;
        struct swb_copy *copies; /* n_entries; positions within the part */
};

struct swd2 {
        struct swb_stream streams[SWB_SWD2_STREAMS_MAX];
        size_t n_streams;
        const struct swb_bspatch_io *io;
        size_t part_bytes;                   /* of memory, for a part's entries and predictor */
        uint64_t n_source, n_target;         /* left behind the parts so far */
        uint64_t source;                     /* where the next part begins */
        uint8_t *from, *to;                  /* CHUNK_BYTES each */
        struct swb_predictor *predictor;     /* of the present part; NULL: nothing to predict */
        struct swb_predictor_shared *shared; /* of modules; NULL: there was none yet */
        struct swb_swd2_watch *watch;        /* NULL: nobody wants to know */
};

static void part_done(struct part *part)
{
        free(part->hints);
        free(part->copies);
}

static void swd2_done(struct swd2 *d)
{
        swb_streams_done(d->streams, d->n_streams);
        swb_predictor_shared_free(d->shared);
        free(d->from);
        free(d->to);
}

static int report_part(struct swd2 *d, const struct part *part)
{
        const struct swb_swd2_part told = {part->source,   part->n_source,  d->watch->at,
                                           part->n_target, part->n_entries, part->model};
        int r = swb_swd2_watch_part(d->watch, &told);

        if (r >= 0)
                swb_swd2_watch_piece(d->watch, d->streams, d->n_streams, part->n_target);
        return r;
}

/* ---- the plan */

static int read_hints(struct swb_stream *plan, struct part *part)
{
        uint64_t n;
        int r = swb_stream_take_number(plan, &n);

        if (r < 0)
                return r;
        if (n > SWB_SWD2_HINTS_MAX)
                return -E2BIG;
        part->n_hints = (size_t)n;
        part->hints = malloc(part->n_hints + 1);
        return part->hints ? swb_stream_take(plan, part->hints, part->n_hints) : -ENOMEM;
}

static int read_part(struct swd2 *d, struct part *part)
{
        struct swb_stream *plan = &d->streams[SWB_SWD2_PLAN];
        uint64_t numbers[5];

        for (size_t i = 0; i < SWB_ELEMENTS(numbers); i++) {
                int r = swb_stream_take_number(plan, &numbers[i]);

                if (r < 0)
                        return r;
        }
        if (numbers[0] > d->n_source)
                return -EBADMSG;
        part->source = d->source + numbers[0];
        part->n_source = numbers[1];
        part->n_target = numbers[2];
        part->n_entries = numbers[3];
        part->model = (enum swb_model)numbers[4];
        if (part->n_source > d->n_source - numbers[0] || part->n_target > d->n_target ||
            part->n_target == 0 || part->n_entries == 0)
                return -EBADMSG;
        if (numbers[4] >= _SWB_MODEL_MAX)
                return -EPROTONOSUPPORT;
        if (part->n_entries > SWB_SWD2_ENTRIES_MAX ||
            part->n_entries * SWB_SWD2_ENTRY_BYTES > d->part_bytes)
                return -E2BIG;
        d->source = part->source + part->n_source;
        d->n_source -= numbers[0] + part->n_source;
        d->n_target -= part->n_target;
        return part->model == SWB_MODEL_NONE ? 0 : read_hints(plan, part);
}

/* ---- the entries: all of a part are needed before its first byte */

static int read_entry(struct swd2 *d, uint64_t *ret)
{
        for (size_t i = 0; i < 3; i++) {
                int r = swb_stream_take_number(&d->streams[SWB_SWD2_COPIES + i], &ret[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* A copy may be of no bytes; it lies inside the source all the same. */
static int read_copies(struct swd2 *d, struct part *part)
{
        uint64_t source = 0, target = 0;

        part->copies = calloc(part->n_entries, sizeof(*part->copies));
        if (!part->copies)
                return -ENOMEM;
        for (size_t i = 0; i < part->n_entries; i++) {
                uint64_t entry[3];
                int64_t position;
                int r = read_entry(d, entry);

                if (r < 0)
                        return r;
                if (entry[0] > part->n_source - source || entry[0] > part->n_target - target ||
                    entry[1] > part->n_target - target - entry[0])
                        return -EBADMSG;
                part->copies[i] = (struct swb_copy){source, target, entry[0]};
                target += entry[0] + entry[1];
                if (__builtin_add_overflow((int64_t)(source + entry[0]), swb_unzigzag(entry[2]),
                                           &position) ||
                    position < 0 || (uint64_t)position > part->n_source)
                        return -EBADMSG;
                source = (uint64_t)position;
        }
        return target == part->n_target ? 0 : -EBADMSG;
}

/* ---- making the target */

static int put_target(struct swd2 *d, size_t n)
{
        int r = d->io->write_target(d->io->context, d->to, n);

        if (r == 0 && d->watch) {
                swb_swd2_watch_piece(d->watch, d->streams, d->n_streams, n);
                d->watch->at += n;
        }
        return r;
}

static uint64_t get_value(const uint8_t *data, unsigned width)
{
        uint64_t value = 0;

        for (unsigned i = width; i-- > 0;)
                value = value << 8 | data[i];
        return value;
}

static void put_value(uint8_t *data, unsigned width, uint64_t value)
{
        for (unsigned i = 0; i < width; i++, value >>= 8)
                data[i] = (uint8_t)value;
}

static int make_bytes(struct swd2 *d, const uint8_t *from, uint8_t *to, size_t n)
{
        int r = swb_stream_take(&d->streams[SWB_SWD2_DIFFERENCES], to, n);

        if (r == 0 && d->watch)
                swb_swd2_watch_bytes(d->watch, SWB_SWD2_DIFFERENCES, to, n);
        for (size_t i = 0; i < n && r == 0; i++)
                to[i] = (uint8_t)(to[i] + from[i]);
        return r;
}

static int make_field(struct swd2 *d, const struct swb_place *place, const uint8_t *from,
                      uint8_t *to)
{
        size_t stream = SWB_SWD2_CORRECTIONS + place->kind;
        uint64_t old = get_value(from, place->width), correction;
        int r = stream < d->n_streams ? swb_stream_take_number(&d->streams[stream], &correction)
                                      : -EBADMSG;

        if (r < 0)
                return r;
        if (d->watch)
                swb_swd2_watch_field(d->watch, place->kind, correction);
        put_value(to, place->width,
                  swb_predictor_predict(d->predictor, place, old) +
                          (uint64_t)swb_unzigzag(correction));
        swb_predictor_learn(d->predictor, place, old, get_value(to, place->width));
        return 0;
}

/*
 * The source's bytes from `begin` on were read: n of them. Makes the target's, but not the field
 * that reaches beyond them. Return: how many were made, or an error.
 */
static int make_chunk(struct swd2 *d, const struct swb_copy *copy, uint64_t begin, size_t n,
                      size_t *ret_n)
{
        uint64_t end = copy->old + copy->n_bytes;
        size_t made = 0;

        while (made < n) {
                struct swb_place place;
                bool is_field = d->predictor &&
                                swb_predictor_next(d->predictor, begin + made, end, &place) &&
                                place.old < begin + n;
                size_t stop = is_field ? (size_t)(place.old - begin) : n;
                int r = make_bytes(d, d->from + made, d->to + made, stop - made);

                made = stop;
                if (r == 0 && is_field) {
                        if (place.width > n - made)
                                break;
                        place.new = copy->new + (place.old - copy->old);
                        r = make_field(d, &place, d->from + made, d->to + made);
                        made += place.width;
                }
                if (r < 0)
                        return r;
        }
        *ret_n = made;
        return 0;
}

static uint64_t chunk_bytes(const struct swd2 *d)
{
        return d->watch ? WATCHED_BYTES : CHUNK_BYTES;
}

static int make_copy(struct swd2 *d, const struct part *part, const struct swb_copy *copy)
{
        uint64_t at = copy->old, end = copy->old + copy->n_bytes;

        while (at < end) {
                size_t n = (size_t)SWB_MIN(end - at, chunk_bytes(d));
                int r = d->io->read_source(d->io->context, part->source + at, d->from, n);

                if (r == 0)
                        r = make_chunk(d, copy, at, n, &n);
                if (r == 0)
                        r = put_target(d, n);
                if (r < 0)
                        return r;
                at += n;
        }
        return 0;
}

static int make_new(struct swd2 *d, uint64_t n)
{
        while (n > 0) {
                size_t piece = (size_t)SWB_MIN(n, chunk_bytes(d));
                int r = swb_stream_take(&d->streams[SWB_SWD2_NEW_BYTES], d->to, piece);

                if (r == 0 && d->watch)
                        swb_swd2_watch_bytes(d->watch, SWB_SWD2_NEW_BYTES, d->to, piece);
                if (r == 0)
                        r = put_target(d, piece);
                if (r < 0)
                        return r;
                n -= piece;
        }
        return 0;
}

static int make_target(struct swd2 *d, const struct part *part)
{
        int r = 0;

        for (size_t i = 0; i < part->n_entries && r == 0; i++) {
                const struct swb_copy *copy = &part->copies[i];
                uint64_t end = i + 1 < part->n_entries ? copy[1].new : part->n_target;

                r = make_copy(d, part, copy);
                if (r == 0)
                        r = make_new(d, end - copy->new - copy->n_bytes);
        }
        return r;
}

/* ---- parts */

/* The predictor sees the part's source alone. */
struct part_reader {
        const struct swb_bspatch_io *io;
        uint64_t begin;
};

static int read_part_source(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct part_reader *reader = context;

        return reader->io->read_source(reader->io->context, reader->begin + offset, data, n);
}

static int share(struct swd2 *d)
{
        int r = 0;

        if (!swb_predictor_shares(d->predictor))
                return 0;
        if (!d->shared)
                r = swb_predictor_shared_copy(NULL, &d->shared);
        if (r == 0)
                swb_predictor_share(d->predictor, d->shared);
        return r;
}

static int make_predicted(struct swd2 *d, const struct part *part)
{
        struct part_reader reader = {d->io, part->source};
        _cleanup_(swb_view_done) struct swb_view view =
                SWB_VIEW_OF(read_part_source, &reader, part->n_source);
        _cleanup_(swb_predictor_freep) struct swb_predictor *predictor = NULL;
        size_t left = d->part_bytes - (size_t)(part->n_entries * SWB_SWD2_ENTRY_BYTES);
        int r = swb_predictor_new(part->model, &view, part->copies, part->n_entries, part->hints,
                                  part->n_hints, SWB_MIN(left, SWB_SWD2_PREDICTOR_BYTES),
                                  &predictor);

        d->predictor = predictor;
        if (r == 0 && d->watch)
                d->watch->predictor_bytes =
                        SWB_MAX(d->watch->predictor_bytes, swb_predictor_memory(predictor));
        if (r == 0)
                r = share(d);
        if (r == 0)
                r = make_target(d, part);
        d->predictor = NULL;
        return r < 0 ? r : swb_view_error(&view);
}

static int make_part(struct swd2 *d)
{
        _cleanup_(part_done) struct part part = {0};
        int r = read_part(d, &part);

        if (r == 0)
                r = read_copies(d, &part);
        if (r == 0 && d->watch)
                r = report_part(d, &part);
        if (r < 0)
                return r;
        if (!d->io) {
                swb_swd2_watch_entries(d->watch, part.copies, part.n_entries, part.n_target);
                return 0;
        }
        return part.model == SWB_MODEL_NONE ? make_target(d, &part) : make_predicted(d, &part);
}

/* Nothing is allocated for what tells that it needs more than there may be, and nothing beyond what
 * it tells. */
static int open_streams(struct swd2 *d, const uint8_t *patch, size_t n_patch)
{
        uint64_t needs = swb_patch_needs(patch, n_patch);
        struct swb_stream_rules rules = {.magic = SWB_SWD2_MAGIC,
                                         .n_min = SWB_SWD2_CORRECTIONS,
                                         .n_max = SWB_SWD2_STREAMS_MAX,
                                         .decoder_bytes = swb_swd2_decoder_bytes};

        if (n_patch < SWB_STREAM_TABLE_HEAD_BYTES)
                return -EBADMSG;
        if (patch[5] > SWB_SWD2_WINDOW_UNITS_MAX || needs < SWB_SWD2_BESIDE_BYTES ||
            n_patch > SWB_PATCH_MEMORY_BYTES || needs > SWB_PATCH_MEMORY_BYTES - n_patch)
                return -E2BIG;
        rules.window_bytes = patch[5] * SWB_SWD2_UNIT_BYTES;
        rules.memory_bytes = (size_t)needs - SWB_SWD2_BESIDE_BYTES;
        return swb_streams_open(&rules, patch, n_patch, d->streams, &d->n_streams, &d->part_bytes);
}

static int run(struct swd2 *d, const uint8_t *patch, size_t n_patch)
{
        int r = open_streams(d, patch, n_patch);

        if (r < 0)
                return r;
        if (d->streams[SWB_SWD2_PLAN].n_bytes > SWB_SWD2_PLAN_MAX)
                return -E2BIG;
        if (d->n_source > INT64_MAX / 2 || d->n_target > INT64_MAX / 2)
                return -E2BIG;
        d->from = malloc(CHUNK_BYTES);
        d->to = malloc(CHUNK_BYTES);
        if (!d->from || !d->to)
                return -ENOMEM;
        while (d->n_target > 0 && r == 0)
                r = make_part(d);
        return r < 0 || !d->io ? r : swb_streams_finish(d->streams, d->n_streams);
}

int swb_swd2_patch(const uint8_t *patch, size_t n_patch, uint64_t n_source, uint64_t n_target,
                   const struct swb_bspatch_io *io)
{
        _cleanup_(swd2_done) struct swd2 d = {.io = io, .n_source = n_source, .n_target = n_target};

        return run(&d, patch, n_patch);
}

int swb_swd2_stat(const uint8_t *patch, size_t n_patch, uint64_t n_source, uint64_t n_target,
                  const struct swb_bspatch_io *io, struct swb_swd2_watch *watch)
{
        _cleanup_(swd2_done) struct swd2 d = {
                .io = io, .n_source = n_source, .n_target = n_target, .watch = watch};

        return run(&d, patch, n_patch);
}
