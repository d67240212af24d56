/* SPDX-License-Identifier: Apache-2.0 */
#include "open/closer.h"

/* An encoder at work, and what its output goes to. */
struct stage {
        struct swb_closer *closer;
        struct swb_encoder *encoder;
        unsigned below; /* stages outside of this one: 0: its output is the content */
};

struct swb_closer {
        const struct swb_recipe *recipe;
        swb_encoder_write write;
        void *context;
        struct stage stages[SWB_RECIPE_DEPTH_MAX];
        unsigned n_stages;
        size_t next;      /* piece */
        uint64_t n_taken; /* bytes of the innermost piece */
};

uint64_t swb_closer_memory_bytes(const struct swb_recipe *recipe)
{
        uint64_t at_depth[SWB_RECIPE_DEPTH_MAX + 1] = {0}, most = 0;

        for (size_t i = 0; i < recipe->n_pieces; i++) {
                const struct swb_piece *piece = &recipe->pieces[i];

                if (piece->setting > 0)
                        at_depth[piece->depth] =
                                SWB_MAX(at_depth[piece->depth],
                                        swb_encoder_memory(swb_recipe_setting(recipe, piece),
                                                           piece->n_opened, piece->n_encoded));
        }
        for (size_t i = 0; i <= SWB_RECIPE_DEPTH_MAX; i++)
                most += at_depth[i];
        return most + recipe->corrections.n_bytes + sizeof(struct swb_closer);
}

int swb_closer_new(const struct swb_recipe *recipe, uint64_t max_memory_bytes,
                   swb_encoder_write write, void *context, struct swb_closer **ret)
{
        struct swb_closer *closer;

        for (size_t i = 0; i < recipe->n_settings; i++)
                if (recipe->settings[i].encoder == SWB_ENCODER_NONE ||
                    !swb_encoder_is_present(&recipe->settings[i]))
                        return -EPROTONOSUPPORT;
        if (swb_closer_memory_bytes(recipe) > max_memory_bytes)
                return -E2BIG;
        closer = calloc(1, sizeof(*closer));
        if (!closer)
                return -ENOMEM;
        closer->recipe = recipe;
        closer->write = write;
        closer->context = context;
        *ret = closer;
        return 0;
}

struct swb_closer *swb_closer_free(struct swb_closer *closer)
{
        if (!closer)
                return NULL;
        for (unsigned i = 0; i < closer->n_stages; i++)
                swb_encoder_free(closer->stages[i].encoder);
        free(closer);
        return NULL;
}

/* To the encoder of that many stages, or into the content. */
static int give(struct swb_closer *closer, unsigned n_stages, const uint8_t *data, size_t n)
{
        if (n_stages == 0)
                return closer->write(closer->context, data, n);
        return swb_encoder_put(closer->stages[n_stages - 1].encoder, data, n);
}

static int write_below(void *context, const uint8_t *data, size_t n)
{
        const struct stage *stage = context;

        return give(stage->closer, stage->below, data, n);
}

static int begin_stage(struct swb_closer *closer, const struct swb_piece *piece)
{
        struct stage *stage = &closer->stages[closer->n_stages];
        const struct swb_encoder_job job = {
                .setting = swb_recipe_setting(closer->recipe, piece),
                .n_opened = piece->n_opened,
                .n_encoded = piece->n_encoded,
                .corrections = piece->n_correction > 0
                                       ? closer->recipe->corrections.data + piece->correction
                                       : NULL,
                .n_corrections = piece->n_correction,
                .write = write_below,
                .context = stage};
        int r;

        *stage = (struct stage){.closer = closer, .below = closer->n_stages};
        r = swb_encoder_new(&job, &stage->encoder);
        if (r < 0)
                return r;
        closer->n_stages++;
        return 0;
}

static int end_stage(struct swb_closer *closer)
{
        struct stage *stage = &closer->stages[closer->n_stages - 1];
        int r = swb_encoder_finish(stage->encoder);

        stage->encoder = swb_encoder_free(stage->encoder);
        closer->n_stages--;
        return r;
}

/* Begins the pieces around the next bytes, so that the next piece is one without inner ones. */
static int begin_pieces(struct swb_closer *closer)
{
        const struct swb_recipe *recipe = closer->recipe;

        while (closer->next < recipe->n_pieces) {
                const struct swb_piece *piece = &recipe->pieces[closer->next];
                int r = 0;

                if (piece->setting > 0 && closer->n_stages == piece->depth)
                        r = begin_stage(closer, piece);
                if (r < 0 || !swb_recipe_has_inner(recipe, closer->next))
                        return r;
                closer->next++;
        }
        return -EBADMSG; /* nothing more was expected */
}

/* The innermost piece is complete, and maybe some of those around it. */
static int end_pieces(struct swb_closer *closer)
{
        const struct swb_recipe *recipe = closer->recipe;
        unsigned depth;

        closer->next++;
        closer->n_taken = 0;
        depth = closer->next < recipe->n_pieces ? recipe->pieces[closer->next].depth : 0;
        while (closer->n_stages > depth) {
                int r = end_stage(closer);

                if (r < 0)
                        return r;
        }
        return 0;
}

int swb_closer_put(void *context, const uint8_t *data, size_t n)
{
        struct swb_closer *closer = context;

        while (n > 0) {
                const struct swb_piece *piece;
                size_t part;
                int r = begin_pieces(closer);

                if (r < 0)
                        return r;
                piece = &closer->recipe->pieces[closer->next];
                part = (size_t)SWB_MIN((uint64_t)n, piece->n_opened - closer->n_taken);
                r = give(closer, closer->n_stages, data, part);
                if (r < 0)
                        return r;
                data += part;
                n -= part;
                closer->n_taken += part;
                if (closer->n_taken == piece->n_opened)
                        r = end_pieces(closer);
                if (r < 0)
                        return r;
        }
        return 0;
}

int swb_closer_finish(struct swb_closer *closer)
{
        return closer->next == closer->recipe->n_pieces ? 0 : -EBADMSG;
}
