/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/program_at.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/endian.h"

#define HEAD_BYTES 64u
#define PROGRAM_MIN_BYTES ((uint64_t)4096)
#define PROGRAM_MAX_BYTES ((uint64_t)1 << 30)
/* ELF */
#define SECTION_BYTES 64u
#define SECTIONS_MAX 4096u
/* Kernel images: Linux's Documentation/arch/arm64/booting.rst */
#define IMAGE_MAGIC_AT 56u
#define IMAGE_MIN_BYTES ((uint64_t)64 << 10) /* less is not predicted */
#define TEXT_OFFSET_MAX ((uint64_t)2 << 20)
#define FLAGS_MAX 15u
/* A raw image says how much memory it takes, not where its file ends; in so small a part at its end
 * another file may begin already. */
#define TAIL_SHARE 8u
/* Its head as an EFI program */
#define PE_AT 60u
#define PE_HEAD_BYTES 24u
#define PE_SECTION_BYTES 40u
#define PE_SECTIONS_MAX 16u

static const uint8_t elf_magic[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
static const uint8_t image_magic[] = {'A', 'R', 'M', 0x64};

static uint16_t get_le16(const uint8_t *p)
{
        return (uint16_t)(p[0] | p[1] << 8);
}

/* 0: none that begins here. */
static uint64_t elf_bytes(const uint8_t *head, uint64_t n_left)
{
        uint64_t sections, n_bytes;
        unsigned n_sections;

        if (n_left < HEAD_BYTES || memcmp(head, elf_magic, sizeof(elf_magic)) != 0)
                return 0;
        sections = swb_get_le64(head + 40);
        n_sections = get_le16(head + 60);
        if (sections > PROGRAM_MAX_BYTES || n_sections < 2 || n_sections > SECTIONS_MAX ||
            get_le16(head + 58) != SECTION_BYTES)
                return 0;
        n_bytes = sections + (uint64_t)n_sections * SECTION_BYTES;
        return n_bytes >= PROGRAM_MIN_BYTES && n_bytes <= n_left ? n_bytes : 0;
}

/* UINT64_MAX: nowhere before `end`. */
static uint64_t find(const uint8_t *data, uint64_t begin, uint64_t end, const uint8_t *magic,
                     size_t n_magic)
{
        const uint8_t *p =
                begin < end ? memmem(data + begin, (size_t)(end - begin), magic, n_magic) : NULL;

        return p ? (uint64_t)(p - data) : UINT64_MAX;
}

/* One that begins before `end`, of n bytes in all. */
static uint64_t next_elf(const uint8_t *data, uint64_t n, uint64_t at, uint64_t end)
{
        while ((at = find(data, at, end, elf_magic, sizeof(elf_magic))) != UINT64_MAX &&
               elf_bytes(data + at, n - at) == 0)
                at++;
        return at;
}

/* ---- kernel images */

static bool is_image(const uint8_t *head, uint64_t n_left)
{
        uint64_t memory;

        if (n_left < IMAGE_MIN_BYTES ||
            memcmp(head + IMAGE_MAGIC_AT, image_magic, sizeof(image_magic)) != 0)
                return false;
        memory = swb_get_le64(head + 16);
        return swb_get_le64(head + 8) < TEXT_OFFSET_MAX && memory >= IMAGE_MIN_BYTES &&
               memory <= PROGRAM_MAX_BYTES && swb_get_le64(head + 24) <= FLAGS_MAX &&
               swb_get_le64(head + 32) == 0 && swb_get_le64(head + 40) == 0 &&
               swb_get_le64(head + 48) == 0;
}

/* Where the file's last section ends, if it is an EFI program as well. 0: it does not tell. */
static uint64_t pe_bytes(const uint8_t *head, uint64_t n_left)
{
        uint64_t pe = swb_get_le32(head + PE_AT), end = 0;
        const uint8_t *section;
        unsigned n;

        if (memcmp(head, "MZ", 2) != 0 || pe > IMAGE_MIN_BYTES / 2 ||
            memcmp(head + pe, "PE\0\0", 4) != 0)
                return 0;
        n = get_le16(head + pe + 6);
        pe += PE_HEAD_BYTES + get_le16(head + pe + 20);
        if (n > PE_SECTIONS_MAX || pe + (uint64_t)n * PE_SECTION_BYTES > n_left)
                return 0;
        section = head + pe;
        for (; n > 0; n--, section += PE_SECTION_BYTES)
                end = SWB_MAX(end,
                              (uint64_t)swb_get_le32(section + 20) + swb_get_le32(section + 16));
        return end >= IMAGE_MIN_BYTES ? end : 0;
}

static void measure_image(const uint8_t *data, uint64_t n, struct swb_program_at *ret)
{
        uint64_t n_left = n - ret->at, n_bytes = pe_bytes(data + ret->at, n_left), end;

        ret->is_guess = n_bytes == 0;
        if (n_bytes == 0)
                n_bytes = swb_get_le64(data + ret->at + 16);
        n_bytes = SWB_MIN(n_bytes, n_left);
        end = ret->at + n_bytes;
        end = SWB_MIN(next_elf(data, n, end - n_bytes / TAIL_SHARE, end), end);
        ret->n_bytes = end - ret->at;
}

static uint64_t next_image(const uint8_t *data, uint64_t n, uint64_t at)
{
        while ((at = find(data, at + IMAGE_MAGIC_AT, n, image_magic, sizeof(image_magic))) !=
               UINT64_MAX) {
                at -= IMAGE_MAGIC_AT;
                if (is_image(data + at, n - at))
                        break;
                at++;
        }
        return at;
}

void swb_program_search_init(struct swb_program_search *search, const uint8_t *data, uint64_t n)
{
        *search = (struct swb_program_search){.data = data, .n = n};
        search->elf = next_elf(data, n, 0, n);
        search->image = next_image(data, n, 0);
}

bool swb_program_next(struct swb_program_search *search, uint64_t begin, struct swb_program_at *ret)
{
        const uint8_t *data = search->data;
        uint64_t n = search->n;

        if (search->elf < begin)
                search->elf = next_elf(data, n, begin, n);
        if (search->image < begin)
                search->image = next_image(data, n, begin);
        if (search->elf == UINT64_MAX && search->image == UINT64_MAX)
                return false;
        *ret = (struct swb_program_at){.at = SWB_MIN(search->elf, search->image)};
        if (search->elf < search->image)
                ret->n_bytes = elf_bytes(data + ret->at, n - ret->at);
        else
                measure_image(data, n, ret);
        return true;
}
