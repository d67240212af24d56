/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/front.h"

static void forget(struct swb_front *front)
{
        swb_front_done(front);
        front->lost = true;
}

static bool make_room(struct swb_front *front)
{
        if (!front->pieces)
                front->pieces = malloc(SWB_FRONT_PIECES_MAX * sizeof(*front->pieces));
        return front->pieces && front->n < SWB_FRONT_PIECES_MAX;
}

static void insert(struct swb_front *front, const struct swb_extent *extent)
{
        struct swb_extent *before;
        size_t at = front->n;

        while (at > 0 && front->pieces[at - 1].start_block > extent->start_block)
                at--;
        before = at > 0 ? &front->pieces[at - 1] : NULL;
        if (before && before->start_block + before->n_blocks == extent->start_block) {
                before->n_blocks += extent->n_blocks;
                return;
        }
        if (!make_room(front)) {
                forget(front);
                return;
        }
        memmove(front->pieces + at + 1, front->pieces + at,
                (front->n - at) * sizeof(*front->pieces));
        front->pieces[at] = *extent;
        front->n++;
}

/* What the front has reached is no longer a piece. */
static void take_up(struct swb_front *front)
{
        size_t n = 0;

        while (n < front->n && front->pieces[n].start_block <= front->end_block) {
                const struct swb_extent *piece = &front->pieces[n++];

                front->end_block = SWB_MAX(front->end_block, piece->start_block + piece->n_blocks);
        }
        if (n == 0)
                return;
        front->n -= n;
        memmove(front->pieces, front->pieces + n, front->n * sizeof(*front->pieces));
}

void swb_front_add(struct swb_front *front, const struct swb_extent *extents, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const struct swb_extent *e = &extents[i];

                if (e->start_block == SWB_SPARSE_HOLE)
                        continue;
                front->again |= e->start_block < front->end_block;
                if (front->lost)
                        continue;
                insert(front, e);
                take_up(front);
        }
}

void swb_front_done(struct swb_front *front)
{
        free(front->pieces);
        front->pieces = NULL;
        front->n = 0;
}
