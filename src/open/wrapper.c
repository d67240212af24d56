/* SPDX-License-Identifier: Apache-2.0 */
#include "open/wrapper.h"

#include <string.h>

#include "open/closer.h"
#include "open/layers.h"
#include "open/segments.h"

#define MAGIC "SWO1"
#define MAGIC_BYTES 4

void swb_open_head_done(struct swb_open_head *head)
{
        for (unsigned i = 0; i < SWB_OPEN_LAYERS_MAX; i++) {
                swb_recipe_done(&head->layers[i].old);
                swb_recipe_done(&head->layers[i].new);
        }
}

/* Of all layers together. */
struct sums {
        uint64_t opening, closing, kept, scratch, all_scratch;
};

static struct sums sums_of(const struct swb_open_head *head)
{
        struct sums sums = {0};

        for (unsigned i = 0; i < head->n_layers; i++) {
                const struct swb_open_layer *layer = &head->layers[i];

                sums.opening += swb_opened_memory_bytes(&layer->old);
                sums.closing += swb_closer_memory_bytes(&layer->new);
                sums.kept += swb_opened_kept_bytes(&layer->old);
                sums.scratch += swb_opened_scratch_bytes(&layer->old);
                sums.all_scratch += swb_opened_all_scratch_bytes(&layer->old);
        }
        return sums;
}

/* PF-139 */
struct swb_open_needs swb_open_needs(const struct swb_open_head *head, uint64_t given_bytes,
                                     uint64_t inner_bytes)
{
        const struct sums sums = sums_of(head);
        uint64_t both = sums.opening + sums.closing, later = sums.closing + sums.kept;
        uint64_t memory = SWB_MAX(sums.opening, later), total = later + inner_bytes;

        if (both <= SWB_MIN(given_bytes, SWB_OPEN_MEMORY_BYTES) &&
            both + inner_bytes <= SWB_PATCH_MEMORY_BYTES)
                return (struct swb_open_needs){both, sums.scratch, both + inner_bytes, false};
        if (total > SWB_PATCH_MEMORY_BYTES)
                memory = SWB_MAX(memory, total - SWB_PATCH_MEMORY_BYTES + SWB_OPEN_MEMORY_BYTES);
        return (struct swb_open_needs){memory, sums.all_scratch, SWB_MAX(sums.opening, total),
                                       true};
}

bool swb_open_needs_fit(const struct swb_open_needs *needs, uint64_t given_bytes)
{
        return needs->memory_bytes <= given_bytes &&
               needs->scratch_bytes <= SWB_OPEN_SCRATCH_BYTES &&
               needs->total_bytes <= SWB_PATCH_MEMORY_BYTES + swb_open_extra(given_bytes);
}

uint64_t swb_open_inner_room(const struct swb_open_head *head, uint64_t given_bytes)
{
        const struct sums sums = sums_of(head);
        uint64_t total = SWB_PATCH_MEMORY_BYTES + swb_open_extra(given_bytes);

        return total - SWB_MIN(sums.closing + sums.kept, total);
}

uint64_t swb_open_inner_needs(const struct swb_open_head *head, const uint8_t *blob, size_t n_blob)
{
        _cleanup_(swb_segments_done) struct swb_segments segments = {0};
        uint64_t most = 0;

        if (swb_segments_read(blob + head->n_bytes, n_blob - head->n_bytes,
                              head->layers[head->n_layers - 1].new.n_opened, &segments) < 0)
                return UINT64_MAX / 2;
        for (size_t i = 0; i < segments.n; i++)
                most = SWB_MAX(most,
                               swb_patch_needs(segments.items[i].data, segments.items[i].n_bytes));
        return most;
}

bool swb_open_is_wrapped(const uint8_t *blob, size_t n_blob)
{
        return n_blob >= MAGIC_BYTES && memcmp(blob, MAGIC, MAGIC_BYTES) == 0;
}

static int read_codec(uint8_t number, enum swb_codec *ret)
{
        static const enum swb_codec codecs[] = {SWB_CODEC_NONE, SWB_CODEC_XZ};

        if (number >= SWB_ELEMENTS(codecs))
                return -EBADMSG;
        *ret = codecs[number];
        return 0;
}

static int read_recipes(const uint8_t *data, size_t n, struct swb_open_layer *layer)
{
        struct swb_cursor c = SWB_CURSOR(data, n);
        int r = swb_recipe_read(&c, &layer->old);

        if (r >= 0)
                r = swb_recipe_read(&c, &layer->new);
        return r >= 0 && swb_cursor_left(&c) > 0 ? -EBADMSG : r;
}

static int read_layer(struct swb_cursor *c, struct swb_open_layer *layer)
{
        const uint8_t *raw = swb_cursor_take(c, SWB_OPEN_HEADER_BYTES), *packed;
        _cleanup_free_ uint8_t *recipes = NULL;
        enum swb_codec codec;
        size_t n_packed, n;
        int r;

        if (!raw || memcmp(raw + 5, "\0\0\0", 3) != 0)
                return -EBADMSG;
        r = read_codec(raw[4], &codec);
        if (r < 0)
                return r;
        n_packed = swb_get_le32(raw + 8);
        n = swb_get_le32(raw + 12);
        if (n > SWB_OPEN_RECIPES_MAX)
                return -E2BIG;
        packed = swb_cursor_take(c, n_packed);
        if (!packed)
                return -EBADMSG;
        recipes = malloc(n + 1);
        if (!recipes)
                return -ENOMEM;
        r = swb_decode(codec, SWB_DECODER_MEMORY_BYTES, packed, n_packed, recipes, n);
        return r < 0 ? r : read_recipes(recipes, n, layer);
}

