/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search for copies as gzip(1) does it since 1992: chains of places with the same hash of three
 * bytes, looked through from the nearest on, so many at most; from level 4 on a copy waits for what
 * the next byte finds. Which copy is taken depends on when the window moves, on what is left behind
 * the end in memory, and on the first place of the window, which is never found: all of that is
 * kept here.
 */
#include <string.h>

#include "open/gzip_block.h"
#include "open/libraries.h"

#define WINDOW 0x8000u
#define WINDOW_MASK (WINDOW - 1)
#define BUFFER_BYTES (2 * WINDOW)
#define HASHES 0x8000u
#define HASH_MASK (HASHES - 1)
#define HASH_SHIFT 5u
#define COPY_MIN 3u
#define COPY_MAX 258u
#define AHEAD_MIN (COPY_MAX + COPY_MIN + 1)
#define DISTANCE_MAX (WINDOW - AHEAD_MIN)
/* A copy of three bytes from farther away costs more than the bytes. */
#define FAR 4096u

struct effort {
        uint16_t good, lazy, nice, chain;
};

struct gzip {
        const struct effort *effort;
        unsigned level;
        bool started;
        bool waiting;   /* the byte before may be a literal, or begin a copy */
        uint32_t at;    /* in the buffer */
        uint32_t ahead; /* bytes there from `at` on */
        int64_t block;  /* where the block begins; negative: left behind */
        uint32_t hash;
        uint32_t n_copy; /* best copy at `at` … */
        uint32_t from;   /* … begins here; may be left behind, then it wraps */
        uint8_t buffer[BUFFER_BYTES];
        uint16_t before[WINDOW]; /* with the same hash */
        uint16_t heads[HASHES];
        struct swb_gzip_blocks blocks;
};

static const struct effort *effort_of(uint32_t level)
{
        static const struct effort efforts[10] = {
                {0},
                {4, 4, 8, 4},
                {4, 5, 16, 8},
                {4, 6, 32, 32},
                {4, 4, 16, 16},
                {8, 16, 32, 32},
                {8, 16, 128, 128},
                {8, 32, 128, 256},
                {32, 128, 258, 1024},
                {32, 258, 258, 4096},
        };

        return &efforts[level];
}

static void hash_byte(struct gzip *z, uint8_t byte)
{
        z->hash = (z->hash << HASH_SHIFT ^ byte) & HASH_MASK;
}

/* Return: the place before with the same hash, 0 for none. */
static uint32_t insert(struct gzip *z)
{
        uint32_t head;

        /* At the very end of the buffer there is no third byte. */
        hash_byte(z, z->at + 2 < BUFFER_BYTES ? z->buffer[z->at + 2] : 0);
        head = z->heads[z->hash];
        z->before[z->at & WINDOW_MASK] = (uint16_t)head;
        z->heads[z->hash] = (uint16_t)z->at;
        return head;
}

static uint32_t equal_bytes(const uint8_t *a, const uint8_t *b)
{
        uint32_t n = 0;

        while (n < COPY_MAX && a[n] == b[n])
                n++;
        return n;
}

/* The longest copy from the chain of `place` that is longer than `best`; sets z->from if there is
 * one. Return: its length, or `best`. */
static uint32_t find_longest(struct gzip *z, uint32_t place, uint32_t best)
{
        const uint8_t *here = z->buffer + z->at;
        uint32_t limit = z->at > DISTANCE_MAX ? z->at - DISTANCE_MAX : 0;
        uint32_t chain = best >= z->effort->good ? z->effort->chain / 4u : z->effort->chain;

        do {
                const uint8_t *there = z->buffer + place;
                uint32_t n;

                if (there[best] != here[best] || there[best - 1] != here[best - 1])
                        continue;
                n = equal_bytes(here, there);
                if (n <= best)
                        continue;
                z->from = place;
                best = n;
                if (n >= z->effort->nice)
                        break;
        } while ((place = z->before[place & WINDOW_MASK]) > limit && --chain > 0);
        return best;
}

static bool is_reachable(const struct gzip *z, uint32_t place)
{
        return place > 0 && z->at - place <= DISTANCE_MAX && z->at <= BUFFER_BYTES - AHEAD_MIN;
}

static bool add(struct gzip *z, uint32_t distance, uint32_t length)
{
        swb_gzip_blocks_add(&z->blocks, distance, length);
        return swb_gzip_blocks_is_full(&z->blocks, z->level, (uint64_t)((int64_t)z->at - z->block));
}

static int flush_block(struct gzip *z, bool is_last)
{
        int r = swb_gzip_blocks_flush(&z->blocks, z->block >= 0 ? z->buffer + z->block : NULL,
                                      (uint64_t)((int64_t)z->at - z->block), is_last);

        z->block = z->at;
        return r;
}

/* ---- levels 1 to 3: what is found is taken */

