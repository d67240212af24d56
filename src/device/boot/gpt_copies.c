/* SPDX-License-Identifier: Apache-2.0 */
#include "device/boot/gpt_copies.h"

#include <inttypes.h>
#include <string.h>

struct swb_gpt_copies *swb_gpt_copies_free(struct swb_gpt_copies *copies)
{
        for (int i = 0; copies && i < _SWB_GPT_COPIES; i++)
                free(copies->copies[i].array);
        free(copies);
        return NULL;
}

const char *swb_gpt_which_to_string(enum swb_gpt_which which)
{
        return which == SWB_GPT_PRIMARY ? "primary" : "backup";
}

int swb_gpt_read_sectors(struct swb_medium *medium, const struct swb_gpt_copies *table, void *data,
                         size_t n_bytes, uint64_t lba, struct swb_error *err)
{
        return medium->ops->read(medium, data, n_bytes, lba * table->sector_bytes, err);
}

static int read_copy(struct swb_medium *medium, const struct swb_gpt_copies *table,
                     struct swb_gpt_copy *copy, uint64_t lba)
{
        struct swb_gpt_header *h = &copy->header;
        bool is_header_whole;
        int r;

        r = swb_gpt_read_sectors(medium, table, copy->sector, table->sector_bytes, lba,
                                 &copy->error);
        if (r < 0)
                return r;
        is_header_whole =
                swb_gpt_header_parse(copy->sector, table->sector_bytes, lba, table->n_sectors, h);
        copy->has_fields =
                is_header_whole ||
                swb_gpt_header_is_torn(copy->sector, table->sector_bytes, lba, table->n_sectors, h);
        if (!copy->has_fields)
                return 0;
        copy->array = malloc(swb_gpt_array_bytes(h));
        if (!copy->array)
                return swb_oom(&copy->error);
        r = swb_gpt_read_sectors(medium, table, copy->array, swb_gpt_array_bytes(h), h->entries_lba,
                                 &copy->error);
        if (r < 0)
                return r;
        copy->is_whole = is_header_whole && swb_gpt_array_is_whole(h, copy->array);
        return 0;
}

void swb_gpt_copy_load(struct swb_medium *medium, const struct swb_gpt_copies *table,
                       struct swb_gpt_copy *copy, uint64_t lba)
{
        free(copy->array);
        *copy = (struct swb_gpt_copy){0};
        if (read_copy(medium, table, copy, lba) < 0 && copy->array) {
                free(copy->array);
                copy->array = NULL;
                copy->has_fields = false;
        }
}

/* Both copies; neither has to be whole. */
static void load_copies(struct swb_medium *medium, struct swb_gpt_copies *table)
{
        struct swb_gpt_copy *primary = &table->copies[SWB_GPT_PRIMARY],
                            *backup = &table->copies[SWB_GPT_BACKUP];
        uint64_t last = table->n_sectors - 1, lba = last;

        swb_gpt_copy_load(medium, table, primary, SWB_GPT_PRIMARY_LBA);
        if (primary->has_fields) /* not at the end when an image was copied to a larger disk */
                lba = primary->header.other_lba;
        swb_gpt_copy_load(medium, table, backup, lba);
        if (!primary->is_whole && !backup->is_whole && lba != last)
                swb_gpt_copy_load(medium, table, backup, last);
}

static int refuse_table(struct swb_medium *medium, const struct swb_gpt_copies *table,
                        struct swb_error *err)
{
        for (int i = 0; i < _SWB_GPT_COPIES; i++) {
                if (table->copies[i].error.code == 0)
                        continue;
                if (err)
                        *err = table->copies[i].error;
                return swb_wrap(err, table->copies[i].error.code, "partition table");
        }
        return swb_fail(err, -EUCLEAN, SWB_FAULT_BOOT,
                        "%s: neither copy of the GUID partition table is whole; look at it with "
                        "'sgdisk -v' and mend it with gdisk",
                        medium->name);
}

static int load_with(struct swb_medium *medium, size_t sector_bytes, struct swb_gpt_copies **ret,
                     struct swb_error *err)
{
        _cleanup_(swb_gpt_copies_freep) struct swb_gpt_copies *table = calloc(1, sizeof(*table));

        if (!table)
                return swb_oom(err);
        table->sector_bytes = sector_bytes;
        table->n_sectors = medium->n_bytes / sector_bytes;
        if (table->n_sectors < 3 || sector_bytes < SWB_GPT_SECTOR_MIN ||
            sector_bytes > SWB_GPT_SECTOR_MAX)
                return swb_fail(err, -EUCLEAN, SWB_FAULT_BOOT,
                                "%s: %" PRIu64 " bytes in sectors of %zu are no disk with a "
                                "partition table",
                                medium->name, medium->n_bytes, sector_bytes);
        load_copies(medium, table);
        if (!table->copies[SWB_GPT_PRIMARY].is_whole && !table->copies[SWB_GPT_BACKUP].is_whole)
                return refuse_table(medium, table, err);
        *ret = SWB_TAKE_PTR(table);
        return 0;
}

/* The sector of a file that holds a disk's image is not known. */
int swb_gpt_copies_load(struct swb_medium *medium, struct swb_gpt_copies **ret,
                        struct swb_error *err)
{
        struct swb_error ignored = SWB_ERROR_INIT;

        if (medium->sector_bytes > 0)
                return load_with(medium, medium->sector_bytes, ret, err);
        if (load_with(medium, SWB_GPT_SECTOR_MAX, ret, &ignored) >= 0)
                return 0;
        return load_with(medium, SWB_GPT_SECTOR_MIN, ret, err);
}

enum swb_gpt_which swb_gpt_truth(const struct swb_gpt_copies *table)
{
        return table->copies[SWB_GPT_PRIMARY].is_whole ? SWB_GPT_PRIMARY : SWB_GPT_BACKUP;
}

bool swb_gpt_copies_agree(const struct swb_gpt_copies *table)
{
        const struct swb_gpt_copy *primary = &table->copies[SWB_GPT_PRIMARY],
                                  *backup = &table->copies[SWB_GPT_BACKUP];

        return primary->is_whole && backup->is_whole &&
               primary->header.entries_crc == backup->header.entries_crc &&
               primary->header.other_lba == backup->header.lba &&
               backup->header.other_lba == primary->header.lba;
}

bool swb_gpt_copy_is_like(const struct swb_gpt_copy *copy, const struct swb_gpt_header *header)
{
        return copy->is_whole && copy->header.entries_lba == header->entries_lba &&
               swb_gpt_array_bytes(&copy->header) == swb_gpt_array_bytes(header);
}
