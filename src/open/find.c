/* SPDX-License-Identifier: Apache-2.0 */
#include "open/find.h"

#include "base/grow.h"
#include "base/text.h"
#include "open/clusters.h"
#include "open/erofs.h"
#include "open/prove.h"
#include "open/tokens_make.h"
#include "open/unpack.h"
#include "open/wrapper.h"

/* An encoded piece costs its place in the recipe, and a byte or two of every release. */
#define PIECE_MIN_BYTES 512u
/* Shorter streams are not worth corrections. */
#define CORRECTED_MIN_BYTES ((size_t)8 << 10)
#define ROOM_FIRST ((size_t)256 << 10)
/* No honest stream opens to more times its size. */
#define RATIO_MAX 1200u
/* Of what a device gives to opening and closing, one stream's coder may not have this. */
#define BESIDE_STREAM_BYTES ((uint64_t)1 << 20)

/* Bytes that are looked through: the content, or what a piece opened to. */
struct frame {
        const uint8_t *data;
        size_t n;
        size_t done; /* bytes that the recipe tells of */
        struct swb_spans spans;
        size_t next; /* span */
        uint8_t *owned;
        bool has_pieces;
};

struct finder {
        const struct swb_find_limits *limits;
        enum swb_find_side side;
        struct swb_found *found;
        struct swb_proofs proofs;
        struct frame frames[SWB_RECIPE_DEPTH_MAX + 1];
        unsigned n_frames;
        int n_encoded_pieces;
        uint64_t n_opened; /* so far */
};

void swb_found_done(struct swb_found *found)
{
        swb_recipe_done(&found->recipe);
        swb_buf_done(&found->opened);
        free(found->unchanged.items);
}

static void pop(struct finder *f)
{
        struct frame *frame = &f->frames[--f->n_frames];

        swb_spans_done(&frame->spans);
        free(frame->owned);
}

static void finder_done(struct finder *f)
{
        while (f->n_frames > 0)
                pop(f);
        swb_proofs_done(&f->proofs);
}

/* Asked of the new content alone. */
static void tell(const struct finder *f, const struct swb_span *span, size_t n_encoded,
                 enum swb_closed_why why)
{
        const struct swb_closed *refused = &f->proofs.refused;
        struct swb_closed piece = *refused;

        if (!f->limits->why_closed || n_encoded < PIECE_MIN_BYTES)
                return;
        if (why != SWB_CLOSED_NO_ENCODER || refused->why == SWB_CLOSED_NOT)
                piece.why = why;
        if (piece.why == SWB_CLOSED_ENCODER_MEMORY || piece.why == SWB_CLOSED_DECODER_MEMORY) {
                piece.limit_bytes += BESIDE_STREAM_BYTES;
                piece.memory_bytes += piece.memory_bytes > 0 ? BESIDE_STREAM_BYTES : 0;
        }
        piece.packing = span->packing;
        piece.n_encoded = n_encoded;
        swb_closed_add(f->limits->why_closed, &piece);
}

/* Too deep to look into; what seems to be packed in it is only told. */
static int tell_depth(const struct finder *f, struct frame *frame)
{
        int r = f->limits->why_closed ? swb_spans_find(frame->data, frame->n, false, &frame->spans)
                                      : 0;

        for (size_t i = 0; i < frame->spans.n; i++) {
                const struct swb_span *span = &frame->spans.items[i];

                tell(f, span, span->n_encoded > 0 ? span->n_encoded : frame->n - span->offset,
                     SWB_CLOSED_TOO_DEEP);
        }
        frame->spans.n = 0;
        return r;
}

/* Takes over `owned`. */
static int push(struct finder *f, const uint8_t *data, size_t n, uint8_t *owned)
{
        struct frame *frame = &f->frames[f->n_frames++];
        int r;

        *frame = (struct frame){.data = data, .n = n, .owned = owned};
        frame->spans.n_groups = (unsigned)f->proofs.n_groups;
        if (f->n_frames > SWB_RECIPE_DEPTH_MAX)
                return tell_depth(f, frame);
        r = swb_spans_find(data, n, !f->limits->no_images, &frame->spans);
        if (r >= 0)
                r = swb_proofs_reserve(&f->proofs, frame->spans.n_groups - f->proofs.n_groups);
        return r;
}

