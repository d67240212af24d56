/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/boot/gpt_table.h - a GUID partition table as bytes (UEFI specification, chapter 5)
 *
 * Pure: no I/O. A copy is one sector of header and an array of entries; the header's checksum
 * covers itself and the array's checksum. The boot flags are in an entry's 64 bits of attributes as
 * Chrome OS has them: priority in bits 48..51, tries in 52..55, successful in 56.
 */
#include "device/boot/boot.h"

#define SWB_GPT_PRIMARY_LBA 1
#define SWB_GPT_SECTOR_MIN 512u
#define SWB_GPT_SECTOR_MAX 4096u
#define SWB_GPT_ENTRIES_MAX 1024u /* 128 is usual */
#define SWB_GPT_ENTRY_MIN 128u    /* bytes; a power of two */
#define SWB_GPT_ENTRY_MAX 4096u
#define SWB_GPT_ARRAY_MAX (256u << 10) /* bytes of all entries */

struct swb_gpt_header {
        uint64_t lba, other_lba; /* of this header and of the other copy's */
        uint64_t first_usable, last_usable;
        uint64_t entries_lba;
        uint32_t n_bytes; /* of the header itself */
        uint32_t n_entries, entry_bytes;
        uint32_t entries_crc;
};

static inline size_t swb_gpt_array_bytes(const struct swb_gpt_header *header)
{
        return (size_t)header->n_entries * header->entry_bytes;
}

/* Sectors that the entries take. */
static inline uint64_t swb_gpt_array_sectors(const struct swb_gpt_header *header,
                                             size_t sector_bytes)
{
        return (swb_gpt_array_bytes(header) + sector_bytes - 1) / sector_bytes;
}

/*
 * `sector` is what lies at sector `lba` of a disk of n_sectors. true: whole, fields are within the
 * limits above and the disk, and the areas of header, entries and partitions do not overlap.
 */
bool swb_gpt_header_parse(const uint8_t *sector, size_t sector_bytes, uint64_t lba,
                          uint64_t n_sectors, struct swb_gpt_header *ret);
/* The fields of a header whose checksum is wrong, if they can be right all the same: a write was
 * cut. */
bool swb_gpt_header_is_torn(const uint8_t *sector, size_t sector_bytes, uint64_t lba,
                            uint64_t n_sectors, struct swb_gpt_header *ret);
bool swb_gpt_array_is_whole(const struct swb_gpt_header *header, const uint8_t *array);

/* Writes the fields and both checksums over the sector of a whole header; its GUID is kept. */
void swb_gpt_header_store(const struct swb_gpt_header *header, const uint8_t *array,
                          uint8_t *sector);

/* A partition is there (its type is not all zero). */
bool swb_gpt_entry_is_used(const uint8_t *entry);
struct swb_slot_flags swb_gpt_entry_flags(const uint8_t *entry);
/* Keeps all other attributes. */
void swb_gpt_entry_set_flags(uint8_t *entry, const struct swb_slot_flags *flags);