int swb_open_head_read(const uint8_t *blob, size_t n_blob, uint64_t n_source, uint64_t n_target,
                       struct swb_open_head *ret)
{
        _cleanup_(swb_open_head_done) struct swb_open_head head = {0};
        struct swb_cursor c = SWB_CURSOR(blob, n_blob);

        do {
                struct swb_open_layer *layer = &head.layers[head.n_layers];
                int r;

                if (head.n_layers == SWB_OPEN_LAYERS_MAX ||
                    !swb_open_is_wrapped(blob + c.pos, n_blob - c.pos))
                        return -EBADMSG;
                head.n_layers++;
                r = read_layer(&c, layer);
                if (r < 0)
                        return r;
                if (layer->old.n_content != n_source || layer->new.n_content != n_target)
                        return -EBADMSG;
                n_source = layer->old.n_opened;
                n_target = layer->new.n_opened;
        } while (swb_open_is_wrapped(blob + c.pos, n_blob - c.pos));
        head.n_bytes = c.pos;
        *ret = head;
        head = (struct swb_open_head){0};
        return 0;
}

/* The new content's layers, each of which writes into the one before. */
struct patch {
        const struct swb_open_head *head;
        struct swb_open_source *source;
        struct swb_closer *closers[SWB_OPEN_LAYERS_MAX];
};

static int read_opened(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct patch *patch = context;

        return swb_open_source_read(patch->source, offset, data, n);
}

static int write_opened(void *context, const uint8_t *data, size_t n)
{
        const struct patch *patch = context;

        return swb_closer_put(patch->closers[patch->head->n_layers - 1], data, n);
}

static void patch_done(struct patch *patch)
{
        patch->source = swb_open_source_free(patch->source);
        for (unsigned i = SWB_OPEN_LAYERS_MAX; i-- > 0;)
                patch->closers[i] = swb_closer_free(patch->closers[i]);
}

static int begin_closing(struct patch *patch, uint64_t max_bytes, const struct swb_bspatch_io *io)
{
        swb_encoder_write write = io->write_target;
        void *context = io->context;

        for (unsigned i = 0; i < patch->head->n_layers; i++) {
                int r = swb_closer_new(&patch->head->layers[i].new, max_bytes, write, context,
                                       &patch->closers[i]);

                if (r < 0)
                        return r;
                write = swb_closer_put;
                context = patch->closers[i];
        }
        return 0;
}

/* The opener's share: all of it while it works alone. What is above its needs is its cache. Beside
 * others it has no more than SWB_PATCH_MEMORY_BYTES leaves. */
static uint64_t opener_bytes(const struct swb_open_head *head, const struct swb_open_needs *needs,
                             uint64_t inner_bytes, uint64_t max_bytes)
{
        if (needs->opens_first)
                return max_bytes;
        return SWB_MIN(max_bytes, SWB_PATCH_MEMORY_BYTES - inner_bytes) - sums_of(head).closing;
}

static int begin(struct patch *patch, uint64_t inner_bytes, const struct swb_open_limits *limits,
                 const struct swb_bspatch_io *io)
{
        const struct swb_open_head *head = patch->head;
        const struct swb_open_needs needs = swb_open_needs(head, limits->memory_bytes, inner_bytes);
        /* A device that could give a gigabyte need not, for a cache. */
        uint64_t given =
                SWB_MAX(SWB_MIN(limits->memory_bytes, SWB_OPEN_MEMORY_BYTES), needs.memory_bytes);
        struct swb_open_limits rest = *limits;
        int r;

        if (!swb_open_needs_fit(&needs, limits->memory_bytes))
                return -E2BIG;
        r = begin_closing(patch, given, io);
        if (r < 0)
                return r;
        rest.memory_bytes = opener_bytes(head, &needs, inner_bytes, given);
        r = swb_open_source_new(head, io->read_source, io->context, &rest, needs.opens_first,
                                &patch->source);
        return r >= 0 && needs.opens_first ? swb_open_source_prepare(patch->source) : r;
}

static int patch_segments(const struct swb_open_head *head, const uint8_t *blob, size_t n_blob,
                          swb_open_inner inner, size_t max_memory_bytes,
                          const struct swb_bspatch_io *between)
{
        _cleanup_(swb_segments_done) struct swb_segments segments = {0};
        const struct swb_open_layer *last = &head->layers[head->n_layers - 1];
        int r = swb_segments_read(blob + head->n_bytes, n_blob - head->n_bytes, last->new.n_opened,
                                  &segments);

        for (size_t i = 0; i < segments.n && r >= 0; i++)
                r = inner(segments.items[i].data, segments.items[i].n_bytes, last->old.n_opened,
                          segments.items[i].n_target, max_memory_bytes, between);
        return r;
}

int swb_open_patch(const uint8_t *blob, size_t n_blob, uint64_t n_source, uint64_t n_target,
                   const struct swb_open_limits *limits, swb_open_inner inner,
                   size_t max_memory_bytes, const struct swb_bspatch_io *io)
{
        _cleanup_(swb_open_head_done) struct swb_open_head head = {0};
        _cleanup_(patch_done) struct patch patch = {.head = &head};
        const struct swb_bspatch_io between = {&patch, read_opened, write_opened};
        int r = swb_open_head_read(blob, n_blob, n_source, n_target, &head);

        if (r >= 0)
                r = begin(&patch, n_blob + swb_open_inner_needs(&head, blob, n_blob), limits, io);
        if (r >= 0)
                r = patch_segments(&head, blob, n_blob, inner, max_memory_bytes, &between);
        for (unsigned i = head.n_layers; i-- > 0 && r >= 0;)
                r = swb_closer_finish(patch.closers[i]);
        return r;
}
