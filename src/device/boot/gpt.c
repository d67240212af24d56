/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flags in the partition table, as Chrome OS keeps them: attributes of the slots' entries
 *
 * There are two copies of the table. Readers take the primary one if it is whole, else the backup.
 * So a store first writes the copy that is not the one taken now, and only when that is durable and
 * read back, the other: at each moment the copy that counts is whole and holds all of the old or
 * all of the new flags. A copy whose sectors arrive one by one is never whole in between, because
 * the header's checksum covers the entries'.
 */
#include "device/boot/gpt.h"

#include "base/text.h"
#include "device/boot/gpt_copies.h"
#include "device/boot/ops.h"

struct gpt {
        struct swb_medium *medium;
        char *name; /* for errors */
        unsigned index[_SWB_SLOT_MAX];
};

/* ---- reading ---- */

static int find_entry(const struct gpt *gpt, const struct swb_gpt_copy *copy, enum swb_slot slot,
                      uint8_t **ret, struct swb_error *err)
{
        unsigned index = gpt->index[slot];
        uint8_t *entry = copy->array + (size_t)index * copy->header.entry_bytes;

        if (index >= copy->header.n_entries || !swb_gpt_entry_is_used(entry))
                return swb_fail(err, -ENXIO, SWB_FAULT_BOOT,
                                "%s: there is no partition %u, which shall be slot %s",
                                gpt->medium->name, index + 1, swb_slot_to_string(slot));
        *ret = entry;
        return 0;
}

static int read_flags(const struct gpt *gpt, const struct swb_gpt_copy *copy,
                      struct swb_boot_flags *ret, struct swb_error *err)
{
        struct swb_boot_flags flags;
        bool is_blank = true;

        for (int i = 0; i < _SWB_SLOT_MAX; i++) {
                struct swb_slot_flags *slot = &flags.slot[i];
                uint8_t *entry;
                int r = find_entry(gpt, copy, (enum swb_slot)i, &entry, err);

                if (r < 0)
                        return r;
                *slot = swb_gpt_entry_flags(entry);
                is_blank = is_blank && slot->priority == 0 && slot->tries == 0 && !slot->successful;
        }
        if (is_blank) /* as partitioning tools leave it */
                return swb_fail(err, -ENODATA, SWB_FAULT_BOOT, "%s: holds no boot flags",
                                gpt->name);
        *ret = flags;
        return 0;
}

static int gpt_read(void *state, struct swb_boot_flags *ret, struct swb_error *err)
{
        struct gpt *gpt = state;
        _cleanup_(swb_gpt_copies_freep) struct swb_gpt_copies *table = NULL;
        int r;

        r = swb_gpt_copies_load(gpt->medium, &table, err);
        if (r >= 0)
                r = read_flags(gpt, &table->copies[swb_gpt_truth(table)], ret, err);
        if (r < 0)
                return r;
        return swb_gpt_copies_agree(table) ? 0 : SWB_BOOT_DEGRADED;
}

/* ---- writing ---- */

static bool is_zero(const uint8_t *data, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (data[i] != 0)
                        return false;
        return true;
}

/*
 * Where the first entries are usually. But some boards have their boot loader there, and the
 * entries further back: what lies there must be nothing, or the same partitions' entries.
 */
static int check_usual_place(const struct gpt *gpt, const struct swb_gpt_copies *table,
                             const struct swb_gpt_copy *truth, struct swb_error *err)
{
        uint8_t sector[SWB_GPT_SECTOR_MAX];
        int r;

        r = swb_gpt_read_sectors(gpt->medium, table, sector, table->sector_bytes,
                                 SWB_GPT_PRIMARY_LBA + 1, err);
        if (r < 0)
                return r;
        if (!is_zero(sector, table->sector_bytes) && memcmp(sector, truth->array, 32) != 0)
                return swb_fail(err, -EUCLEAN, SWB_FAULT_BOOT,
                                "%s: the primary partition table is lost, and in its place lies "
                                "something else; mend it with gdisk",
                                gpt->medium->name);
        return 0;
}

/* What shall be the header of a copy: the one that counts, mirrored. */
static int plan_header(const struct gpt *gpt, const struct swb_gpt_copies *table,
                       enum swb_gpt_which which, struct swb_gpt_header *ret, struct swb_error *err)
{
        const struct swb_gpt_copy *truth = &table->copies[swb_gpt_truth(table)],
                                  *copy = &table->copies[which];
        struct swb_gpt_header header = truth->header;
        uint64_t n = swb_gpt_array_sectors(&header, table->sector_bytes);
        int r = 0;