/* The next bytes of the opened content. */
static int put(struct finder *f, const uint8_t *data, size_t n)
{
        f->n_opened += n;
        return f->limits->write ? f->limits->write(f->limits->context, data, n)
                                : swb_buf_append(&f->found->opened, data, n);
}

/* The frame's bytes up to `end` are plain. */
static int add_plain(struct finder *f, struct frame *frame, size_t end)
{
        struct swb_piece piece = {.n_encoded = end - frame->done,
                                  .n_opened = end - frame->done,
                                  .depth = (uint8_t)(f->n_frames - 1)};
        const uint8_t *data = frame->data + frame->done;
        int r;

        if (piece.n_opened == 0)
                return 0;
        frame->done = end;
        r = swb_recipe_add(&f->found->recipe, &piece);
        return r < 0 ? r : put(f, data, (size_t)piece.n_opened);
}

/* ---- decoding */

struct decoded {
        uint8_t *data;
        size_t n, cap, n_encoded;
        struct swb_buf corrections;
};

static int grow(struct decoded *decoded, size_t max)
{
        size_t cap = SWB_MIN(SWB_MAX(decoded->cap * 2, ROOM_FIRST), max);
        uint8_t *bigger;

        if (cap <= decoded->cap)
                return -E2BIG;
        bigger = realloc(decoded->data, cap);
        if (!bigger)
                return -ENOMEM;
        decoded->data = bigger;
        decoded->cap = cap;
        return 0;
}

static int decode_whole(const struct frame *frame, const struct swb_span *span,
                        struct decoded *decoded)
{
        decoded->n_encoded = span->n_encoded;
        decoded->data = malloc(span->n_opened + 1);
        if (!decoded->data)
                return -ENOMEM;
        return swb_unpack_whole_up_to(span->packing, frame->data + span->offset, span->n_encoded,
                                      decoded->data, span->n_opened, &decoded->n);
}

static int decode_stream(const struct finder *f, const struct frame *frame,
                         const struct swb_span *span, struct decoded *decoded)
{
        _cleanup_(swb_unpacker_freep) struct swb_unpacker *unpacker = NULL;
        const uint8_t *begin = frame->data + span->offset, *in = begin;
        size_t n_in = span->n_encoded > 0 ? span->n_encoded : frame->n - span->offset;
        size_t max = (size_t)SWB_MIN(f->limits->max_opened_bytes, (uint64_t)SIZE_MAX);
        const struct swb_setting window = swb_spans_window(span, begin, n_in);
        uint64_t memory = swb_unpack_memory(&window); /* a device has no more */
        int r = swb_unpacker_new(span->packing, SWB_MIN(memory, f->limits->decoder_memory_bytes),
                                 &unpacker);

        max = n_in > max / RATIO_MAX ? max : n_in * RATIO_MAX;
        while (r == SWB_UNPACK_MORE) {
                size_t n_room, had_in = n_in, had_room;
                uint8_t *out;

                if (decoded->n == decoded->cap)
                        r = grow(decoded, max);
                if (r < 0)
                        return r;
                out = decoded->data + decoded->n;
                n_room = had_room = decoded->cap - decoded->n;
                r = swb_unpacker_step(unpacker, &in, &n_in, &out, &n_room);
                decoded->n += had_room - n_room;
                if (r == SWB_UNPACK_MORE && had_in == n_in && had_room == n_room)
                        return -EBADMSG;
        }
        decoded->n_encoded = (size_t)(in - begin);
        if (r == SWB_UNPACK_END && span->n_encoded > 0 && n_in > 0)
                return -EBADMSG;
        return r < 0 ? r : 0;
}

static int decode(const struct finder *f, const struct frame *frame, const struct swb_span *span,
                  struct decoded *decoded)
{
        if (swb_packing_is_whole(span->packing))
                return decode_whole(frame, span, decoded);
        return decode_stream(f, frame, span, decoded);
}

/* ---- pieces */

/* May a piece be added that opens to n bytes? With it come plain ones: before it, and behind it at
 * each depth. */
static bool has_room(const struct finder *f, size_t n)
{
        return f->n_opened + (uint64_t)n <= f->limits->max_opened_bytes &&
               f->found->recipe.n_pieces < SWB_RECIPE_PIECES_MAX - 8;
}

