/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: two bytes that say how many copies and how many bytes of hints follow; the copies (where
 * in the old file, where in the new one, how long: 2 bytes each, little-endian), the hints, and the
 * old file. Checks: fields lie inside and do not overlap; an old file in memory and one that is
 * read through pages give the same answers; hints that were made are accepted.
 */
#include "fuzz.h"

#include <string.h>

#include "base/endian.h"
#include "base/error.h"
#include "predict/predictor.h"

#define COPIES_MAX 32u
#define COPY_BYTES 6u
#define MEMORY ((size_t)8 << 20)
#define LITTLE_MEMORY ((size_t)100 << 10)

struct input {
        struct swb_copy copies[COPIES_MAX];
        size_t n_copies;
        const uint8_t *hints, *old;
        size_t n_hints, n_old;
};

static uint64_t get_le16(const uint8_t *p)
{
        return (uint64_t)(p[0] | p[1] << 8);
}

static bool read_input(const uint8_t *data, size_t n, struct input *ret)
{
        struct input input = {0};

        if (n < 2)
                return false;
        input.n_copies = data[0] % COPIES_MAX;
        input.n_hints = data[1];
        if (n < 2 + input.n_copies * COPY_BYTES + input.n_hints)
                return false;
        for (size_t i = 0; i < input.n_copies; i++) {
                const uint8_t *p = data + 2 + i * COPY_BYTES;

                input.copies[i] = (struct swb_copy){get_le16(p), get_le16(p + 2), get_le16(p + 4)};
        }
        input.hints = data + 2 + input.n_copies * COPY_BYTES;
        input.old = input.hints + input.n_hints;
        input.n_old = n - (size_t)(input.old - data);
        *ret = input;
        return true;
}

static int read_old(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct input *input = context;

        swb_assert(offset <= input->n_old && n <= input->n_old - offset);
        memcpy(data, input->old + offset, n);
        return 0;
}

/* Both predictors through one copy. */
static void go_through(const struct input *input, const struct swb_copy *copy,
                       struct swb_predictor *a, struct swb_predictor *b)
{
        uint64_t at = copy->old, end = SWB_MIN(at + copy->n_bytes, (uint64_t)input->n_old);
        struct swb_place place, other;

        while (swb_predictor_next(a, at, end, &place)) {
                uint64_t old_value = 0, value;

                swb_assert(swb_predictor_next(b, at, end, &other));
                swb_assert(place.old == other.old && place.kind == other.kind);
                swb_assert(place.old >= at && place.width <= end - place.old);
                swb_assert(place.kind < SWB_FIELD_KINDS_MAX && place.width > 0 && place.width <= 8);
                memcpy(&old_value, input->old + place.old, place.width);
                place.new = other.new = copy->new + (place.old - copy->old);
                value = swb_predictor_predict(a, &place, old_value);
                swb_assert(value == swb_predictor_predict(b, &other, old_value));
                value += (place.old % 16) * 8;
                swb_predictor_learn(a, &place, old_value, value);
                swb_predictor_learn(b, &other, old_value, value);
                at = place.old + place.width;
        }
        swb_assert(!swb_predictor_next(b, at, end, &other));
}

static void predict(const struct input *input, const uint8_t *hints, size_t n_hints, bool good)
{
        struct swb_view memory = SWB_VIEW_OF_MEMORY(input->old, input->n_old);
        struct swb_view paged = SWB_VIEW_OF(read_old, (void *)input, input->n_old);
        struct swb_predictor *a = NULL, *b = NULL, *little = NULL;
        int r = swb_predictor_new(SWB_MODEL_ELF, &memory, input->copies, input->n_copies, hints,
                                  n_hints, MEMORY, &a);

        swb_assert(r == 0 || (r == -EBADMSG && !good));
        swb_assert(swb_predictor_new(SWB_MODEL_ELF, &paged, input->copies, input->n_copies, hints,
                                     n_hints, MEMORY, &b) == r);
        r = swb_predictor_new(SWB_MODEL_ELF, &memory, input->copies, input->n_copies, hints,
                              n_hints, LITTLE_MEMORY, &little);
        swb_assert(r == 0 || r == -E2BIG || r == -EBADMSG);
        swb_assert(!little || swb_predictor_memory(little) <= LITTLE_MEMORY);
        for (size_t i = 0; a && i < input->n_copies; i++)
                go_through(input, &input->copies[i], a, b);
        swb_predictor_free(a);
        swb_predictor_free(b);
        swb_predictor_free(little);
        swb_view_done(&paged);
}

/* The new file is the old one, with something changed in the middle. */
static void make(const struct input *input)
{
        uint8_t *new = malloc(input->n_old + 1), *masked = malloc(2 * input->n_old + 1);
        struct swb_view old_view = SWB_VIEW_OF_MEMORY(input->old, input->n_old);
        struct swb_view new_view = SWB_VIEW_OF_MEMORY(new, input->n_old);
        struct swb_buf hints = SWB_BUF_INIT(MEMORY);

        swb_assert(new &&masked);
        memcpy(new, input->old, input->n_old);
        for (size_t i = 0; i < input->n_hints && input->n_old > 0; i++)
                new[(i * 64 + input->hints[i]) % input->n_old] ^= 1;
        swb_assert(swb_predictor_hints(SWB_MODEL_ELF, &old_view, &new_view, &hints) == 0);
        predict(input, hints.data, hints.n_bytes, true);
        for (size_t n = 0; n <= input->n_copies; n += SWB_MAX(input->n_copies, 1u))
                swb_assert(swb_predictor_mask(SWB_MODEL_ELF, &old_view, &new_view, input->copies, n,
                                              masked, masked + input->n_old) == 0);
        swb_buf_done(&hints);
        free(new);
        free(masked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        struct input input;

        if (!read_input(data, n_bytes, &input))
                return 0;
        predict(&input, input.hints, input.n_hints, false);
        make(&input);
        return 0;
}