        if (copy != truth) {
                header.lba = truth->header.other_lba;
                header.other_lba = truth->header.lba;
                header.entries_lba =
                        which == SWB_GPT_PRIMARY ? SWB_GPT_PRIMARY_LBA + 1 : header.lba - n;
                if (copy->has_fields &&
                    swb_gpt_array_bytes(&copy->header) == swb_gpt_array_bytes(&truth->header))
                        header.entries_lba = copy->header.entries_lba;
                else if (which == SWB_GPT_PRIMARY)
                        r = check_usual_place(gpt, table, truth, err);
        }
        if (r < 0)
                return r;
        if (which == SWB_GPT_PRIMARY ? header.entries_lba + n > header.first_usable
                                     : header.entries_lba <= header.last_usable)
                return swb_fail(err, -EUCLEAN, SWB_FAULT_BOOT,
                                "%s: no room for the %s copy of the partition table; mend it with "
                                "gdisk",
                                gpt->medium->name, swb_gpt_which_to_string(which));
        *ret = header;
        return 0;
}

/* Only the sectors that differ, if what lies there is known. */
static int write_array(const struct gpt *gpt, const struct swb_gpt_copies *table,
                       const struct swb_gpt_copy *copy, const struct swb_gpt_header *header,
                       const uint8_t *array, struct swb_error *err)
{
        size_t n_bytes = swb_gpt_array_bytes(header), step = table->sector_bytes;
        uint8_t sector[SWB_GPT_SECTOR_MAX] = {0};
        bool is_known = swb_gpt_copy_is_like(copy, header);
        int r = 0;

        for (size_t at = 0; r >= 0 && at < n_bytes; at += step) {
                size_t n = SWB_MIN(step, n_bytes - at);

                if (is_known && memcmp(copy->array + at, array + at, n) == 0)
                        continue;
                memcpy(sector, array + at, n);
                memset(sector + n, 0, step - n);
                r = gpt->medium->ops->write(gpt->medium, sector, step,
                                            header->entries_lba * step + at, err);
        }
        return r;
}

/* BS-7, for this copy: the next one is written only when this one is good. */
static int check_written(const struct gpt *gpt, struct swb_gpt_copies *table,
                         enum swb_gpt_which which, const uint8_t *array,
                         const struct swb_gpt_header *header, struct swb_error *err)
{
        struct swb_gpt_copy *copy = &table->copies[which];

        swb_gpt_copy_load(gpt->medium, table, copy, header->lba);
        if (copy->error.code < 0) {
                if (err)
                        *err = copy->error;
                return swb_wrap(err, copy->error.code, "read back after a store");
        }
        if (!swb_gpt_copy_is_like(copy, header) ||
            memcmp(copy->array, array, swb_gpt_array_bytes(header)) != 0)
                return swb_fail(err, -EIO, SWB_FAULT_BOOT,
                                "%s: the %s copy of the partition table reads back otherwise than "
                                "it was stored",
                                gpt->medium->name, swb_gpt_which_to_string(which));
        return 0;
}

static int write_copy(const struct gpt *gpt, struct swb_gpt_copies *table, enum swb_gpt_which which,
                      const uint8_t *array, const uint8_t *sample, struct swb_error *err)
{
        const struct swb_gpt_copy *copy = &table->copies[which];
        uint8_t sector[SWB_GPT_SECTOR_MAX];
        struct swb_gpt_header header;
        int r;

        r = plan_header(gpt, table, which, &header, err);
        if (r < 0)
                return r;
        memcpy(sector, sample, table->sector_bytes);
        swb_gpt_header_store(&header, array, sector);
        /* A store that changes nothing still writes to the backup: it may be there to prove that
         * it can. */
        if (which == SWB_GPT_PRIMARY && swb_gpt_copy_is_like(copy, &header) &&
            memcmp(sector, copy->sector, table->sector_bytes) == 0 &&
            memcmp(copy->array, array, swb_gpt_array_bytes(&header)) == 0)
                return 0;
        r = write_array(gpt, table, copy, &header, array, err);
        if (r >= 0)
                r = gpt->medium->ops->write(gpt->medium, sector, table->sector_bytes,
                                            header.lba * table->sector_bytes, err);
        if (r >= 0)
                r = gpt->medium->ops->sync(gpt->medium, err);
        return r < 0 ? r : check_written(gpt, table, which, array, &header, err);
}