/* The piece that begins with a span, of what was found before; NULL: none did. */
static const struct swb_piece *known_piece(const struct finder *f, const struct frame *frame,
                                           const struct swb_span *span)
{
        const struct swb_recipe *known = f->limits->known;
        size_t i = f->found->recipe.n_pieces;
        uint64_t n_plain = span->offset - frame->done;

        if (n_plain > 0) {
                if (i >= known->n_pieces || known->pieces[i].setting > 0 ||
                    known->pieces[i].n_opened != n_plain ||
                    known->pieces[i].depth != f->n_frames - 1)
                        return NULL;
                i++;
        }
        return i < known->n_pieces && known->pieces[i].setting > 0 &&
                               known->pieces[i].depth == f->n_frames - 1 &&
                               swb_recipe_setting(known, &known->pieces[i])->packing ==
                                       span->packing
                       ? &known->pieces[i]
                       : NULL;
}

/* As swb_prove(), from memory. */
static int recall(const struct finder *f, const struct frame *frame, const struct swb_span *span,
                  struct decoded *decoded, struct swb_setting *ret)
{
        const struct swb_piece *piece = known_piece(f, frame, span);
        int r;

        if (!piece || piece->n_encoded != decoded->n_encoded || piece->n_opened != decoded->n)
                return SWB_NOT_PROVED;
        *ret = *swb_recipe_setting(f->limits->known, piece);
        if (piece->n_correction == 0)
                return SWB_PROVED;
        decoded->corrections = SWB_BUF_INIT(piece->n_correction);
        r = swb_buf_append(&decoded->corrections,
                           f->limits->known->corrections.data + piece->correction,
                           piece->n_correction);
        return r < 0 ? r : SWB_PROVED;
}

/* What no encoder makes: is it a DEFLATE stream that differs little enough from a likely one? */
static int correct(const struct finder *f, const struct frame *frame, const struct swb_span *span,
                   struct decoded *decoded, struct swb_setting *ret)
{
        bool allowed = !f->limits->encoders || swb_has_word(f->limits->encoders, "tokens");

        if (!allowed || decoded->n_encoded < CORRECTED_MIN_BYTES ||
            (span->packing != SWB_PACKING_DEFLATE && span->packing != SWB_PACKING_ZLIB))
                return SWB_NOT_PROVED;
        decoded->corrections =
                SWB_BUF_INIT(SWB_RECIPE_CORRECTIONS_MAX - f->found->recipe.corrections.n_bytes);
        return swb_tokens_prove(span->packing, frame->data + span->offset, decoded->n_encoded,
                                decoded->data, decoded->n, ret, &decoded->corrections);
}

void swb_find_limits_give(struct swb_find_limits *limits, uint64_t memory_bytes)
{
        uint64_t stream = memory_bytes - SWB_MIN(memory_bytes, BESIDE_STREAM_BYTES);

        limits->encoder_memory_bytes = stream;
        limits->decoder_memory_bytes = SWB_UNPACK_MEMORY_BYTES;
        if (memory_bytes > SWB_OPEN_MEMORY_BYTES)
                limits->decoder_memory_bytes = SWB_MAX(stream, SWB_UNPACK_MEMORY_BYTES);
}

/* Is it worth to be a piece, and how is it made again? SWB_PROVED, SWB_NOT_PROVED, -ENOMEM. */
static int judge(struct finder *f, const struct frame *frame, const struct swb_span *span,
                 struct decoded *decoded, struct swb_setting *ret)
{
        int r;

        if (decoded->n_encoded < PIECE_MIN_BYTES || decoded->n == 0 || !has_room(f, decoded->n))
                return SWB_NOT_PROVED;
        *ret = swb_spans_window(span, frame->data + span->offset, decoded->n_encoded);
        if (f->side == SWB_FIND_OLD)
                return SWB_PROVED;
        if (f->limits->known)
                return recall(f, frame, span, decoded, ret);
        r = swb_prove(&f->proofs, span, frame->data + span->offset, decoded->n_encoded,
                      decoded->data, decoded->n, ret);
        return r == SWB_NOT_PROVED ? correct(f, frame, span, decoded, ret) : r;
}

/* The piece, and what it opened to as the next frame, which takes over the bytes. */
static int add_piece(struct finder *f, struct frame *frame, const struct swb_span *span,
                     struct decoded *decoded, const struct swb_setting *setting)
{
        int number = swb_recipe_intern(&f->found->recipe, setting);
        struct swb_piece piece = {.n_encoded = decoded->n_encoded,
                                  .n_opened = decoded->n,
                                  .depth = (uint8_t)(f->n_frames - 1)};
        uint8_t *data = decoded->data;
        int r = number < 0 ? number : add_plain(f, frame, span->offset);

