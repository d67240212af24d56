/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/shares.h"

#include "base/endian.h"
#include "codec/swpatch.h"
#include "generator/explain/opened_map.h"
#include "generator/explain/price.h"
#include "open/layers.h"
#include "open/segments.h"

#define ZERO_WEIGHT (1.0 / 32)
/* SWD1: where its streams stand among SWD2's, and its head. */
#define SWD1_HEAD_BYTES 28u
#define SWD1_STREAMS 5u
/* Opening has the memory of a build host. */
#define OPENING_BYTES SWB_OPEN_MEMORY_MAX

struct counting {
        const struct swb_share_input *input;
        struct swb_share *shares;
        size_t n;
        struct swb_opened_map map;
        uint64_t base; /* of the opened target: where the difference at hand begins */
        struct swb_open_source *opened; /* the old content; NULL: as it is */
        uint64_t packed[SWB_SHARE_STREAMS];
        struct swb_device_cost cost;
        struct swb_share_kinds *kinds;
        struct swb_part_list *parts;
        struct swb_price differences, new_bytes;
        double differences_price, new_bytes_price; /* since the last piece */
        /* SWD1 */
        uint64_t at;
        bool is_copy;
};

static void counting_done(struct counting *c)
{
        swb_opened_map_done(&c->map);
        swb_price_done(&c->differences);
        swb_price_done(&c->new_bytes);
        c->opened = swb_open_source_free(c->opened);
}

/* ---- from a range of the opened target to the runs */

/* What is added to a run for its part of a piece of the target. */
struct addition {
        const double *weights; /* SWB_SHARE_STREAMS, of the whole piece */
        double fields, right;
        bool is_predicted;
};

static void add_to_share(struct swb_share *share, const struct addition *a, double part,
                         double n_stored)
{
        for (size_t i = 0; i < SWB_SHARE_STREAMS; i++)
                share->weights[i] += part * a->weights[i];
        share->fields += part * a->fields;
        share->right += part * a->right;
        share->n_predicted += a->is_predicted ? n_stored : 0;
}

