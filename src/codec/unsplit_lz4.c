/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/unsplit_parts.h"

static int move_byte(struct swb_unsplit *u, struct swb_unsplit_source *s, uint8_t *ret)
{
        int r = swb_unsplit_room(u, 1);

        if (r == 0)
                r = swb_unsplit_byte(s, ret);
        if (r == 0)
                u->out[u->n_out++] = *ret;
        return r;
}

/* Moves the bytes that lengthen a length, of which 15 is known. `left`: of the region. */
static int move_length(struct swb_unsplit *u, struct swb_unsplit_source *tokens, size_t *left,
                       size_t *length)
{
        uint8_t byte = 255;

        while (byte == 255) {
                int r = *left > 0 ? move_byte(u, tokens, &byte) : -EBADMSG;

                if (r < 0)
                        return r;
                (*left)--;
                *length += byte;
        }
        return 0;
}

/* The region may end behind a sequence or behind its literals. */
static int move_sequence(struct swb_unsplit *u, struct swb_unsplit_source *s, size_t *left)
{
        size_t n_literals, n_match = 0;
        uint8_t token = 0;
        int r = move_byte(u, s, &token);

        if (r < 0)
                return r;
        (*left)--;
        n_literals = token >> 4;
        if (n_literals == 15)
                r = move_length(u, s, left, &n_literals);
        if (r == 0)
                r = n_literals <= *left ? swb_unsplit_move(u, s + 1, n_literals) : -EBADMSG;
        if (r < 0)
                return r;
        *left -= n_literals;
        if (*left == 0)
                return 0;
        r = *left >= 2 ? swb_unsplit_move(u, s + 2, 2) : -EBADMSG;
        if (r < 0)
                return r;
        *left -= 2;
        return (token & 15) == 15 ? move_length(u, s, left, &n_match) : 0;
}

int swb_unsplit_lz4(struct swb_unsplit *u, const struct swb_unsplit_region *region)
{
        size_t left = region->n;
        int r = 0;

        while (left > 0 && r == 0)
                r = move_sequence(u, &u->sources[region->stream], &left);
        return r;
}