        if (r < 0)
                return r;
        piece.setting = (uint8_t)number;
        if (decoded->corrections.n_bytes > 0)
                r = swb_recipe_correct(&f->found->recipe, &piece, decoded->corrections.data,
                                       decoded->corrections.n_bytes);
        if (r < 0)
                return r;
        r = swb_recipe_add(&f->found->recipe, &piece);
        if (r < 0)
                return r;
        frame->has_pieces = true;
        frame->done = span->offset + decoded->n_encoded;
        f->n_encoded_pieces++;
        decoded->data = NULL;
        return push(f, data, decoded->n, data);
}

static void decoded_done(struct decoded *decoded)
{
        free(decoded->data);
        swb_buf_done(&decoded->corrections);
}

int swb_ranges_add(struct swb_ranges *ranges, uint64_t at, uint64_t n)
{
        struct swb_range *last = ranges->n > 0 ? &ranges->items[ranges->n - 1] : NULL;

        if (last && last->at + last->n == at) {
                last->n += n;
                return 0;
        }
        if (SWB_GROW(ranges) < 0)
                return -ENOMEM;
        ranges->items[ranges->n++] = (struct swb_range){at, n};
        return 0;
}

static bool has_place(const struct swb_ranges *ranges, uint64_t at)
{
        size_t low = 0, high = ranges ? ranges->n : 0;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (ranges->items[middle].at + ranges->items[middle].n <= at)
                        low = middle + 1;
                else
                        high = middle;
        }
        return ranges && low < ranges->n && ranges->items[low].at <= at;
}

/* Return: 1, it stays closed; 0; -ENOMEM. */
static int keep_closed(struct finder *f, const struct frame *frame, const struct swb_span *span)
{
        int r;

        if (f->limits->closed_packings >> span->packing & 1 ||
            (f->n_frames == 1 && has_place(f->limits->closed, span->offset)))
                return 1;
        if (!swb_unchanged_has(f->limits->unchanged, span->file))
                return 0;
        r = swb_ranges_add(&f->found->unchanged, f->n_opened + (span->offset - frame->done),
                           span->n_encoded);
        return r < 0 ? r : 1;
}

/* What a device would have to have for a stream whose window is too large for it, about. */
static uint64_t memory_for(const struct swb_span *span, const uint8_t *data, size_t n)
{
        const struct swb_setting setting = span->guess.encoder != SWB_ENCODER_NONE
                                                   ? span->guess
                                                   : swb_spans_window(span, data, n);
        uint64_t window = swb_unpack_memory(&setting);

        return setting.encoder == SWB_ENCODER_NONE
                       ? 0
                       : SWB_MAX(window, swb_encoder_memory(&setting, window, n));
}

/* What can't be decoded is nothing that was packed, if it is not for the limits. */
static void tell_undecoded(struct finder *f, const struct frame *frame, const struct swb_span *span,
                           const struct decoded *decoded, int r)
{
        size_t n = span->n_encoded > 0 ? span->n_encoded : frame->n - span->offset;

        if (r != -E2BIG)
                return;
        f->proofs.refused =
                (struct swb_closed){.memory_bytes = memory_for(span, frame->data + span->offset, n),
                                    .limit_bytes = f->limits->encoder_memory_bytes};
        tell(f, span, n, decoded->n > 0 ? SWB_CLOSED_TOO_LARGE : SWB_CLOSED_DECODER_MEMORY);
}

static int try_span(struct finder *f, struct frame *frame, const struct swb_span *span)
{
        _cleanup_(decoded_done) struct decoded decoded = {0};
        struct swb_setting setting;
        int r;

        if (span->offset < frame->done)
                return 0;
        r = keep_closed(f, frame, span);
        if (r != 0)
                return SWB_MIN(r, 0);
        r = decode(f, frame, span, &decoded);
        if (r < 0) {
                tell_undecoded(f, frame, span, &decoded, r);
                return r == -ENOMEM ? r : 0;
        }
        r = judge(f, frame, span, &decoded, &setting);
        if (r == SWB_NOT_PROVED)
                tell(f, span, decoded.n_encoded,
                     has_room(f, decoded.n) ? SWB_CLOSED_NO_ENCODER : SWB_CLOSED_TOO_LARGE);
        return r == SWB_PROVED ? add_piece(f, frame, span, &decoded, &setting) : r;
}

