/* SPDX-License-Identifier: Apache-2.0 */
#include "open/layers.h"

struct layer {
        struct swb_opened *opened;
        struct swb_open_limits limits;
        struct swb_open_scratch scratch; /* what of the caller's is this layer's */
};

struct swb_open_source {
        struct layer layers[SWB_OPEN_LAYERS_MAX];
        unsigned n_layers;
        const struct swb_open_scratch *scratch; /* the caller's */
        uint64_t n_second;                      /* bytes of it that the second layer has */
};

/* The first layer's space lies behind the second one's. */
static int write_first(void *context, uint64_t offset, const uint8_t *data, size_t n)
{
        const struct swb_open_source *source = context;

        return source->scratch->write(source->scratch->context, source->n_second + offset, data, n);
}

static int read_first(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct swb_open_source *source = context;

        return source->scratch->read(source->scratch->context, source->n_second + offset, data, n);
}

static void share_scratch(struct swb_open_source *source)
{
        struct layer *layers = source->layers;

        if (!source->scratch || source->scratch->max_bytes < source->n_second)
                return;
        layers[0].scratch = (struct swb_open_scratch){
                source, source->scratch->max_bytes - source->n_second, write_first, read_first};
        layers[1].scratch = *source->scratch;
        layers[1].scratch.max_bytes = source->n_second;
        for (unsigned i = 0; i < SWB_OPEN_LAYERS_MAX; i++)
                layers[i].limits.scratch = &layers[i].scratch;
}

static int share_limits(struct swb_open_source *source, const struct swb_open_head *head,
                        const struct swb_open_limits *limits, bool opens_first)
{
        uint64_t left = limits->memory_bytes;

        for (unsigned i = 0; i < head->n_layers; i++) {
                uint64_t needed = swb_opened_memory_bytes(&head->layers[i].old);

                if (needed > left)
                        return -E2BIG;
                source->layers[i].limits.memory_bytes = needed;
                left -= needed;
        }
        source->layers[head->n_layers - 1].limits.memory_bytes += left;
        source->scratch = limits->scratch;
        if (head->n_layers > 1)
                source->n_second = opens_first ? swb_opened_all_scratch_bytes(&head->layers[1].old)
                                               : swb_opened_scratch_bytes(&head->layers[1].old);
        share_scratch(source);
        return 0;
}

int swb_open_source_new(const struct swb_open_head *head, swb_open_read read, void *context,
                        const struct swb_open_limits *limits, bool opens_first,
                        struct swb_open_source **ret)
{
        _cleanup_(swb_open_source_freep) struct swb_open_source *source =
                calloc(1, sizeof(*source));
        int r = source ? share_limits(source, head, limits, opens_first) : -ENOMEM;

        for (unsigned i = 0; i < head->n_layers && r >= 0; i++) {
                struct layer *layer = &source->layers[i];

                r = swb_opened_new(&head->layers[i].old, read, context, &layer->limits,
                                   &layer->opened);
                read = swb_opened_read;
                context = layer->opened;
                source->n_layers++;
        }
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(source);
        return 0;
}

int swb_open_source_prepare(struct swb_open_source *source)
{
        int r = 0;

        for (unsigned i = 0; i < source->n_layers && r >= 0; i++)
                r = swb_opened_prepare(source->layers[i].opened);
        return r;
}

struct swb_open_source *swb_open_source_free(struct swb_open_source *source)
{
        if (!source)
                return NULL;
        for (unsigned i = SWB_OPEN_LAYERS_MAX; i-- > 0;)
                swb_opened_free(source->layers[i].opened);
        free(source);
        return NULL;
}

int swb_open_source_read(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        struct swb_open_source *source = context;

        return swb_opened_read(source->layers[source->n_layers - 1].opened, offset, data, n);
}