static void step_over(struct gzip *z, uint32_t n)
{
        z->ahead -= n;
        if (n <= z->effort->lazy) {
                for (uint32_t i = 1; i < n; i++) {
                        z->at++;
                        (void)insert(z);
                }
                z->at++;
        } else {
                z->at += n;
                z->hash = z->at < BUFFER_BYTES ? z->buffer[z->at] : 0;
                hash_byte(z, z->at + 1 < BUFFER_BYTES ? z->buffer[z->at + 1] : 0);
        }
}

static int step_fast(struct gzip *z)
{
        uint32_t place = insert(z), n = 0;
        bool full;

        if (is_reachable(z, place))
                n = SWB_MIN(find_longest(z, place, COPY_MIN - 1), z->ahead);
        if (n >= COPY_MIN) {
                full = add(z, z->at - z->from, n - COPY_MIN);
                step_over(z, n);
        } else {
                full = add(z, 0, z->buffer[z->at]);
                z->at++;
                z->ahead--;
        }
        return full ? flush_block(z, false) : 0;
}

/* ---- from level 4 on: a copy waits */

/* The copy that began a byte ago is taken. */
static int take_waiting(struct gzip *z, uint32_t n, uint32_t from)
{
        bool full = add(z, z->at - 1 - from, n - COPY_MIN);

        z->ahead -= n - 1;
        for (uint32_t i = 2; i < n; i++) {
                z->at++;
                (void)insert(z);
        }
        z->at++;
        z->waiting = false;
        z->n_copy = COPY_MIN - 1;
        return full ? flush_block(z, false) : 0;
}

static int step_lazy(struct gzip *z)
{
        uint32_t place = insert(z), n_before = z->n_copy, from_before = z->from;
        int r = 0;

        z->n_copy = COPY_MIN - 1;
        if (is_reachable(z, place) && n_before < z->effort->lazy) {
                z->n_copy = SWB_MIN(find_longest(z, place, n_before), z->ahead);
                if (z->n_copy == COPY_MIN && z->at - z->from > FAR)
                        z->n_copy--;
        }
        if (n_before >= COPY_MIN && z->n_copy <= n_before)
                return take_waiting(z, n_before, from_before);
        if (z->waiting && add(z, 0, z->buffer[z->at - 1]))
                r = flush_block(z, false);
        z->waiting = true;
        z->at++;
        z->ahead--;
        return r;
}

/* ---- the window */

static int run(struct gzip *z, uint32_t least)
{
        int r = 0;

        if (!z->started && z->ahead >= least) {
                hash_byte(z, z->buffer[0]);
                hash_byte(z, z->buffer[1]);
                z->started = true;
        }
        while (z->ahead >= least && r >= 0)
                r = z->level > 3 ? step_lazy(z) : step_fast(z);
        return r;
}

static void move_places(uint16_t *places, size_t n)
{
        for (size_t i = 0; i < n; i++)
                places[i] = (uint16_t)(places[i] >= WINDOW ? places[i] - WINDOW : 0);
}

static void move_window(struct gzip *z)
{
        memcpy(z->buffer, z->buffer + WINDOW, WINDOW);
        z->at -= WINDOW;
        z->from -= WINDOW;
        z->block -= WINDOW;
        move_places(z->heads, HASHES);
        move_places(z->before, WINDOW);
}

static int put(void *state, const uint8_t *data, size_t n)
{
        struct gzip *z = state;

        for (;;) {
                uint32_t end = z->at + z->ahead;
                uint32_t part = (uint32_t)SWB_MIN(n, (size_t)(BUFFER_BYTES - end));
                int r;

                memcpy(z->buffer + end, data, part);
                z->ahead += part;
                data += part;
                n -= part;
                r = run(z, AHEAD_MIN);
                if (r < 0 || n == 0)
                        return r;
                move_window(z); /* it is full, and nearly all of it is done */
        }
}

static int finish(void *state)
{
        struct gzip *z = state;
        uint32_t end;
        int r;

        if (z->at >= WINDOW + DISTANCE_MAX)
                move_window(z);
        end = z->at + z->ahead;
        memset(z->buffer + end, 0, SWB_MIN(COPY_MIN - 1, BUFFER_BYTES - end));
        r = run(z, 1);
        if (r >= 0 && z->waiting)
                swb_gzip_blocks_add(&z->blocks, 0, z->buffer[z->at - 1]);
        return r < 0 ? r : flush_block(z, true);
}

static uint64_t memory_of(const struct swb_setting *setting, uint64_t n_opened, uint64_t n_encoded)
{
        (void)setting, (void)n_opened, (void)n_encoded;
        return sizeof(struct gzip) + ((uint64_t)16 << 10);
}

static int open_closing(const struct swb_encoder_job *job, void **ret_state)
{
        struct gzip *z = calloc(1, sizeof(*z));

        if (!z)
                return -ENOMEM;
        z->level = job->setting->parameters[0];
        z->effort = effort_of(z->level);
        z->n_copy = COPY_MIN - 1;
        swb_gzip_blocks_init(&z->blocks, job->write, job->context);
        *ret_state = z;
        return 0;
}

const struct swb_encoder_ops *swb_gzip_encoder(void)
{
        static const struct swb_encoder_ops ops = {memory_of, open_closing, put, finish, free};

        return &ops;
}