/* The first run that ends behind `at`. */
static size_t find_share(const struct counting *c, double at)
{
        size_t low = 0, high = c->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if ((double)(c->shares[middle].begin + c->shares[middle].n_bytes) <= at)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* `part` of the piece made [begin, end) of the stored target. */
static void spread(struct counting *c, const struct addition *a, double part, double begin,
                   double end)
{
        for (size_t i = find_share(c, begin); i < c->n; i++) {
                struct swb_share *share = &c->shares[i];
                double from = SWB_MAX(begin, (double)share->begin);
                double to = SWB_MIN(end, (double)(share->begin + share->n_bytes));

                if (to <= from)
                        break;
                add_to_share(share, a, part * (to - from) / (end - begin), to - from);
        }
}

static void spread_opened(struct counting *c, const struct addition *a, uint64_t begin, uint64_t n)
{
        for (size_t i = swb_opened_map_find(&c->map, begin); i < c->map.n; i++) {
                const struct swb_opened_place *place = &c->map.items[i];
                uint64_t from = SWB_MAX(begin, place->opened);
                uint64_t to = SWB_MIN(begin + n, place->opened + place->n_opened);
                double scale = (double)place->n_stored / (double)place->n_opened;

                if (to <= from)
                        break;
                spread(c, a, (double)(to - from) / (double)n,
                       (double)place->stored + (double)(from - place->opened) * scale,
                       (double)place->stored + (double)(to - place->opened) * scale);
        }
}

/* ---- SWD2 */

static int take_part(void *context, const struct swb_swd2_part *part)
{
        struct counting *c = context;

        c->cost.entry_bytes = SWB_MAX(c->cost.entry_bytes, part->n_entries * 24);
        if (!c->parts)
                return 0;
        if (c->parts->n == c->parts->cap) {
                size_t cap = c->parts->cap ? c->parts->cap * 2 : 16;
                struct swb_swd2_part *bigger = reallocarray(c->parts->items, cap, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                c->parts->items = bigger;
                c->parts->cap = cap;
        }
        c->parts->items[c->parts->n] = *part;
        c->parts->items[c->parts->n++].target += c->base;
        return 0;
}

static void price_bytes(void *context, size_t stream, const uint8_t *data, size_t n)
{
        struct counting *c = context;

        if (stream == SWB_SWD2_DIFFERENCES)
                c->differences_price += swb_price_of(&c->differences, data, n);
        else
                c->new_bytes_price += swb_price_of(&c->new_bytes, data, n);
}

/* Without the old content nobody has seen the bytes. */
static void set_prices(struct counting *c, double *weights)
{
        if (c->input->old) {
                weights[SWB_SWD2_DIFFERENCES] = c->differences_price;
                weights[SWB_SWD2_NEW_BYTES] = c->new_bytes_price;
        }
        c->differences_price = c->new_bytes_price = 0;
}

static void take_piece(void *context, const struct swb_swd2_taken *taken)
{
        struct counting *c = context;
        double weights[SWB_SHARE_STREAMS];
        struct addition a = {.weights = weights, .is_predicted = taken->model != SWB_MODEL_NONE};
        bool is_whole = taken->bytes[SWB_SWD2_PLAN] > 0;

        if (taken->n_target == 0)
                return;
        for (size_t i = 0; i < SWB_SWD2_STREAMS_MAX; i++)
                weights[i] = (double)(taken->bytes[i] - taken->zeros[i]) +
                             ZERO_WEIGHT * (double)taken->zeros[i];
        set_prices(c, weights);
        /* without the old content fields are not known: corrections go with copies */
        if (!c->input->old && a.is_predicted)
                for (size_t i = SWB_SWD2_CORRECTIONS; i < SWB_SWD2_STREAMS_MAX; i++)
                        weights[i] = weights[SWB_SWD2_DIFFERENCES];
        weights[SWB_SHARE_HEADS] = is_whole ? (double)taken->n_target : 0;
        for (size_t i = 0; i < SWB_FIELD_KINDS_MAX; i++) {
                a.fields += (double)taken->fields[i];
                a.right += (double)taken->right[i];
                c->cost.fields += taken->fields[i];
                if (c->kinds) {
                        c->kinds->fields[i] += taken->fields[i];
                        c->kinds->right[i] += taken->right[i];
                }
        }
        a.is_predicted &= is_whole; /* once */
        spread_opened(c, &a, c->base + taken->target, taken->n_target);
}

static int read_stored(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct counting *c = context;

        if (offset > c->input->n_old || n > c->input->n_old - offset)
                return -EBADMSG;
        memcpy(data, c->input->old + offset, n);
        return 0;
}

static int read_old(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        struct counting *c = context;

        return c->opened ? swb_open_source_read(c->opened, offset, data, n)
                         : read_stored(c, offset, data, n);
}

static int drop(void *context _unused_, const uint8_t *data _unused_, size_t n _unused_)
{
        return 0;
}

static int count_swd2(struct counting *c, const uint8_t *patch, size_t n_patch, uint64_t n_old,
                      uint64_t n_new)
{
        const struct swb_bspatch_io io = {c, read_old, drop};
        struct swb_swd2_watch watch = {
                .context = c, .part = take_part, .taken = take_piece, .bytes = price_bytes};
        struct swb_swd2_table table;
        bool is_predicted = false;
        int r = swb_swd2_table_read(patch, n_patch, &table);

        if (r < 0)
                return r;
        for (size_t i = 0; i < table.n_streams; i++) {
                c->packed[i] += table.packed[i];
                c->cost.decoded += table.bytes[i];
                is_predicted |= i >= SWB_SWD2_CORRECTIONS && table.bytes[i] > 0;
        }
        c->cost.decoder_bytes = SWB_MAX(c->cost.decoder_bytes, table.decoders_bytes);
        c->cost.n_small_windows |= table.window_bytes < SWB_SWD2_WINDOW_BYTES;
        r = swb_swd2_stat(patch, n_patch, n_old, n_new, c->input->old ? &io : NULL, &watch);
        c->cost.predictor_bytes =
                SWB_MAX(c->cost.predictor_bytes, c->input->old  ? watch.predictor_bytes
                                                 : is_predicted ? SWB_SWD2_PREDICTOR_BYTES
                                                                : 0);
        return r;
}

/* ---- SWD1: with zeros for a source the target shows the streams; copies read before they write */

static int read_zeros(void *context, uint64_t offset _unused_, uint8_t *data, size_t n)
{
        struct counting *c = context;

        memset(data, 0, n);
        c->is_copy = true;
        return 0;
}

static int take_bytes(void *context, const uint8_t *data, size_t n)
{
        struct counting *c = context;
        double weights[SWB_SHARE_STREAMS] = {0};
        const struct addition a = {.weights = weights};

        if (c->is_copy)
                weights[SWB_SWD2_DIFFERENCES] = swb_price_of(&c->differences, data, n);
        else
                weights[SWB_SWD2_NEW_BYTES] = swb_price_of(&c->new_bytes, data, n);
        /* an entry is at least one of these */
        weights[SWB_SWD2_COPIES] = weights[SWB_SWD2_NEWS] = weights[SWB_SWD2_MOVES] = 1;
        weights[SWB_SHARE_HEADS] = (double)n;
        spread_opened(c, &a, c->at, n);
        c->at += n;
        c->is_copy = false;
        c->cost.decoded += n;
        return 0;
}

static int count_swd1(struct counting *c, const uint8_t *patch, size_t n_patch, uint64_t n_old,
                      uint64_t n_new)
{
        const struct swb_bspatch_io io = {c, read_zeros, take_bytes};
        uint64_t left = n_patch - SWD1_HEAD_BYTES;

        for (size_t i = 0; i < SWD1_STREAMS; i++) {
                uint64_t n = i + 1 < SWD1_STREAMS ? swb_get_le32(patch + 12 + 4 * i) : left;

                if (n > left)
                        return -EBADMSG;
                c->packed[SWB_SWD2_COPIES + i] += n;
                left -= n;
        }
        c->cost.decoder_bytes = SWB_DECODER_MEMORY_BYTES;
        return swb_swpatch(patch, n_patch, n_old, n_new, SWB_DECODER_MEMORY_BYTES, &io);
}

/* ---- opened contents */

static void count_pieces(const struct swb_recipe *recipe, bool is_new, struct swb_device_cost *cost)
{
        for (size_t i = 0; i < recipe->n_pieces; i++) {
                const struct swb_piece *piece = &recipe->pieces[i];
                const struct swb_setting *setting =
                        piece->setting > 0 ? swb_recipe_setting(recipe, piece) : NULL;

                if (!setting)
                        continue;
                if (is_new)
                        cost->encoded[setting->encoder] += piece->n_opened;
                else
                        cost->unpacked[setting->packing] += piece->n_opened;
        }
}

static int count_swdiff(struct counting *c, const uint8_t *patch, size_t n_patch, uint64_t n_old,
                        uint64_t n_new)
{
        uint64_t known = 0;
        int r;

        c->packed[SWB_SHARE_HEADS] = 0;
        if (n_patch < SWD1_HEAD_BYTES)
                return -EBADMSG;
        r = memcmp(patch, SWB_SWD2_MAGIC, 4) == 0 ? count_swd2(c, patch, n_patch, n_old, n_new)
                                                  : count_swd1(c, patch, n_patch, n_old, n_new);
        for (size_t i = 0; i < SWB_SHARE_HEADS; i++)
                known += c->packed[i];
        if (r >= 0 && known > c->input->n_blob)
                return -EBADMSG;
        c->packed[SWB_SHARE_HEADS] = c->input->n_blob - known;
        return r;
}

static int count_segments(struct counting *c, const uint8_t *blob, size_t n_blob,
                          const struct swb_open_layer *layer)
{
        _cleanup_(swb_segments_done) struct swb_segments segments = {0};
        int r = swb_segments_read(blob, n_blob, layer->new.n_opened, &segments);

        for (size_t i = 0; i < segments.n && r >= 0; i++) {
                const struct swb_segment *segment = &segments.items[i];

                c->at = c->base;
                r = count_swdiff(c, segment->data, segment->n_bytes, layer->old.n_opened,
                                 segment->n_target);
                c->base += segment->n_target;
        }
        return r;
}

static int count_opened(struct counting *c)
{
        const struct swb_share_input *in = c->input;
        const struct swb_open_limits limits = {OPENING_BYTES, in->scratch};
        _cleanup_(swb_open_head_done) struct swb_open_head head = {0};
        const struct swb_open_layer *last;
        struct swb_open_needs needs;
        int r = swb_open_head_read(in->blob, in->n_blob, in->n_old, in->n_new, &head);

        if (r < 0)
                return r;
        needs = swb_open_needs(&head, SWB_OPEN_MEMORY_BYTES,
                               in->n_blob + swb_open_inner_needs(&head, in->blob, in->n_blob));
        c->cost.opening_bytes = needs.memory_bytes;
        c->cost.scratch_bytes = needs.scratch_bytes;
        c->cost.total_bytes = needs.total_bytes;
        c->cost.n_opened_first = needs.opens_first;
        for (unsigned i = 0; i < head.n_layers; i++) {
                count_pieces(&head.layers[i].old, false, &c->cost);
                count_pieces(&head.layers[i].new, true, &c->cost);
        }
        r = swb_opened_map_init(&c->map, &head.layers[0].new, in->n_new);
        if (r >= 0 && head.n_layers > 1)
                r = swb_opened_map_add_layer(&c->map, &head.layers[1].new);
        if (r >= 0 && in->old)
                r = swb_open_source_new(&head, read_stored, c, &limits, needs.opens_first,
                                        &c->opened);
        last = &head.layers[head.n_layers - 1];
        if (r >= 0)
                r = count_segments(c, in->blob + head.n_bytes, in->n_blob - head.n_bytes, last);
        c->opened = swb_open_source_free(c->opened); /* it has borrowed the recipes */
        return r;
}

static void count_places(struct counting *c)
{
        for (size_t i = 0; i < c->map.n; i++) {
                const struct swb_opened_place *place = &c->map.items[i];
                double end = (double)(place->stored + place->n_stored);

                for (size_t k = find_share(c, (double)place->stored); place->depth > 0 && k < c->n;
                     k++) {
                        struct swb_share *share = &c->shares[k];
                        double from = SWB_MAX((double)place->stored, (double)share->begin);
                        double to = SWB_MIN(end, (double)(share->begin + share->n_bytes));

                        if (to <= from)
                                break;
                        share->n_stored += to - from;
                        share->n_opened +=
                                (to - from) * (double)place->n_opened / (double)place->n_stored;
                        share->encoders |= 1u << place->encoder;
                        share->depth = SWB_MAX(share->depth, place->depth);
                }
        }
}

/* ---- the sum */

/* `packed` bytes by weights, without losing one. Nothing weighs: by length. */
static void share_stream(struct counting *c, size_t stream)
{
        double total = 0, sum = 0;
        uint64_t given = 0, packed = c->packed[stream];
        bool by_length;

        for (size_t i = 0; i < c->n; i++)
                total += c->shares[i].weights[stream];
        by_length = total <= 0;
        if (by_length)
                total = (double)c->input->n_new;
        for (size_t i = 0; i < c->n; i++) {
                struct swb_share *share = &c->shares[i];
                uint64_t until;

                sum += by_length ? (double)share->n_bytes : share->weights[stream];
                until = i + 1 == c->n ? packed
                                      : SWB_MIN(packed, (uint64_t)((double)packed * sum / total));
                until = SWB_MAX(until, given);
                share->packed[stream] = until - given;
                share->bytes += until - given;
                given = until;
        }
}

int swb_shares_count(const struct swb_share_input *input, struct swb_share *shares, size_t n,
                     struct swb_device_cost *ret_cost, struct swb_share_kinds *ret_kinds,
                     struct swb_part_list *ret_parts)
{
        _cleanup_(counting_done) struct counting c = {.input = input,
                                                      .shares = shares,
                                                      .n = n,
                                                      .cost.written = input->n_new,
                                                      .kinds = ret_kinds,
                                                      .parts = ret_parts};
        int r;

        if (swb_price_init(&c.differences) < 0 || swb_price_init(&c.new_bytes) < 0)
                return -ENOMEM;
        if (swb_open_is_wrapped(input->blob, input->n_blob)) {
                r = count_opened(&c);
        } else {
                r = swb_opened_map_init(&c.map, NULL, input->n_new);
                c.cost.total_bytes = input->n_blob + swb_patch_needs(input->blob, input->n_blob);
                if (r >= 0)
                        r = count_swdiff(&c, input->blob, input->n_blob, input->n_old,
                                         input->n_new);
        }
        if (r < 0)
                return r;
        count_places(&c);
        for (size_t i = 0; i < SWB_SHARE_STREAMS; i++)
                share_stream(&c, i);
        if (ret_cost)
                *ret_cost = c.cost;
        return 0;
}