static int set_flags(const struct gpt *gpt, const struct swb_gpt_copy *copy,
                     const struct swb_boot_flags *flags, struct swb_error *err)
{
        for (int i = 0; i < _SWB_SLOT_MAX; i++) {
                uint8_t *entry;
                int r = find_entry(gpt, copy, (enum swb_slot)i, &entry, err);

                if (r < 0)
                        return r;
                swb_gpt_entry_set_flags(entry, &flags->slot[i]);
        }
        return 0;
}

static int store(const struct gpt *gpt, const struct swb_boot_flags *flags, struct swb_error *err)
{
        _cleanup_(swb_gpt_copies_freep) struct swb_gpt_copies *table = NULL;
        _cleanup_free_ uint8_t *array = NULL;
        uint8_t sample[SWB_GPT_SECTOR_MAX];
        struct swb_gpt_copy wanted;
        enum swb_gpt_which truth;
        int r;

        r = swb_gpt_copies_load(gpt->medium, &table, err);
        if (r < 0)
                return r;
        truth = swb_gpt_truth(table);
        wanted = table->copies[truth];
        array = malloc(swb_gpt_array_bytes(&wanted.header));
        if (!array)
                return swb_oom(err);
        memcpy(array, wanted.array, swb_gpt_array_bytes(&wanted.header));
        memcpy(sample, wanted.sector, sizeof(sample));
        wanted.array = array;
        r = set_flags(gpt, &wanted, flags, err);
        if (r >= 0)
                r = write_copy(gpt, table,
                               truth == SWB_GPT_PRIMARY ? SWB_GPT_BACKUP : SWB_GPT_PRIMARY, array,
                               sample, err);
        if (r >= 0)
                r = write_copy(gpt, table, truth, array, sample, err);
        return r;
}

static int gpt_store(void *state, const struct swb_boot_flags *flags, struct swb_error *err)
{
        struct gpt *gpt = state;
        int r;

        r = gpt->medium->ops->lock(gpt->medium, err);
        if (r < 0)
                return r;
        r = store(gpt, flags, err);
        gpt->medium->ops->unlock(gpt->medium);
        return r;
}

/* ---- open ---- */

static void gpt_close(void *state)
{
        struct gpt *gpt = state;

        if (!gpt)
                return;
        if (gpt->medium)
                gpt->medium->ops->close(gpt->medium);
        free(gpt->name);
        free(gpt);
}

static void closep(struct gpt **gpt)
{
        gpt_close(*gpt);
}

/* Takes ":N" off the end. */
static bool take_partition(char *place, unsigned *ret_index)
{
        char *colon = strrchr(place, ':');
        uint64_t number;

        if (!colon || swb_parse_u64(colon + 1, &number) < 0 || number == 0 ||
            number > SWB_GPT_ENTRIES_MAX)
                return false;
        *colon = '\0';
        *ret_index = (unsigned)number - 1;
        return true;
}

static int parse_place(const char *place, struct gpt *gpt, char *path, struct swb_error *err)
{
        if (!take_partition(path, &gpt->index[SWB_SLOT_B]) ||
            !take_partition(path, &gpt->index[SWB_SLOT_A]) || *path == '\0')
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "boot place '%s' is not DISK:PARTITION_A:PARTITION_B, the numbers "
                                "of the slots' partitions from 1 to %u",
                                place, SWB_GPT_ENTRIES_MAX);
        if (gpt->index[SWB_SLOT_A] == gpt->index[SWB_SLOT_B])
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "boot place '%s': both slots have the same partition", place);
        return 0;
}

int swb_gpt_open(const char *place,
                 int (*open_medium)(const char *path, struct swb_medium **ret,
                                    struct swb_error *err),
                 void **ret, struct swb_error *err)
{
        _cleanup_(closep) struct gpt *gpt = calloc(1, sizeof(*gpt));
        _cleanup_free_ char *path = strdup(place);
        int r;

        if (!gpt || !path)
                return swb_oom(err);
        gpt->name = strdup(place);
        if (!gpt->name)
                return swb_oom(err);
        r = parse_place(place, gpt, path, err);
        if (r >= 0)
                r = open_medium(path, &gpt->medium, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(gpt);
        return 0;
}

static int gpt_open(const char *place, void **ret, struct swb_error *err)
{
        return swb_gpt_open(place, swb_medium_open, ret, err);
}

const struct swb_boot_ops swb_boot_gpt = {
        .name = "gpt",
        .open = gpt_open,
        .close = gpt_close,
        .read = gpt_read,
        .store = gpt_store,
};