static void clusters_done(struct swb_clusters *clusters)
{
        free(clusters->data);
}

/* As swb_clusters_prove(), from memory: as many of the clusters as were made again. */
static int recall_clusters(const struct finder *f, const struct frame *frame,
                           const struct swb_span *span, struct swb_clusters *clusters,
                           struct swb_setting *ret)
{
        const struct swb_piece *piece = known_piece(f, frame, span);

        if (!piece || piece->n_encoded > clusters->n_encoded ||
            piece->n_opened > clusters->n_opened)
                return SWB_NOT_PROVED;
        clusters->n_encoded = (size_t)piece->n_encoded;
        clusters->n_opened = (size_t)piece->n_opened;
        *ret = *swb_recipe_setting(f->limits->known, piece);
        return SWB_PROVED;
}

static int prove_clusters(struct finder *f, const struct frame *frame, const struct swb_span *span,
                          struct swb_clusters *clusters, struct swb_setting *ret)
{
        if (f->limits->known)
                return recall_clusters(f, frame, span, clusters, ret);
        return swb_clusters_prove(&f->proofs, span, frame->data + span->offset, clusters, ret);
}

/* Some clusters from the run's begin; what is left of it stays to be looked at. */
static int try_clusters(struct finder *f, struct frame *frame, struct swb_span *run)
{
        _cleanup_(clusters_done) struct swb_clusters clusters = {0};
        const struct swb_span span = *run;
        const uint8_t *encoded = frame->data + span.offset;
        struct swb_setting setting = {.packing = span.packing};
        struct decoded decoded;
        int r = span.offset < frame->done ? 0 : keep_closed(f, frame, run);

        if (r != 0)
                return SWB_MIN(r, 0);
        r = swb_clusters_open(encoded, span.n_encoded, &clusters);
        if (r < 0)
                return r;
        r = clusters.n_encoded > 0 && span.offset >= frame->done ? SWB_PROVED : SWB_NOT_PROVED;
        if (r == SWB_PROVED && f->side == SWB_FIND_NEW)
                r = prove_clusters(f, frame, &span, &clusters, &setting);
        if (r == SWB_NOT_PROVED)
                tell(f, &span, SWB_EROFS_CLUSTER_BYTES, SWB_CLOSED_NO_ENCODER);
        run->offset += r == SWB_PROVED ? clusters.n_encoded : SWB_EROFS_CLUSTER_BYTES;
        run->n_encoded = span.n_encoded - (run->offset - span.offset);
        if (run->n_encoded > 0)
                frame->next--;
        if (r != SWB_PROVED || !has_room(f, clusters.n_opened))
                return r < 0 ? r : 0;
        decoded = (struct decoded){
                .data = clusters.data, .n = clusters.n_opened, .n_encoded = clusters.n_encoded};
        r = add_piece(f, frame, &span, &decoded, &setting);
        clusters.data = decoded.data;
        return r;
}

/* The innermost frame's next step: a span, or its end. */
static int step(struct finder *f)
{
        struct frame *frame = &f->frames[f->n_frames - 1];
        int r;

        if (frame->next < frame->spans.n) {
                struct swb_span *span = &frame->spans.items[frame->next++];

                return span->packing == SWB_PACKING_EROFS_LZ4 ? try_clusters(f, frame, span)
                                                              : try_span(f, frame, span);
        }
        if (f->n_frames == 1 || frame->has_pieces)
                r = add_plain(f, frame, frame->n);
        else
                r = put(f, frame->data, frame->n);
        pop(f);
        return r;
}

int swb_recipe_find(const uint8_t *data, size_t n, enum swb_find_side side,
                    const struct swb_find_limits *limits, struct swb_found *ret)
{
        _cleanup_(swb_found_done) struct swb_found found = {.opened = SWB_BUF_INIT(SIZE_MAX)};
        _cleanup_(finder_done) struct finder f = {
                .limits = limits, .side = side, .found = &found, .proofs = {.limits = limits}};
        int r = push(&f, data, n, NULL);

        while (f.n_frames > 0 && r >= 0)
                r = step(&f);
        if (r >= 0)
                r = swb_recipe_measure(&found.recipe);
        if (r == -E2BIG) /* too many pieces, or too long: nothing is opened */
                return 0;
        if (r < 0 || f.n_encoded_pieces == 0)
                return r;
        *ret = found;
        found = (struct swb_found){0};
        return f.n_encoded_pieces;
}
