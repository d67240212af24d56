/* SPDX-License-Identifier: Apache-2.0 */
#include "base/endian.h"
#include "codec/unsplit_parts.h"

/* The longest opcode with its operand. */
#define INSTRUCTION_BYTES 6u
/* So much of the stream of instructions at a time; each byte may begin one with an operand. */
#define STRETCH_BYTES 256u
#define STRETCH_MAKES_MAX (STRETCH_BYTES * (INSTRUCTION_BYTES - 1) + INSTRUCTION_BYTES)
/* Bytes between operands are copied by this many, and may be so before and behind. */
#define COPY_BYTES 32u

_Static_assert(STRETCH_MAKES_MAX + COPY_BYTES <= SWB_SPLIT_ROOM_BYTES, "one stretch needs more");

/* `behind`: the target's position behind the operand. */
static inline int make_operand(struct swb_unsplit_source *s, uint64_t behind, uint8_t *out)
{
        const uint8_t *raw = swb_unsplit_take(s, 4);
        uint32_t value;

        if (!raw)
                return -EBADMSG;
        value = swb_get_be32(raw);
        if (swb_x86_is_near(value))
                value = swb_x86_fold(value - (uint32_t)behind);
        swb_put_le32(out, value);
        return 0;
}

/* One byte, or one instruction's first bytes with its operand. There is room for it, and *n of the
 * region are left. */
static int step(struct swb_unsplit *u, struct swb_unsplit_source *s, size_t *n)
{
        size_t had = swb_unsplit_left(s);
        unsigned stream = 0, n_opcode, n_code;
        int r = 0;

        if (had == 0 ||
            (had == 1 && *n >= INSTRUCTION_BYTES && swb_x86_classes[s->at[0]] >= SWB_X86_TWO_BYTES))
                return -EBADMSG;
        n_opcode = swb_x86_match(s->at[0], had > 1 ? s->at[1] : 0, *n, &stream);
        n_code = n_opcode == 2 ? 2 : 1;
        memcpy(u->out + u->n_out, s->at, n_code);
        s->at += n_code;
        u->n_out += n_code;
        *n -= n_code;
        if (n_opcode > 0) {
                r = make_operand(s + stream, swb_unsplit_position(u) + 4, u->out + u->n_out);
                u->n_out += 4;
                *n -= 4;
        }
        return r;
}

/*
 * marks[i] is not 0 wherever the bytes i and i + 1 may begin an instruction with an operand, and at
 * few other places. Without a branch, so that compilers make it for 16 bytes and more at a time.
 */
static void mark(const uint8_t *restrict code, uint8_t *restrict marks)
{
        for (size_t i = 0; i < STRETCH_BYTES; i++) {
                uint8_t first = code[i], second = code[i + 1];
                uint8_t jump = (first & 0xfe) == 0xe8;
                uint8_t reference = (second & 0xc7) == 0x05;
                uint8_t condition = (uint8_t)((first == 0x0f) & ((second & 0xf0) == 0x80));

                marks[i] = jump | reference | condition;
        }
}

/* n bytes, copied in whole pieces: there is room for that, and something to read. */
static inline void copy(uint8_t *out, const uint8_t *in, size_t n)
{
        size_t done = 0;

        do {
                memcpy(out + done, in + done, COPY_BYTES);
                done += COPY_BYTES;
        } while (done < n);
}

/* Where a stretch is. */
struct stretch {
        const uint8_t *code;
        size_t done; /* bytes of it that were made */
        uint8_t *out;
        uint64_t position; /* of `out` in the target */
};

/* swb_x86_match() without branches, for where there is an operand's room: they go one way as often
 * as the other here, and each wrong guess costs more than all the rest. */
struct rule {
        uint8_t n_opcode, stream;
        uint8_t mask, value; /* of the second byte */
};

static const struct rule rules[] = {
        [SWB_X86_OTHER] = {0, 0, 0, 1},
        [SWB_X86_CALL] = {1, SWB_X86_CALLS, 0, 0},
        [SWB_X86_JUMP] = {1, SWB_X86_JUMPS, 0, 0},
        [SWB_X86_TWO_BYTES] = {2, SWB_X86_JUMPS, 0xf0, 0x80},
        [SWB_X86_MODRM] = {2, SWB_X86_REFERENCES, 0xc7, 0x05},
};

/* Up to the place `at` of a stretch, which is marked, and what begins there. */
static inline int make_marked(struct swb_unsplit_source *s, struct stretch *x, size_t at)
{
        const struct rule *rule = &rules[swb_x86_classes[x->code[at]]];
        size_t n = at + rule->n_opcode - x->done;
        int r;

        if (at < x->done || (x->code[at + 1] & rule->mask) != rule->value)
                return 0; /* the second byte of an opcode, or not the beginning of one */
        copy(x->out, x->code + x->done, n);
        r = make_operand(s + rule->stream, x->position + n + 4, x->out + n);
        x->done += n;
        x->out += n + 4;
        x->position += n + 4;
        return r;
}

/* The next bytes of the stream and their operands. All that the stretch may need is there: of the
 * stream, of the region and of room. */
static int make_stretch(struct swb_unsplit *u, struct swb_unsplit_source *s, size_t *n)
{
        struct stretch x = {s->at, 0, u->out + u->n_out, swb_unsplit_position(u)};
        uint8_t marks[STRETCH_BYTES];
        size_t n_made;
        int r = 0;

        mark(x.code, marks);
        for (size_t i = 0; i < STRETCH_BYTES && r == 0; i += 8)
                for (uint64_t word = swb_get_le64(marks + i); word != 0 && r == 0; word &= word - 1)
                        r = make_marked(s, &x, i + (unsigned)__builtin_ctzll(word) / 8);
        if (r < 0)
                return r;
        if (x.done < STRETCH_BYTES) {
                copy(x.out, x.code + x.done, STRETCH_BYTES - x.done);
                x.out += STRETCH_BYTES - x.done;
                x.done = STRETCH_BYTES;
        }
        s->at += x.done;
        n_made = (size_t)(x.out - (u->out + u->n_out));
        u->n_out += n_made;
        *n -= n_made;
        return 0;
}

int swb_unsplit_x86(struct swb_unsplit *u, const struct swb_unsplit_region *region)
{
        struct swb_unsplit_source *s = &u->sources[region->stream];
        size_t n = region->n;
        int r = 0;

        while (n > 0 && r == 0) {
                bool is_long = n >= STRETCH_MAKES_MAX + INSTRUCTION_BYTES &&
                               swb_unsplit_left(s) >= STRETCH_BYTES + COPY_BYTES;

                r = swb_unsplit_room(u,
                                     is_long ? STRETCH_MAKES_MAX + COPY_BYTES : INSTRUCTION_BYTES);
                if (r == 0)
                        r = is_long ? make_stretch(u, s, &n) : step(u, s, &n);
        }
        return r;
}
