/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/layout.h"

#include "base/cursor.h"

#include <elf.h>

/* What is not told of a section follows from the one before it. */
struct guess {
        int64_t offset_shift;
        uint64_t bias_shift; /* bias: address - offset, modulo 2^64 */
        uint32_t index;
};

enum {
        FLAG_GONE = 1,
        FLAG_INDEX = 2,
        FLAG_SIZE = 4,
        FLAG_OFFSET = 8,
        FLAG_ADDRESS = 16,
        FLAGS_ALL = 31,
};

/* Where the section is expected, before anything is told of it. */
static struct swb_layout_section expect(const struct swb_section *old, const struct guess *guess)
{
        return (struct swb_layout_section){
                .index = guess->index + 1,
                .offset = (uint32_t)(old->offset + guess->offset_shift),
                .n_bytes = old->n_bytes,
        };
}

/* Once its offset is known. */
static uint64_t expect_address(const struct swb_section *old, const struct guess *guess,
                               uint32_t offset)
{
        if (old->address == 0)
                return 0;
        return old->address - old->offset + guess->bias_shift + offset;
}

static void follow(struct guess *guess, const struct swb_section *old,
                   const struct swb_layout_section *new)
{
        if (new->gone)
                return;
        guess->index = new->index;
        guess->offset_shift = (int64_t) new->offset - old->offset;
        if (old->type != SHT_NOBITS)
                guess->offset_shift += (int64_t) new->n_bytes - old->n_bytes;
        if (old->address != 0)
                guess->bias_shift = (new->address - new->offset) - (old->address - old->offset);
}

static uint64_t zigzag(int64_t value)
{
        return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static int64_t unzigzag(uint64_t value)
{
        return (int64_t)(value >> 1 ^ -(value & 1));
}

static int64_t read_number(struct swb_cursor *c)
{
        return unzigzag(swb_cursor_varint(c));
}

static int read_section(struct swb_cursor *c, const struct swb_section *old, struct guess *guess,
                        struct swb_layout_section *ret)
{
        uint8_t flags = swb_cursor_u8(c);
        struct swb_layout_section new = expect(old, guess);

        if (flags & ~FLAGS_ALL)
                return -EBADMSG;
        if (flags & FLAG_GONE) {
                new.gone = true;
                new.offset = old->offset;
                new.address = old->address;
                *ret = new;
                return 0;
        }
        if (flags & FLAG_INDEX)
                new.index += (uint32_t)read_number(c);
        if (flags & FLAG_SIZE)
                new.n_bytes += (uint32_t)read_number(c);
        if (flags & FLAG_OFFSET)
                new.offset += (uint32_t)read_number(c);
        new.address = expect_address(old, guess, new.offset);
        if (flags & FLAG_ADDRESS)
                new.address += (uint64_t)read_number(c);
        follow(guess, old, &new);
        *ret = new;
        return 0;
}

static int read_hints(struct swb_layout *layout, const struct swb_elf *old, struct swb_cursor *c)
{
        struct guess guess = {0};
        int r = 0;

        layout->sections_offset = old->sections_offset + (uint32_t)read_number(c);
        for (size_t i = 1; i < old->n_sections && r >= 0; i++)
                r = read_section(c, &old->sections[i], &guess, &layout->sections[i]);
        if (r >= 0 && (swb_cursor_overrun(c) || swb_cursor_left(c) > 0))
                r = -EBADMSG;
        return r;
}

int swb_layout_init(struct swb_layout *layout, const struct swb_elf *old, const uint8_t *hints,
                    size_t n_hints)
{
        struct swb_cursor c = SWB_CURSOR(hints, n_hints);

        *layout = (struct swb_layout){.sections_offset = old->sections_offset};
        layout->sections = calloc(old->n_sections + 1, sizeof(*layout->sections));
        if (!layout->sections)
                return -ENOMEM;
        if (n_hints > 0)
                return old->n_sections > 0 ? read_hints(layout, old, &c) : -EBADMSG;
        for (size_t i = 1; i < old->n_sections; i++) {
                const struct swb_section *s = &old->sections[i];

                layout->sections[i] = (struct swb_layout_section){
                        .address = s->address,
                        .offset = s->offset,
                        .n_bytes = s->n_bytes,
                        .index = (uint32_t)i,
                };
        }
        return 0;
}

void swb_layout_done(struct swb_layout *layout)
{
        free(layout->sections);
        *layout = (struct swb_layout){0};
}

static int write_number(struct swb_buf *buf, int64_t number)
{
        uint64_t rest = zigzag(number);
        uint8_t bytes[10];
        size_t n = 0;

        do {
                bytes[n++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
                rest >>= 7;
        } while (rest > 0);
        return swb_buf_append(buf, bytes, n);
}

/* The first of the same name and type behind `after`, around the end. 0: none. */
static uint32_t find_same(const struct swb_elf *old, uint32_t i, const struct swb_elf *new,
                          uint32_t after)
{
        const struct swb_section *wanted = &old->sections[i];
        uint32_t hash = swb_elf_text_hash(old, (uint64_t)old->names_offset + wanted->name);

        if (old->image && new->image)
                return i;
        for (uint32_t k = 1; k < new->n_sections; k++) {
                uint32_t j = 1 + (after + k - 1) % (uint32_t)(new->n_sections - 1);
                const struct swb_section *s = &new->sections[j];

                if (s->type == wanted->type &&
                    swb_elf_text_hash(new, (uint64_t) new->names_offset + s->name) == hash)
                        return j;
        }
        return 0;
}

static int write_section(const struct swb_section *old, const struct swb_layout_section *new,
                         struct guess *guess, struct swb_buf *buf)
{
        struct swb_layout_section expected = expect(old, guess);
        const struct {
                uint8_t flag;
                int64_t number;
        } told[] = {
                {FLAG_INDEX, (int32_t)(new->index - expected.index)},
                {FLAG_SIZE, (int32_t)(new->n_bytes - expected.n_bytes)},
                {FLAG_OFFSET, (int32_t)(new->offset - expected.offset)},
                {FLAG_ADDRESS, (int64_t)(new->address - expect_address(old, guess, new->offset))},
        };
        uint8_t flags = 0;
        int r;

        for (size_t i = 0; i < SWB_ELEMENTS(told); i++)
                flags |= told[i].number != 0 ? told[i].flag : 0;
        r = swb_buf_append(buf, &flags, 1);
        for (size_t i = 0; i < SWB_ELEMENTS(told) && r >= 0; i++)
                if (told[i].number != 0)
                        r = write_number(buf, told[i].number);
        follow(guess, old, new);
        return r;
}

int swb_layout_write(const struct swb_elf *old, const struct swb_elf *new, struct swb_buf *hints)
{
        static const uint8_t gone = FLAG_GONE;
        struct guess guess = {0};
        int r;

        if (old->n_sections == 0 || new->n_sections == 0)
                return 0;
        r = write_number(hints, (int32_t)(new->sections_offset - old->sections_offset));
        for (uint32_t i = 1; i < old->n_sections && r >= 0; i++) {
                uint32_t j = find_same(old, i, new, guess.index);
                const struct swb_section *s = &new->sections[j];

                if (j == 0)
                        r = swb_buf_append(hints, &gone, 1);
                else
                        r = write_section(&old->sections[i],
                                          &(struct swb_layout_section){s->address, s->offset,
                                                                       s->n_bytes, j, false},
                                          &guess, hints);
        }
        return r;
}
