/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/mix_model.h"

#define ONE 65536
/* Logarithms of odds, in 256ths. */
#define STRETCH_MAX 2047
#define N_STRETCH 4096
#define SQUASH_MAX 3071
#define SQUASH_STEP 128
#define WEIGHT_ONE 65536
#define WEIGHT_FIRST (WEIGHT_ONE * 16 / 100)
#define WEIGHT_MAX (16 * WEIGHT_ONE)
#define BIAS 256
#define LEARNING 12
#define LEARNING_SHIFT 18
/* A place that has seen so many bits learns no slower any more. */
#define SEEN_MAX 30
#define SURE_MAX 15
#define SURE_ENOUGH 3
#define GUESSES_LOG_LESS 3u

#define RUN_BITS 5
#define NUMBER_BITS 6
#define BYTE_BITS 8
#define N_PAST 3

#define BY_PLACE 512
#define EXPONENT_PLACES 55u
#define N_BY_PLACE (2 * BY_PLACE)
#define BY_PAST 256
#define N_BY_PAST (2 * BY_PAST)

/* What was seen in one context at one bit. */
struct slot {
        uint16_t one; /* probability of a 1 */
        uint8_t seen; /* bits, at most SEEN_MAX; 0: free */
        uint8_t check;
};

/* What followed the last time, and how often it did. */
struct guess {
        uint32_t symbol, sure;
};

struct weights {
        int32_t of[SWB_MIX_CONTEXTS + 1]; /* the last one of the bias */
};

struct swb_mix {
        bool differences;
        unsigned slots_log;
        struct slot *slots;
        struct guess *guesses;
        struct weights by_place[N_BY_PLACE], by_past[N_BY_PAST];
        int16_t stretch[N_STRETCH];
        uint16_t rates[SEEN_MAX + 1], trusts[SEEN_MAX + 1];
        /* the symbols before this one, the last one first; of bytes, eight in the first number */
        uint64_t past[N_PAST], runs[N_PAST];
        /* the present symbol */
        enum swb_mix_kind kind;
        uint32_t contexts[SWB_MIX_CONTEXTS];
        struct guess *guess;
        uint32_t sure; /* of the guess, when the symbol began */
        uint64_t node; /* 1, and the bits so far: of the exponent, then of what is below it */
        unsigned n_left, exponent;
        bool is_below;
        /* the present bit */
        struct slot *at[SWB_MIX_CONTEXTS];
        int32_t inputs[SWB_MIX_CONTEXTS + 1];
        struct weights *weights[2];
        uint32_t one;
};

/* ---- logarithms of odds */

/* 65536 / (1 + e^-x) at x = 0, 1/2, 1 ... 12 */
static const uint16_t squash_steps[] = {
        32768, 40793, 47911, 53586, 57727, 60566, 62428, 63615, 64357, 64815, 65098, 65270, 65375,
        65438, 65476, 65500, 65514, 65523, 65528, 65531, 65533, 65534, 65535, 65535, 65535};

static uint32_t squash_above(uint32_t odds)
{
        const uint16_t *step = &squash_steps[odds / SQUASH_STEP];
        uint32_t part = odds % SQUASH_STEP;

        return (step[0] * (SQUASH_STEP - part) + step[1] * part) / SQUASH_STEP;
}

static uint32_t squash(int64_t odds)
{
        if (odds < 0)
                return ONE - squash_above((uint32_t)SWB_MIN(-odds, (int64_t)SQUASH_MAX));
        return squash_above((uint32_t)SWB_MIN(odds, (int64_t)SQUASH_MAX));
}

static void fill_tables(struct swb_mix *mix)
{
        int32_t odds = -STRETCH_MAX;

        for (uint32_t i = 0; i < N_STRETCH; i++) {
                while (odds < STRETCH_MAX && squash(odds) < i * (ONE / N_STRETCH) + 8)
                        odds++;
                mix->stretch[i] = (int16_t)odds;
        }
        for (uint32_t seen = 0; seen <= SEEN_MAX; seen++) {
                mix->rates[seen] = (uint16_t)(10 * ONE / (10 * seen + 16));
                mix->trusts[seen] =
                        (uint16_t)(seen == 0 ? 0 : 256 * (10 * seen + 3) / (10 * seen + 15));
        }
        for (size_t i = 0; i < SWB_MIX_CONTEXTS; i++) {
                for (size_t set = 0; set < N_BY_PLACE; set++)
                        mix->by_place[set].of[i] = WEIGHT_FIRST;
                for (size_t set = 0; set < N_BY_PAST; set++)
                        mix->by_past[set].of[i] = WEIGHT_FIRST;
        }
}

