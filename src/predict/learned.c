/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/learned.h"

/* How many entries a spot may be found in. */
#define PROBES 8u

int swb_learned_init(struct swb_learned *learned, unsigned bits)
{
        *learned = (struct swb_learned){.bits = bits};
        learned->lessons = calloc((size_t)1 << bits, sizeof(*learned->lessons));
        return learned->lessons ? 0 : -ENOMEM;
}

void swb_learned_done(struct swb_learned *learned)
{
        free(learned->lessons);
        *learned = (struct swb_learned){0};
}

static size_t first_place(const struct swb_learned *learned, uint32_t spot)
{
        return (spot * 2654435761u) >> (32 - learned->bits);
}

bool swb_learned_get(const struct swb_learned *learned, uint32_t spot, int64_t *ret_shift)
{
        size_t mask = ((size_t)1 << learned->bits) - 1, place = first_place(learned, spot);

        for (size_t i = 0; i < PROBES; i++) {
                const struct swb_lesson *lesson = &learned->lessons[(place + i) & mask];

                if (lesson->spot_plus_1 == spot + 1) {
                        *ret_shift = lesson->shift;
                        return true;
                }
                if (lesson->spot_plus_1 == 0)
                        return false;
        }
        return false;
}

void swb_learned_put(struct swb_learned *learned, uint32_t spot, int64_t shift)
{
        size_t mask = ((size_t)1 << learned->bits) - 1, place = first_place(learned, spot);
        struct swb_lesson *lesson = &learned->lessons[place];

        if (shift < INT32_MIN || shift > INT32_MAX)
                return;
        for (size_t i = 0; i < PROBES; i++) {
                struct swb_lesson *other = &learned->lessons[(place + i) & mask];

                if (other->spot_plus_1 == spot + 1 || other->spot_plus_1 == 0) {
                        lesson = other;
                        break;
                }
        }
        *lesson = (struct swb_lesson){spot + 1, (int32_t)shift};
}
