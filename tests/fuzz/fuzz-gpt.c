/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a byte of options, then the first sectors of a disk. Option 1: put right the checksums of
 * headers at sector 1 and at the last one, so that what they say is looked at.
 * Checks: a store never writes where partitions may lie, nor to sector 0; after it the flags are
 * there, in both copies; and flags that were read are in their ranges.
 */
#include "fuzz.h"

#include "base/endian.h"
#include "device/boot/crc32.h"
#include "device/boot/gpt.h"
#include "device/boot/gpt_table.h"
#include "device/boot/ops.h"

#define SECTOR 512
#define SECTORS_MAX 256
#define PLACE "disk:1:6"

struct disk {
        struct swb_medium medium;
        uint8_t *data;
};

static struct disk the_disk; /* swb_gpt_open() gives its opener no context */

static int disk_read(struct swb_medium *medium, void *data, size_t n_bytes, uint64_t offset,
                     struct swb_error *err)
{
        (void)err;
        swb_assert(offset <= medium->n_bytes && n_bytes <= medium->n_bytes - offset);
        memcpy(data, the_disk.data + offset, n_bytes);
        return 0;
}

/* Is it outside of the partitions, as one of the headers has them that are whole before the write?
 */
static bool is_table(uint64_t lba)
{
        uint64_t n_sectors = the_disk.medium.n_bytes / SECTOR, places[3] = {1, n_sectors - 1, 1};
        struct swb_gpt_header h;

        if (swb_gpt_header_is_torn(the_disk.data + SECTOR, SECTOR, 1, n_sectors, &h))
                places[2] = h.other_lba;
        for (size_t i = 0; i < SWB_ELEMENTS(places); i++)
                if (swb_gpt_header_parse(the_disk.data + places[i] * SECTOR, SECTOR, places[i],
                                         n_sectors, &h) &&
                    (lba < h.first_usable || lba > h.last_usable))
                        return true;
        return false;
}

static int disk_write(struct swb_medium *medium, const void *data, size_t n_bytes, uint64_t offset,
                      struct swb_error *err)
{
        (void)err;
        swb_assert(offset >= SECTOR && offset <= medium->n_bytes &&
                   n_bytes <= medium->n_bytes - offset);
        swb_assert(is_table(offset / SECTOR));
        memcpy(the_disk.data + offset, data, n_bytes);
        return 0;
}

static int disk_nothing(struct swb_medium *medium, struct swb_error *err)
{
        (void)medium;
        (void)err;
        return 0;
}

static void disk_end(struct swb_medium *medium)
{
        (void)medium;
}

static const struct swb_medium_ops disk_ops = {
        .read = disk_read,
        .write = disk_write,
        .sync = disk_nothing,
        .lock = disk_nothing,
        .unlock = disk_end,
        .close = disk_end,
};

static int open_disk(const char *path, struct swb_medium **ret, struct swb_error *err)
{
        (void)path;
        (void)err;
        *ret = &the_disk.medium;
        return 0;
}

static void put_checksums_right(uint64_t lba)
{
        uint64_t n_sectors = the_disk.medium.n_bytes / SECTOR;
        uint8_t *sector = the_disk.data + lba * SECTOR;
        struct swb_gpt_header h;

        if (swb_gpt_header_is_torn(sector, SECTOR, lba, n_sectors, &h))
                swb_gpt_header_store(&h, the_disk.data + h.entries_lba * SECTOR, sector);
}

static void check(void *gpt)
{
        static const struct swb_boot_flags wanted = {{{14, 0, true}, {15, 3, false}}};
        struct swb_boot_flags flags;
        struct swb_error err = SWB_ERROR_INIT;
        int r;

        r = swb_boot_gpt.read(gpt, &flags, &err);
        swb_assert(r >= 0 || (err.code == r && *err.text));
        for (int i = 0; r >= 0 && i < _SWB_SLOT_MAX; i++)
                swb_assert(flags.slot[i].priority <= 15 && flags.slot[i].tries <= 15);
        err = SWB_ERROR_INIT;
        r = swb_boot_gpt.store(gpt, &wanted, &err);
        swb_assert(r >= 0 || (err.code == r && *err.text));
        if (r < 0)
                return;
        swb_assert(swb_boot_gpt.read(gpt, &flags, &err) == 0);
        swb_assert(memcmp(&flags.slot[1].priority, &wanted.slot[1].priority, sizeof(unsigned)) ==
                   0);
        swb_assert(flags.slot[1].tries == 3 && flags.slot[0].successful);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        size_t n_sectors = n_bytes / SECTOR;
        struct swb_error err = SWB_ERROR_INIT;
        void *gpt;

        if (n_sectors < 8 || n_sectors > SECTORS_MAX)
                return 0;
        the_disk = (struct disk){.medium = {&disk_ops, (char *)"disk", n_sectors * SECTOR, SECTOR},
                                 .data = malloc(n_sectors * SECTOR)};
        swb_assert(the_disk.data);
        memcpy(the_disk.data, data + 1, SWB_MIN(n_sectors * SECTOR, n_bytes - 1));
        if (n_bytes - 1 < n_sectors * SECTOR)
                memset(the_disk.data + n_bytes - 1, 0, n_sectors * SECTOR - (n_bytes - 1));
        if (data[0] & 1) {
                put_checksums_right(1);
                put_checksums_right(n_sectors - 1);
        }
        swb_assert(swb_gpt_open(PLACE, open_disk, &gpt, &err) >= 0);
        check(gpt);
        swb_boot_gpt.close(gpt);
        free(the_disk.data);
        return 0;
}
