/* SPDX-License-Identifier: Apache-2.0 */
#include "device/boot/gpt_table.h"

#include <string.h>

#include "base/endian.h"
#include "device/boot/crc32.h"

#define SIGNATURE "EFI PART"
#define REVISION 0x00010000u
#define HEADER_BYTES_MIN 92u

enum { /* offsets in the header */
       AT_REVISION = 8,
       AT_HEADER_BYTES = 12,
       AT_HEADER_CRC = 16,
       AT_LBA = 24,
       AT_OTHER_LBA = 32,
       AT_FIRST_USABLE = 40,
       AT_LAST_USABLE = 48,
       AT_ENTRIES_LBA = 72,
       AT_N_ENTRIES = 80,
       AT_ENTRY_BYTES = 84,
       AT_ENTRIES_CRC = 88,
};

#define ENTRY_TYPE_BYTES 16
#define ENTRY_ATTRIBUTES 48
#define SHIFT_PRIORITY 48
#define SHIFT_TRIES 52
#define SHIFT_SUCCESSFUL 56
#define FLAGS_MASK (UINT64_C(0x1ff) << SHIFT_PRIORITY)

static uint32_t header_crc(const uint8_t *sector, uint32_t n_bytes)
{
        static const uint8_t zero[4];
        uint32_t crc = swb_crc32(sector, AT_HEADER_CRC);

        crc = swb_crc32_more(crc, zero, sizeof(zero)); /* the checksum's own place */
        return swb_crc32_more(crc, sector + AT_HEADER_CRC + 4, n_bytes - AT_HEADER_CRC - 4);
}

static bool sizes_are_sane(const struct swb_gpt_header *h, size_t sector_bytes)
{
        return h->n_bytes >= HEADER_BYTES_MIN && h->n_bytes <= sector_bytes && h->n_entries > 0 &&
               h->n_entries <= SWB_GPT_ENTRIES_MAX && h->entry_bytes >= SWB_GPT_ENTRY_MIN &&
               h->entry_bytes <= SWB_GPT_ENTRY_MAX &&
               (h->entry_bytes & (h->entry_bytes - 1)) == 0 &&
               swb_gpt_array_bytes(h) <= SWB_GPT_ARRAY_MAX;
}

/* Header and entries lie on the disk, in front of the partitions or behind them. */
static bool areas_are_sane(const struct swb_gpt_header *h, size_t sector_bytes, uint64_t lba,
                           uint64_t n_sectors)
{
        uint64_t n = swb_gpt_array_sectors(h, sector_bytes);

        if (h->lba != lba || h->first_usable > h->last_usable || h->other_lba >= n_sectors ||
            h->entries_lba > n_sectors || n > n_sectors - h->entries_lba)
                return false;
        if (lba == SWB_GPT_PRIMARY_LBA)
                return h->entries_lba > lba && h->entries_lba + n <= h->first_usable &&
                       h->last_usable < h->other_lba;
        return h->other_lba == SWB_GPT_PRIMARY_LBA && h->last_usable < h->entries_lba &&
               h->entries_lba + n <= lba;
}

static bool read_fields(const uint8_t *sector, size_t sector_bytes, uint64_t lba,
                        uint64_t n_sectors, struct swb_gpt_header *ret)
{
        if (memcmp(sector, SIGNATURE, strlen(SIGNATURE)) != 0 ||
            swb_get_le32(sector + AT_REVISION) != REVISION)
                return false;
        *ret = (struct swb_gpt_header){
                .lba = swb_get_le64(sector + AT_LBA),
                .other_lba = swb_get_le64(sector + AT_OTHER_LBA),
                .first_usable = swb_get_le64(sector + AT_FIRST_USABLE),
                .last_usable = swb_get_le64(sector + AT_LAST_USABLE),
                .entries_lba = swb_get_le64(sector + AT_ENTRIES_LBA),
                .n_bytes = swb_get_le32(sector + AT_HEADER_BYTES),
                .n_entries = swb_get_le32(sector + AT_N_ENTRIES),
                .entry_bytes = swb_get_le32(sector + AT_ENTRY_BYTES),
                .entries_crc = swb_get_le32(sector + AT_ENTRIES_CRC),
        };
        return sizes_are_sane(ret, sector_bytes) &&
               areas_are_sane(ret, sector_bytes, lba, n_sectors);
}

bool swb_gpt_header_parse(const uint8_t *sector, size_t sector_bytes, uint64_t lba,
                          uint64_t n_sectors, struct swb_gpt_header *ret)
{
        struct swb_gpt_header header;

        if (!read_fields(sector, sector_bytes, lba, n_sectors, &header) ||
            swb_get_le32(sector + AT_HEADER_CRC) != header_crc(sector, header.n_bytes))
                return false;
        *ret = header;
        return true;
}

bool swb_gpt_header_is_torn(const uint8_t *sector, size_t sector_bytes, uint64_t lba,
                            uint64_t n_sectors, struct swb_gpt_header *ret)
{
        struct swb_gpt_header header;

        if (!read_fields(sector, sector_bytes, lba, n_sectors, &header))
                return false;
        *ret = header;
        return true;
}

bool swb_gpt_array_is_whole(const struct swb_gpt_header *header, const uint8_t *array)
{
        return swb_crc32(array, swb_gpt_array_bytes(header)) == header->entries_crc;
}

void swb_gpt_header_store(const struct swb_gpt_header *header, const uint8_t *array,
                          uint8_t *sector)
{
        swb_put_le64(sector + AT_LBA, header->lba);
        swb_put_le64(sector + AT_OTHER_LBA, header->other_lba);
        swb_put_le64(sector + AT_ENTRIES_LBA, header->entries_lba);
        swb_put_le32(sector + AT_ENTRIES_CRC, swb_crc32(array, swb_gpt_array_bytes(header)));
        swb_put_le32(sector + AT_HEADER_CRC, header_crc(sector, header->n_bytes));
}

bool swb_gpt_entry_is_used(const uint8_t *entry)
{
        static const uint8_t unused[ENTRY_TYPE_BYTES];

        return memcmp(entry, unused, sizeof(unused)) != 0;
}

struct swb_slot_flags swb_gpt_entry_flags(const uint8_t *entry)
{
        uint64_t attributes = swb_get_le64(entry + ENTRY_ATTRIBUTES);

        return (struct swb_slot_flags){
                .priority = attributes >> SHIFT_PRIORITY & SWB_BOOT_PRIORITY_MAX,
                .tries = attributes >> SHIFT_TRIES & SWB_BOOT_TRIES_MAX,
                .successful = attributes >> SHIFT_SUCCESSFUL & 1,
        };
}

void swb_gpt_entry_set_flags(uint8_t *entry, const struct swb_slot_flags *flags)
{
        uint64_t attributes = swb_get_le64(entry + ENTRY_ATTRIBUTES) & ~FLAGS_MASK;

        attributes |= (uint64_t)flags->priority << SHIFT_PRIORITY;
        attributes |= (uint64_t)flags->tries << SHIFT_TRIES;
        attributes |= (uint64_t)flags->successful << SHIFT_SUCCESSFUL;
        swb_put_le64(entry + ENTRY_ATTRIBUTES, attributes);
}