/* ---- the contexts of a symbol */

static uint32_t hashed(uint32_t hash, uint64_t value)
{
        hash = (hash + (uint32_t)value) * 0x9e3779b1u;
        return hash ^ hash >> 15;
}

static uint32_t hashed_all(uint32_t name, const uint64_t *values, size_t n)
{
        for (size_t i = 0; i < n; i++)
                name = hashed(name, values[i]);
        return name;
}

static unsigned bits_of(uint64_t value)
{
        return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

/* Small numbers as they are, others by their length and second highest bit. */
static uint64_t class_of(uint64_t value)
{
        unsigned n = bits_of(value);

        return n <= 4 ? value : 8 + 2 * n + (value >> (n - 2) & 1);
}

#define HASHED(name, ...)                                                                          \
        hashed_all((name), (const uint64_t[]){__VA_ARGS__},                                        \
                   SWB_ELEMENTS(((const uint64_t[]){__VA_ARGS__})))

static void guess(struct swb_mix *mix, uint32_t hash)
{
        mix->guess = &mix->guesses[hash >> (32 - (mix->slots_log - GUESSES_LOG_LESS))];
        mix->sure = mix->guess->sure;
        mix->contexts[SWB_MIX_CONTEXTS - 1] = HASHED(7, mix->guess->symbol, mix->sure);
}

static void look_at_run(struct swb_mix *mix)
{
        const uint64_t *past = mix->past, *runs = mix->runs;
        uint64_t r0 = class_of(runs[0]), r1 = class_of(runs[1]), r2 = class_of(runs[2]);
        uint32_t *c = mix->contexts;

        guess(mix, HASHED(8, past[0], runs[0], past[1], runs[1]));
        c[0] = 1;
        c[1] = HASHED(2, r0);
        c[2] = HASHED(3, r0, r1);
        c[3] = HASHED(4, past[0], r0);
        c[4] = HASHED(5, past[0], past[1]);
        c[5] = HASHED(6, past[0], r0, past[1], r1, r2);
}

/* runs[0] is the one just before the symbol, here and below. */
static void look_at_number(struct swb_mix *mix)
{
        const uint64_t *past = mix->past;
        uint64_t r0 = class_of(mix->runs[0]), r1 = class_of(mix->runs[1]);
        uint64_t r2 = class_of(mix->runs[2]);
        uint64_t p0 = class_of(past[0]), p1 = class_of(past[1]), p2 = class_of(past[2]);
        uint32_t *c = mix->contexts;

        guess(mix, HASHED(17, past[0], mix->runs[0], past[1], past[2]));
        c[0] = 11;
        c[1] = HASHED(12, past[0], SWB_MIN(r0, 4u));
        c[2] = HASHED(13, p0, p1, r0);
        c[3] = HASHED(14, past[0], past[1], SWB_MIN(r0, 3u));
        c[4] = HASHED(15, p0, p1, p2);
        c[5] = HASHED(16, past[0], r0, past[1], r1, past[2], r2);
}

static void look_at_difference(struct swb_mix *mix)
{
        const uint64_t *past = mix->past;
        uint64_t r0 = class_of(mix->runs[0]), r1 = class_of(mix->runs[1]);
        uint64_t r2 = class_of(mix->runs[2]);
        uint32_t *c = mix->contexts;

        guess(mix, HASHED(27, past[0], mix->runs[0], past[1], past[2]));
        c[0] = HASHED(21, SWB_MIN(r0, 1u));
        c[1] = HASHED(22, past[0], SWB_MIN(r0, 4u));
        c[2] = HASHED(23, past[0], r0);
        c[3] = HASHED(24, past[0], past[1], r0);
        c[4] = HASHED(25, past[0], past[1], past[2], SWB_MIN(r0, 3u));
        c[5] = HASHED(26, past[0], r0, past[1], r1, past[2], r2);
}

static void look_at_byte(struct swb_mix *mix)
{
        uint64_t past = mix->past[0];
        uint32_t *c = mix->contexts;

        guess(mix, HASHED(37, past & UINT32_MAX, past >> 32 & 0xff));
        c[0] = HASHED(31, past & 0xff);
        c[1] = HASHED(32, past & 0xffff);
        c[2] = HASHED(33, past & 0xffffff);
        c[3] = HASHED(34, past & UINT32_MAX);
        c[4] = HASHED(35, past & UINT32_MAX, past >> 32 & 0xffff);
        c[5] = HASHED(36, past & 0xffff00);
}

static void begin_symbol(struct swb_mix *mix, enum swb_mix_kind kind)
{
        static const struct {
                unsigned n_bits;
                void (*look)(struct swb_mix *mix);
        } kinds[] = {[SWB_MIX_RUN] = {RUN_BITS, look_at_run},
                     [SWB_MIX_NUMBER] = {NUMBER_BITS, look_at_number},
                     [SWB_MIX_DIFFERENCE] = {BYTE_BITS, look_at_difference},
                     [SWB_MIX_BYTE] = {BYTE_BITS, look_at_byte}};

        mix->kind = kind;
        mix->node = 1;
        mix->n_left = kinds[kind].n_bits;
        mix->is_below = false;
        kinds[kind].look(mix);
}

static void push(uint64_t *past, uint64_t value)
{
        memmove(past + 1, past, (N_PAST - 1) * sizeof(*past));
        past[0] = value;
}

static void end_symbol(struct swb_mix *mix, uint64_t symbol)
{
        struct guess *g = mix->guess;

        if (g->symbol == (uint32_t)symbol)
                g->sure += g->sure < SURE_MAX;
        else
                *g = (struct guess){(uint32_t)symbol, g->sure > SURE_ENOUGH};
        switch (mix->kind) {
        case SWB_MIX_RUN:
                push(mix->runs, symbol);
                begin_symbol(mix, mix->differences ? SWB_MIX_DIFFERENCE : SWB_MIX_NUMBER);
                break;
        case SWB_MIX_NUMBER:
        case SWB_MIX_DIFFERENCE:
                push(mix->past, symbol);
                begin_symbol(mix, SWB_MIX_RUN);
                break;
        case SWB_MIX_BYTE:
        default:
                mix->past[0] = mix->past[0] << 8 | symbol;
                begin_symbol(mix, SWB_MIX_BYTE);
        }
}

/* ---- its bits */

/* Of two slots side by side: the one that is for this hash; or the one that saw less is given up
 * for it. */
static struct slot *find_slot(struct swb_mix *mix, uint32_t hash)
{
        size_t at = hash >> (32 - mix->slots_log);
        struct slot *slot = &mix->slots[at], *other = &mix->slots[at ^ 1];
        uint8_t check = (uint8_t)hash;

        if (slot->seen > 0 && slot->check == check)
                return slot;
        if (other->seen > 0 && other->check == check)
                return other;
        if (other->seen < slot->seen)
                slot = other;
        *slot = (struct slot){ONE / 2, 0, check};
        return slot;
}

static bool has_exponent(enum swb_mix_kind kind)
{
        return kind == SWB_MIX_RUN || kind == SWB_MIX_NUMBER;
}

static void choose_weights(struct swb_mix *mix)
{
        size_t place = (size_t)mix->node, sure = SWB_MIN(mix->sure, 7u);
        size_t past = SWB_MIN((size_t)class_of(mix->runs[0]), (size_t)31) + 32 * sure;

        if (mix->is_below)
                place = 64 + (size_t)SWB_MIN(mix->exponent, EXPONENT_PLACES) * 8 +
                        SWB_MIN(bits_of(mix->node) - 1, 7u);
        if (mix->kind == SWB_MIX_BYTE) {
                place += 256 * (size_t)SWB_MIN(mix->sure / 4, 3u);
                past = mix->past[0] & 0xff;
        } else if (mix->kind != SWB_MIX_RUN) {
                place += BY_PLACE;
                past += BY_PAST;
                if (mix->kind == SWB_MIX_DIFFERENCE && mix->runs[0] > 0)
                        place += 256;
        }
        mix->weights[0] = &mix->by_place[place];
        mix->weights[1] = &mix->by_past[past];
}

uint32_t swb_mix_predict(struct swb_mix *mix)
{
        uint32_t place = (uint32_t)(mix->node * 128 + (mix->is_below ? mix->exponent + 1 : 0));
        int64_t sum = 0;

        choose_weights(mix);
        for (size_t i = 0; i <= SWB_MIX_CONTEXTS; i++) {
                int64_t weight = (int64_t)mix->weights[0]->of[i] + mix->weights[1]->of[i];

                if (i < SWB_MIX_CONTEXTS) {
                        uint32_t hash = hashed(mix->contexts[i], place * 0x85ebca6bu);
                        struct slot *slot = mix->at[i] = find_slot(mix, hash);

                        mix->inputs[i] = mix->stretch[slot->one / (ONE / N_STRETCH)] *
                                         mix->trusts[slot->seen] / 256;
                } else {
                        mix->inputs[i] = BIAS;
                }
                sum += weight * mix->inputs[i];
        }
        mix->one = SWB_MAX(1u, SWB_MIN(squash(sum / WEIGHT_ONE), ONE - 1u));
        return mix->one;
}

/* An input is of 11 bits, the error of 20. */
static void learn_weights(struct swb_mix *mix, struct weights *weights, int32_t error)
{
        for (size_t i = 0; i <= SWB_MIX_CONTEXTS; i++) {
                int32_t weight = weights->of[i] + mix->inputs[i] * error / (1 << LEARNING_SHIFT);

                weight = SWB_MIN(weight, WEIGHT_MAX);
                weights->of[i] = SWB_MAX(weight, -WEIGHT_MAX);
        }
}

static void learn_slot(const struct swb_mix *mix, struct slot *slot, bool bit)
{
        uint32_t rate = mix->rates[slot->seen];

        if (bit)
                slot->one = (uint16_t)(slot->one + ((ONE - 1u - slot->one) * rate >> 16));
        else
                slot->one = (uint16_t)(slot->one - (slot->one * rate >> 16));
        slot->seen = (uint8_t)SWB_MIN(slot->seen + 1, SEEN_MAX);
}

bool swb_mix_learn(struct swb_mix *mix, bool bit, uint64_t *ret_symbol)
{
        int32_t error = ((bit ? ONE : 0) - (int32_t)mix->one) * LEARNING;

        for (size_t i = 0; i < SWB_ELEMENTS(mix->weights); i++)
                learn_weights(mix, mix->weights[i], error);
        for (size_t i = 0; i < SWB_MIX_CONTEXTS; i++)
                learn_slot(mix, mix->at[i], bit);
        mix->node = mix->node << 1 | bit;
        if (--mix->n_left > 0)
                return false;
        if (has_exponent(mix->kind) && !mix->is_below) {
                mix->n_left = mix->exponent =
                        (unsigned)mix->node -
                        (1u << (mix->kind == SWB_MIX_RUN ? RUN_BITS : NUMBER_BITS));
                mix->node = 1;
                mix->is_below = true;
                if (mix->n_left > 0)
                        return false;
        }
        /* A run's number is one more than its length. */
        *ret_symbol =
                has_exponent(mix->kind) ? mix->node - (mix->kind == SWB_MIX_RUN) : mix->node & 0xff;
        end_symbol(mix, *ret_symbol);
        return true;
}

bool swb_mix_bit_of(const struct swb_mix *mix, uint64_t symbol)
{
        uint64_t value = symbol + (mix->kind == SWB_MIX_RUN);

        if (has_exponent(mix->kind) && !mix->is_below)
                value = bits_of(value) - 1;
        return value >> (mix->n_left - 1) & 1;
}

enum swb_mix_kind swb_mix_kind(const struct swb_mix *mix)
{
        return mix->kind;
}

/* ---- beginning and end */

_Static_assert(sizeof(struct swb_mix) <= SWB_MIX_TABLES_BYTES, "what readers count for it");

size_t swb_mix_slots_bytes(unsigned slots_log)
{
        return (sizeof(struct slot) << slots_log) +
               (sizeof(struct guess) << (slots_log - GUESSES_LOG_LESS));
}

struct swb_mix *swb_mix_free(struct swb_mix *mix)
{
        if (!mix)
                return NULL;
        free(mix->slots);
        free(mix->guesses);
        free(mix);
        return NULL;
}

int swb_mix_new(enum swb_mix_mode mode, unsigned slots_log, struct swb_mix **ret)
{
        _cleanup_(swb_mix_freep) struct swb_mix *mix = calloc(1, sizeof(*mix));

        if (!mix)
                return -ENOMEM;
        mix->differences = mode == SWB_MIX_DIFFERENCES;
        mix->slots_log = slots_log;
        mix->slots = calloc((size_t)1 << slots_log, sizeof(*mix->slots));
        mix->guesses = calloc((size_t)1 << (slots_log - GUESSES_LOG_LESS), sizeof(*mix->guesses));
        if (!mix->slots || !mix->guesses)
                return -ENOMEM;
        fill_tables(mix);
        begin_symbol(mix, mode == SWB_MIX_BYTES ? SWB_MIX_BYTE : SWB_MIX_RUN);
        *ret = SWB_TAKE_PTR(mix);
        return 0;
}
