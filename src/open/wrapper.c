/* SPDX-License-Identifier: Apache-2.0 */
#include "open/wrapper.h"

#include <string.h>

#include "open/closer.h"

#define MAGIC "SWO1"
#define MAGIC_BYTES 4

void swb_open_head_done(struct swb_open_head *head)
{
        swb_recipe_done(&head->old);
        swb_recipe_done(&head->new);
}

struct swb_open_needs swb_open_needs(const struct swb_recipe *old, const struct swb_recipe *new,
                                     uint64_t inner_bytes)
{
        uint64_t opening = swb_opened_memory_bytes(old), closing = swb_closer_memory_bytes(new);
        uint64_t later = closing + swb_opened_kept_bytes(old);

        if (opening + closing <= SWB_OPEN_MEMORY_BYTES &&
            opening + closing + inner_bytes <= SWB_PATCH_MEMORY_BYTES)
                return (struct swb_open_needs){opening + closing, swb_opened_scratch_bytes(old),
                                               opening + closing + inner_bytes, false};
        return (struct swb_open_needs){SWB_MAX(opening, later), swb_opened_all_scratch_bytes(old),
                                       SWB_MAX(opening, later + inner_bytes), true};
}

bool swb_open_needs_fit(const struct swb_open_needs *needs)
{
        return needs->memory_bytes <= SWB_OPEN_MEMORY_BYTES &&
               needs->scratch_bytes <= SWB_OPEN_SCRATCH_BYTES &&
               needs->total_bytes <= SWB_PATCH_MEMORY_BYTES;
}

uint64_t swb_open_inner_room(const struct swb_recipe *old, const struct swb_recipe *new)
{
        uint64_t needs = swb_closer_memory_bytes(new) + swb_opened_kept_bytes(old);

        return SWB_PATCH_MEMORY_BYTES - SWB_MIN(needs, SWB_PATCH_MEMORY_BYTES);
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

static int read_recipes(const uint8_t *data, size_t n, struct swb_open_head *head)
{
        struct swb_cursor c = SWB_CURSOR(data, n);
        int r = swb_recipe_read(&c, &head->old);

        if (r >= 0)
                r = swb_recipe_read(&c, &head->new);
        return r >= 0 && swb_cursor_left(&c) > 0 ? -EBADMSG : r;
}

int swb_open_head_read(const uint8_t *blob, size_t n_blob, uint64_t n_source, uint64_t n_target,
                       struct swb_open_head *ret)
{
        _cleanup_(swb_open_head_done) struct swb_open_head head = {0};
        struct swb_cursor c = SWB_CURSOR(blob, n_blob);
        const uint8_t *raw = swb_cursor_take(&c, SWB_OPEN_HEADER_BYTES), *packed;
        _cleanup_free_ uint8_t *recipes = NULL;
        enum swb_codec codec;
        size_t n_packed, n;
        int r;

        if (!raw || !swb_open_is_wrapped(blob, n_blob) || memcmp(raw + 5, "\0\0\0", 3) != 0)
                return -EBADMSG;
        r = read_codec(raw[4], &codec);
        if (r < 0)
                return r;
        n_packed = swb_get_le32(raw + 8);
        n = swb_get_le32(raw + 12);
        if (n > SWB_OPEN_RECIPES_MAX)
                return -E2BIG;
        packed = swb_cursor_take(&c, n_packed);
        if (!packed)
                return -EBADMSG;
        recipes = malloc(n + 1);
        if (!recipes)
                return -ENOMEM;
        r = swb_decode(codec, SWB_DECODER_MEMORY_BYTES, packed, n_packed, recipes, n);
        if (r >= 0)
                r = read_recipes(recipes, n, &head);
        if (r < 0)
                return r;
        if (head.old.n_content != n_source || head.new.n_content != n_target)
                return -EBADMSG;
        head.n_bytes = c.pos;
        *ret = head;
        head = (struct swb_open_head){0};
        return 0;
}

struct patch {
        struct swb_opened *opened;
        struct swb_closer *closer;
};

static int read_opened(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct patch *patch = context;

        return swb_opened_read(patch->opened, offset, data, n);
}

static int write_opened(void *context, const uint8_t *data, size_t n)
{
        const struct patch *patch = context;

        return swb_closer_put(patch->closer, data, n);
}

static void patch_done(struct patch *patch)
{
        patch->opened = swb_opened_free(patch->opened);
        patch->closer = swb_closer_free(patch->closer);
}

/* The opener's share: all of it while it works alone. What is above its needs is its cache. */
static uint64_t opener_bytes(const struct swb_open_head *head, const struct swb_open_needs *needs,
                             uint64_t inner_bytes, uint64_t max_bytes)
{
        if (needs->opens_first)
                return max_bytes;
        return SWB_MIN(max_bytes, SWB_PATCH_MEMORY_BYTES - inner_bytes) -
               swb_closer_memory_bytes(&head->new);
}

int swb_open_patch(const uint8_t *blob, size_t n_blob, uint64_t n_source, uint64_t n_target,
                   const struct swb_open_limits *limits, swb_open_inner inner,
                   size_t max_memory_bytes, const struct swb_bspatch_io *io)
{
        _cleanup_(swb_open_head_done) struct swb_open_head head = {0};
        _cleanup_(patch_done) struct patch patch = {0};
        const struct swb_bspatch_io between = {&patch, read_opened, write_opened};
        struct swb_open_limits rest = *limits;
        struct swb_open_needs needs;
        uint64_t inner_bytes;
        int r = swb_open_head_read(blob, n_blob, n_source, n_target, &head);

        if (r < 0)
                return r;
        inner_bytes = n_blob + swb_patch_needs(blob + head.n_bytes, n_blob - head.n_bytes);
        needs = swb_open_needs(&head.old, &head.new, inner_bytes);
        if (!swb_open_needs_fit(&needs) || needs.memory_bytes > limits->memory_bytes)
                return -E2BIG;
        r = swb_closer_new(&head.new, limits->memory_bytes, io->write_target, io->context,
                           &patch.closer);
        if (r < 0)
                return r;
        rest.memory_bytes = opener_bytes(&head, &needs, inner_bytes, limits->memory_bytes);
        r = swb_opened_new(&head.old, io->read_source, io->context, &rest, &patch.opened);
        if (r >= 0 && needs.opens_first)
                r = swb_opened_prepare(patch.opened);
        if (r >= 0)
                r = inner(blob + head.n_bytes, n_blob - head.n_bytes, head.old.n_opened,
                          head.new.n_opened, max_memory_bytes, &between);
        return r < 0 ? r : swb_closer_finish(patch.closer);
}
