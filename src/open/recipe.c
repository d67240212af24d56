/* SPDX-License-Identifier: Apache-2.0 */
#include "open/recipe.h"

#include "open/encoder.h"

#define SETTING_BYTES_MAX (2 + 5 * SWB_RECIPE_PARAMETERS)
#define CAP_FIRST 64u

void swb_recipe_done(struct swb_recipe *recipe)
{
        free(recipe->settings);
        free(recipe->pieces);
        swb_buf_done(&recipe->corrections);
        *recipe = (struct swb_recipe){0};
}

int swb_recipe_add(struct swb_recipe *recipe, const struct swb_piece *piece)
{
        if (recipe->n_pieces == SWB_RECIPE_PIECES_MAX)
                return -E2BIG;
        if (recipe->n_pieces == recipe->cap) {
                size_t cap = recipe->cap ? recipe->cap * 2 : CAP_FIRST;
                struct swb_piece *bigger = reallocarray(recipe->pieces, cap, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                recipe->pieces = bigger;
                recipe->cap = cap;
        }
        recipe->pieces[recipe->n_pieces++] = *piece;
        return 0;
}

int swb_recipe_correct(struct swb_recipe *recipe, struct swb_piece *piece, const uint8_t *data,
                       size_t n)
{
        int r;

        recipe->corrections.max_bytes = SWB_RECIPE_CORRECTIONS_MAX;
        piece->correction = (uint32_t)recipe->corrections.n_bytes;
        r = swb_buf_append(&recipe->corrections, data, n);
        piece->n_correction = r < 0 ? 0 : (uint32_t)n;
        return r;
}

static int add_setting(struct swb_recipe *recipe, const struct swb_setting *setting)
{
        struct swb_setting *bigger;

        if (recipe->n_settings == SWB_RECIPE_SETTINGS_MAX)
                return -E2BIG;
        bigger = reallocarray(recipe->settings, recipe->n_settings + 1, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;
        recipe->settings = bigger;
        recipe->settings[recipe->n_settings++] = *setting;
        return 0;
}

/* ---- reading */

/* Pieces that are still to come at one depth, and the bytes that they must add up to. */
struct level {
        uint64_t n_pieces, n_bytes;
};

struct reading {
        struct swb_cursor *c;
        struct swb_recipe *recipe;
        struct level levels[SWB_RECIPE_DEPTH_MAX + 1];
        unsigned depth;
};

static int read_setting(struct reading *reading)
{
        struct swb_setting setting = {.packing = swb_cursor_u8(reading->c),
                                      .encoder = swb_cursor_u8(reading->c)};
        unsigned n;

        if (swb_cursor_overrun(reading->c))
                return -EBADMSG;
        if (setting.packing == SWB_PACKING_PLAIN)
                return -EBADMSG;
        if (setting.packing >= _SWB_PACKING_MAX || setting.encoder >= _SWB_ENCODER_MAX)
                return -EPROTONOSUPPORT;
        n = swb_encoder_parameters(setting.encoder);
        for (unsigned i = 0; i < n; i++) {
                uint64_t value = swb_cursor_varint(reading->c);

                if (value > UINT32_MAX)
                        return -EBADMSG;
                setting.parameters[i] = (uint32_t)value;
        }
        if (swb_cursor_overrun(reading->c) || !swb_encoder_accepts(&setting))
                return -EBADMSG;
        return add_setting(reading->recipe, &setting);
}

static bool is_whole(const struct swb_recipe *recipe, const struct swb_piece *piece)
{
        return piece->setting > 0 &&
               swb_packing_is_whole(swb_recipe_setting(recipe, piece)->packing);
}

static int check_piece(const struct reading *reading, const struct swb_piece *piece)
{
        if (swb_cursor_overrun(reading->c) || piece->setting > reading->recipe->n_settings ||
            piece->n_encoded == 0 || piece->n_opened == 0)
                return -EBADMSG;
        if (piece->n_encoded > SWB_RECIPE_BYTES_MAX || piece->n_opened > SWB_RECIPE_BYTES_MAX)
                return -E2BIG;
        if (piece->setting > 0 && piece->depth == SWB_RECIPE_DEPTH_MAX)
                return -E2BIG;
        if (is_whole(reading->recipe, piece) &&
            (piece->n_opened > SWB_WHOLE_MAX_BYTES || piece->n_encoded > 2 * SWB_WHOLE_MAX_BYTES))
                return -E2BIG;
        return 0;
}

/* Goes into a piece whose inner ones follow. */
static int descend(struct reading *reading, const struct swb_piece *piece)
{
        uint64_t n = swb_cursor_varint(reading->c);

        if (n == 0 || piece->setting == 0 || swb_cursor_overrun(reading->c))
                return -EBADMSG;
        if (reading->depth == SWB_RECIPE_DEPTH_MAX || n > SWB_RECIPE_PIECES_MAX)
                return -E2BIG;
        reading->levels[++reading->depth] = (struct level){n, piece->n_opened};
        return 0;
}

static int read_correction(struct reading *reading, struct swb_piece *piece)
{
        uint64_t n;
        const uint8_t *data;

        if (piece->setting == 0 ||
            swb_recipe_setting(reading->recipe, piece)->encoder != SWB_ENCODER_TOKENS)
                return 0;
        n = swb_cursor_varint(reading->c);
        if (n == 0)
                return -EBADMSG;
        if (n > SWB_RECIPE_CORRECTIONS_MAX || piece->n_opened > SWB_TOKENS_MAX_BYTES)
                return -E2BIG;
        data = swb_cursor_take(reading->c, (size_t)n);
        return data ? swb_recipe_correct(reading->recipe, piece, data, (size_t)n) : -EBADMSG;
}

static int read_piece(struct reading *reading)
{
        struct level *level = &reading->levels[reading->depth];
        uint64_t head = swb_cursor_varint(reading->c);
        struct swb_piece piece = {.depth = (uint8_t)reading->depth};
        int r;

        if (head >> 1 > SWB_RECIPE_SETTINGS_MAX)
                return -EBADMSG;
        piece.setting = (uint8_t)(head >> 1);
        piece.n_opened = swb_cursor_varint(reading->c);
        piece.n_encoded = piece.setting > 0 ? swb_cursor_varint(reading->c) : piece.n_opened;
        r = check_piece(reading, &piece);
        if (r >= 0)
                r = read_correction(reading, &piece);
        if (r < 0)
                return r;
        if (reading->depth > 0 && piece.n_encoded > level->n_bytes)
                return -EBADMSG;
        level->n_pieces--;
        level->n_bytes -= reading->depth > 0 ? piece.n_encoded : 0;
        r = swb_recipe_add(reading->recipe, &piece);
        return r < 0 || !(head & 1) ? r : descend(reading, &piece);
}

static int read_pieces(struct reading *reading)
{
        reading->levels[0].n_pieces = swb_cursor_varint(reading->c);
        for (;;) {
                int r;

                while (reading->levels[reading->depth].n_pieces == 0) {
                        if (reading->depth == 0)
                                return 0;
                        if (reading->levels[reading->depth--].n_bytes > 0)
                                return -EBADMSG;
                }
                r = read_piece(reading);
                if (r < 0)
                        return r;
        }
}

int swb_recipe_read(struct swb_cursor *c, struct swb_recipe *ret)
{
        _cleanup_(swb_recipe_done) struct swb_recipe recipe = {0};
        struct reading reading = {.c = c, .recipe = &recipe};
        uint64_t n_settings = swb_cursor_varint(c);
        int r = 0;

        if (n_settings > SWB_RECIPE_SETTINGS_MAX)
                return -E2BIG;
        for (uint64_t i = 0; i < n_settings && r >= 0; i++)
                r = read_setting(&reading);
        if (r >= 0)
                r = read_pieces(&reading);
        if (r >= 0 && swb_cursor_overrun(c))
                r = -EBADMSG;
        if (r >= 0)
                r = swb_recipe_measure(&recipe);
        if (r < 0)
                return r;
        *ret = recipe;
        recipe = (struct swb_recipe){0};
        return 0;
}

int swb_recipe_measure(struct swb_recipe *recipe)
{
        uint64_t left[SWB_RECIPE_DEPTH_MAX + 2] = {0};

        recipe->n_content = recipe->n_opened = 0;
        for (size_t i = 0; i < recipe->n_pieces; i++) {
                const struct swb_piece *piece = &recipe->pieces[i];

                if (piece->depth > 0 && piece->n_encoded > left[piece->depth])
                        return -EBADMSG;
                left[piece->depth] -= piece->depth > 0 ? piece->n_encoded : 0;
                left[piece->depth + 1] = piece->n_opened;
                if (piece->depth == 0 &&
                    __builtin_add_overflow(recipe->n_content, piece->n_encoded, &recipe->n_content))
                        return -E2BIG;
                if (!swb_recipe_has_inner(recipe, i) &&
                    __builtin_add_overflow(recipe->n_opened, piece->n_opened, &recipe->n_opened))
                        return -E2BIG;
        }
        if (recipe->n_content > SWB_RECIPE_BYTES_MAX || recipe->n_opened > SWB_RECIPE_BYTES_MAX)
                return -E2BIG;
        return 0;
}

/* ---- making */

int swb_recipe_intern(struct swb_recipe *recipe, const struct swb_setting *setting)
{
        int r;

        for (size_t i = 0; i < recipe->n_settings; i++)
                if (memcmp(&recipe->settings[i], setting, sizeof(*setting)) == 0)
                        return (int)i + 1;
        r = add_setting(recipe, setting);
        return r < 0 ? r : (int)recipe->n_settings;
}

int swb_recipe_append(struct swb_recipe *recipe, const struct swb_recipe *more)
{
        uint8_t numbers[SWB_RECIPE_SETTINGS_MAX + 1] = {0};
        int r;

        for (size_t i = 0; i < more->n_settings; i++) {
                r = swb_recipe_intern(recipe, &more->settings[i]);
                if (r < 0)
                        return r;
                numbers[i + 1] = (uint8_t)r;
        }
        for (size_t i = 0; i < more->n_pieces; i++) {
                struct swb_piece piece = more->pieces[i];

                piece.setting = numbers[piece.setting];
                r = piece.n_correction == 0
                            ? 0
                            : swb_recipe_correct(recipe, &piece,
                                                 more->corrections.data + piece.correction,
                                                 piece.n_correction);
                if (r >= 0)
                        r = swb_recipe_add(recipe, &piece);
                if (r < 0)
                        return r;
        }
        return swb_recipe_measure(recipe);
}

uint64_t swb_recipe_encoded(const struct swb_recipe *recipe)
{
        uint64_t n = 0;

        for (size_t i = 0; i < recipe->n_pieces; i++)
                if (recipe->pieces[i].depth == 0 && recipe->pieces[i].setting > 0)
                        n += recipe->pieces[i].n_encoded;
        return n;
}

static int put_number(struct swb_buf *buf, uint64_t value)
{
        uint8_t bytes[10];
        size_t n = 0;

        do {
                bytes[n++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
                value >>= 7;
        } while (value > 0);
        return swb_buf_append(buf, bytes, n);
}

static int put_setting(struct swb_buf *buf, const struct swb_setting *setting)
{
        const uint8_t head[2] = {(uint8_t)setting->packing, (uint8_t)setting->encoder};
        unsigned n = swb_encoder_parameters(setting->encoder);
        int r = swb_buf_append(buf, head, sizeof(head));

        for (unsigned i = 0; i < n && r >= 0; i++)
                r = put_number(buf, setting->parameters[i]);
        return r;
}

/* How many pieces of this depth lie from i on, up to one that is less deep? */
static uint64_t count_level(const struct swb_recipe *recipe, size_t i, uint8_t depth)
{
        uint64_t n = 0;

        for (; i < recipe->n_pieces && recipe->pieces[i].depth >= depth; i++)
                n += recipe->pieces[i].depth == depth;
        return n;
}

static int put_piece(struct swb_buf *buf, const struct swb_recipe *recipe, size_t i)
{
        const struct swb_piece *piece = &recipe->pieces[i];
        bool has_inner = swb_recipe_has_inner(recipe, i);
        int r = put_number(buf, (uint64_t)piece->setting << 1 | has_inner);

        if (r >= 0)
                r = put_number(buf, piece->n_opened);
        if (r >= 0 && piece->setting > 0)
                r = put_number(buf, piece->n_encoded);
        if (r >= 0 && piece->n_correction > 0)
                r = put_number(buf, piece->n_correction);
        if (r >= 0 && piece->n_correction > 0)
                r = swb_buf_append(buf, recipe->corrections.data + piece->correction,
                                   piece->n_correction);
        if (r >= 0 && has_inner)
                r = put_number(buf, count_level(recipe, i + 1, (uint8_t)(piece->depth + 1)));
        return r;
}

int swb_recipe_write(const struct swb_recipe *recipe, struct swb_buf *buf)
{
        int r = put_number(buf, recipe->n_settings);

        for (size_t i = 0; i < recipe->n_settings && r >= 0; i++)
                r = put_setting(buf, &recipe->settings[i]);
        if (r >= 0)
                r = put_number(buf, count_level(recipe, 0, 0));
        for (size_t i = 0; i < recipe->n_pieces && r >= 0; i++)
                r = put_piece(buf, recipe, i);
        return r;
}
