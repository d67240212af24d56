/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The back end "gpt" on a disk in memory whose plug can be pulled: all writes and syncs of a store
 * are recorded, then every state that a power cut can leave is made of them: each subset of the
 * sectors that no sync had confirmed, with one of them cut in the middle, too.
 */
#include "base/test.h"

#include "base/endian.h"
#include "device/boot/gpt.h"
#include "device/boot/gpt_table.h"
#include "device/boot/ops.h"

#define SECTOR 512
#define SECTORS 96
#define DISK_BYTES (SECTOR * SECTORS)
#define ENTRIES_LBA 2
#define ARRAY_SECTORS 4 /* 16 entries */
#define BACKUP_LBA (SECTORS - 1)
#define BACKUP_ENTRIES_LBA (BACKUP_LBA - ARRAY_SECTORS)
#define SLOT_A 3 /* partitions in different sectors of the array */
#define SLOT_B 9
#define PLACE "disk:3:9"
#define WRITES_MAX 16

struct record {
        uint64_t lba;
        uint8_t data[SECTOR];
        unsigned epoch; /* syncs before it */
};

struct disk {
        struct swb_medium medium;
        uint8_t *data; /* of the test */
        struct record writes[WRITES_MAX];
        size_t n_writes;
        unsigned n_syncs;
        bool loses_writes;
        uint64_t bad_lba; /* can't be read, until written; 0: none */
};

static int disk_read(struct swb_medium *medium, void *data, size_t n_bytes, uint64_t offset,
                     struct swb_error *err)
{
        struct disk *disk = (struct disk *)medium;

        if (offset + n_bytes > DISK_BYTES || (disk->bad_lba && offset <= disk->bad_lba * SECTOR &&
                                              offset + n_bytes > disk->bad_lba * SECTOR))
                return swb_fail(err, -EIO, SWB_FAULT_BOOT, "disk: bad sector");
        memcpy(data, disk->data + offset, n_bytes);
        return 0;
}

static int disk_write(struct swb_medium *medium, const void *data, size_t n_bytes, uint64_t offset,
                      struct swb_error *err)
{
        struct disk *disk = (struct disk *)medium;
        struct record *record = &disk->writes[disk->n_writes];

        (void)err;
        assert_int_equal(n_bytes, SECTOR);
        assert_int_equal(offset % SECTOR, 0);
        assert_in_range(offset, SECTOR, DISK_BYTES - SECTOR);
        assert_true(disk->n_writes < WRITES_MAX);
        record->lba = offset / SECTOR;
        record->epoch = disk->n_syncs;
        memcpy(record->data, data, SECTOR);
        disk->n_writes++;
        if (!disk->loses_writes)
                memcpy(disk->data + offset, data, SECTOR);
        if (record->lba == disk->bad_lba)
                disk->bad_lba = 0;
        return 0;
}

static int disk_sync(struct swb_medium *medium, struct swb_error *err)
{
        (void)err;
        ((struct disk *)medium)->n_syncs++;
        return 0;
}

static int disk_lock(struct swb_medium *medium, struct swb_error *err)
{
        (void)medium;
        (void)err;
        return 0;
}

static void disk_nothing(struct swb_medium *medium)
{
        (void)medium;
}

static const struct swb_medium_ops disk_ops = {
        .read = disk_read,
        .write = disk_write,
        .sync = disk_sync,
        .lock = disk_lock,
        .unlock = disk_nothing,
        .close = disk_nothing,
};

static struct disk the_disk; /* swb_gpt_open() gives its opener no context */

static int open_disk(const char *path, struct swb_medium **ret, struct swb_error *err)
{
        (void)path;
        (void)err;
        *ret = &the_disk.medium;
        return 0;
}

static void *open_on(uint8_t *data)
{
        struct swb_error err = SWB_ERROR_INIT;
        void *gpt = NULL;

        the_disk = (struct disk){.medium = {&disk_ops, (char *)"disk", DISK_BYTES, SECTOR},
                                 .data = data};
        assert_ok(swb_gpt_open(PLACE, open_disk, &gpt, &err), &err);
        return gpt;
}

/* ---- a disk ---- */

static void put_header(uint8_t *disk, const struct swb_gpt_header *h)
{
        uint8_t *sector = disk + h->lba * SECTOR;

        memcpy(sector, "EFI PART", 8);
        swb_put_le32(sector + 8, 0x10000);
        swb_put_le32(sector + 12, h->n_bytes);
        swb_put_le64(sector + 40, h->first_usable);
        swb_put_le64(sector + 48, h->last_usable);
        memset(sector + 56, 0x55, 16);
        swb_put_le32(sector + 80, h->n_entries);
        swb_put_le32(sector + 84, h->entry_bytes);
        swb_gpt_header_store(h, disk + h->entries_lba * SECTOR, sector);
}

static struct swb_gpt_header header_of(bool is_backup)
{
        return (struct swb_gpt_header){
                .lba = is_backup ? BACKUP_LBA : 1,
                .other_lba = is_backup ? 1 : BACKUP_LBA,
                .entries_lba = is_backup ? BACKUP_ENTRIES_LBA : ENTRIES_LBA,
                .first_usable = ENTRIES_LBA + ARRAY_SECTORS,
                .last_usable = BACKUP_ENTRIES_LBA - 1,
                .n_bytes = 92,
                .n_entries = ARRAY_SECTORS * SECTOR / 128,
                .entry_bytes = 128,
        };
}

static void put_copy(uint8_t *disk, bool is_backup, const struct swb_boot_flags *flags)
{
        struct swb_gpt_header h = header_of(is_backup);
        uint8_t *array = disk + h.entries_lba * SECTOR;

        for (unsigned i = 0; i < 12; i++) {
                memset(array + i * 128, (int)(0x10 + i), 48); /* type, GUID, place */
                memset(array + i * 128 + 56, (int)('a' + i), 12);
        }
        swb_gpt_entry_set_flags(array + (SLOT_A - 1) * 128, &flags->slot[SWB_SLOT_A]);
        swb_gpt_entry_set_flags(array + (SLOT_B - 1) * 128, &flags->slot[SWB_SLOT_B]);
        put_header(disk, &h);
}

static uint8_t *make_disk(const struct swb_boot_flags *flags)
{
        uint8_t *disk = calloc(1, DISK_BYTES);

        assert_non_null(disk);
        memset(disk, 0xfa, SECTOR); /* the protective MBR is not ours */
        memset(disk + (ENTRIES_LBA + ARRAY_SECTORS) * SECTOR, 0xda, 50 * SECTOR);
        put_copy(disk, false, flags);
        put_copy(disk, true, flags);
        return disk;
}

static bool is_same(const struct swb_boot_flags *a, const struct swb_boot_flags *b)
{
        for (int i = 0; i < _SWB_SLOT_MAX; i++)
                if (a->slot[i].priority != b->slot[i].priority ||
                    a->slot[i].tries != b->slot[i].tries ||
                    a->slot[i].successful != b->slot[i].successful)
                        return false;
        return true;
}

/* What a reader sees; negative: nothing. */
static int look(uint8_t *disk, struct swb_boot_flags *ret)
{
        struct swb_error err = SWB_ERROR_INIT;
        void *gpt = open_on(disk);
        int r = swb_boot_gpt.read(gpt, ret, &err);

        swb_boot_gpt.close(gpt);
        return r;
}

static void store(uint8_t *disk, const struct swb_boot_flags *flags)
{
        struct swb_error err = SWB_ERROR_INIT;
        void *gpt = open_on(disk);

        assert_ok(swb_boot_gpt.store(gpt, flags, &err), &err);
        swb_boot_gpt.close(gpt);
}

/* ---- power cuts ---- */

static const size_t cuts[] = {24, 250, 1, 16, 50, 88, 90, 100, 511};
#define CUTS_FEW 2 /* of them, for crashes after crashes */

typedef void (*judge_t)(uint8_t *disk, const void *context);

/* The disk after all writes before `first` and those of `subset` behind it, one of them cut. */
static void lay(uint8_t *disk, const uint8_t *before, const struct record *writes, size_t first,
                size_t subset, size_t torn, size_t cut)
{
        memcpy(disk, before, DISK_BYTES);
        for (size_t i = 0; i < first; i++)
                memcpy(disk + writes[i].lba * SECTOR, writes[i].data, SECTOR);
        for (size_t i = 0; subset >> i; i++)
                if (subset >> i & 1)
                        memcpy(disk + writes[first + i].lba * SECTOR, writes[first + i].data,
                               i == torn ? cut : SECTOR);
}

/* Calls judge with each state between `before` and the end of what the_disk recorded. */
static size_t each_crash(const uint8_t *before, size_t n_cuts, judge_t judge, const void *context)
{
        _cleanup_free_ struct record *writes = malloc(sizeof(the_disk.writes));
        _cleanup_free_ uint8_t *disk = malloc(DISK_BYTES);
        size_t n_writes = the_disk.n_writes, n_states = 0, first = 0, n;

        assert_non_null(writes);
        assert_non_null(disk);
        memcpy(writes, the_disk.writes, sizeof(the_disk.writes));
        for (; first < n_writes; first += n) {
                for (n = 1; first + n < n_writes; n++)
                        if (writes[first + n].epoch != writes[first].epoch)
                                break;
                for (size_t subset = 0; subset >> n == 0; subset++) {
                        for (size_t c = 0; c < 1 + n * n_cuts; c++) {
                                size_t torn = c == 0 ? n : (c - 1) / n_cuts;

                                if (c > 0 && !(subset >> torn & 1))
                                        continue;
                                lay(disk, before, writes, first, subset, torn,
                                    cuts[(c + n_cuts - 1) % n_cuts]);
                                judge(disk, context);
                                n_states++;
                        }
                }
        }
        return n_states;
}

struct change {
        struct swb_boot_flags from, to;
        bool again; /* a second store over the crash's state, cut as well */
};

static void must_be_old_or_new(uint8_t *disk, const void *context)
{
        const struct change *change = context;
        struct swb_boot_flags is;
        int r = look(disk, &is);

        if (r < 0)
                fail_msg("no flags can be read any more: %d", r);
        if (!is_same(&is, &change->from) && !is_same(&is, &change->to))
                fail_msg("flags %u %u %d / %u %u %d are neither old nor new", is.slot[0].priority,
                         is.slot[0].tries, is.slot[0].successful, is.slot[1].priority,
                         is.slot[1].tries, is.slot[1].successful);
}

/* The next start heals, and is cut as well; at the end both copies say the same. */
static void must_heal(uint8_t *disk, const void *context)
{
        _cleanup_free_ uint8_t *before = malloc(DISK_BYTES);
        struct change change = *(const struct change *)context;
        struct swb_boot_flags is;
        int r = look(disk, &is);

        must_be_old_or_new(disk, context);
        if (r == 0)
                return;
        assert_non_null(before);
        memcpy(before, disk, DISK_BYTES);
        store(disk, &is);
        change.from = change.to = is;
        (void)each_crash(before, CUTS_FEW, must_be_old_or_new, &change);
        assert_int_equal(look(disk, &is), 0);
        assert_true(is_same(&is, &change.to));
}

static const struct change changes[] = {
        /* activate B; clear A; mark B good; count a try down; from nothing */
        {{{{15, 0, true}, {0, 0, false}}}, {{{14, 0, true}, {15, 3, false}}}, true},
        {{{{14, 0, true}, {15, 3, true}}}, {{{0, 0, false}, {15, 3, true}}}, true},
        {{{{14, 0, true}, {15, 2, false}}}, {{{14, 0, true}, {15, 2, true}}}, false},
        {{{{14, 0, true}, {15, 2, false}}}, {{{14, 0, true}, {15, 1, false}}}, false},
};

static void every_cut_leaves_old_or_new_flags(void **state)
{
        size_t n_states = 0;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(changes); i++) {
                const struct change *change = &changes[i];
                _cleanup_free_ uint8_t *before = make_disk(&change->from);
                _cleanup_free_ uint8_t *disk = make_disk(&change->from);
                struct swb_boot_flags is;

                store(disk, &change->to);
                assert_int_equal(the_disk.n_syncs, 2);
                assert_int_equal(the_disk.writes[0].epoch, 0);
                assert_in_range(the_disk.writes[0].lba, BACKUP_ENTRIES_LBA, BACKUP_LBA);
                n_states += each_crash(before, SWB_ELEMENTS(cuts),
                                       change->again ? must_heal : must_be_old_or_new, change);
                assert_int_equal(look(disk, &is), 0);
                assert_true(is_same(&is, &change->to));
                assert_int_equal(disk[0], 0xfa);
        }
        assert_true(n_states > 300);
}

/* With one copy lost the other one must not be touched before the first is there again. */
static void every_cut_while_a_copy_is_bad_is_survived(void **state)
{
        static const uint64_t victims[] = {1, ENTRIES_LBA, ENTRIES_LBA + 2, BACKUP_LBA,
                                           BACKUP_ENTRIES_LBA + 1};

        (void)state;
        for (size_t v = 0; v < SWB_ELEMENTS(victims); v++) {
                for (int kind = 0; kind < 2; kind++) {
                        const struct change *change = &changes[0];
                        _cleanup_free_ uint8_t *disk = make_disk(&change->from);
                        _cleanup_free_ uint8_t *before = malloc(DISK_BYTES);
                        struct swb_boot_flags is;

                        assert_non_null(before);
                        disk[victims[v] * SECTOR + 40] ^= 0xff;
                        if (kind == 1)
                                memset(disk + victims[v] * SECTOR, 0, SECTOR);
                        memcpy(before, disk, DISK_BYTES);
                        assert_int_equal(look(disk, &is), SWB_BOOT_DEGRADED);
                        assert_true(is_same(&is, &change->from));
                        store(disk, &change->to);
                        (void)each_crash(before, SWB_ELEMENTS(cuts), must_be_old_or_new, change);
                        assert_int_equal(look(disk, &is), 0);
                        assert_true(is_same(&is, &change->to));
                }
        }
}

/* Each sector of a copy spoilt, one after the other: the flags stay, a store mends it. */
static void every_spoilt_sector_is_mended(void **state)
{
        const struct swb_boot_flags flags = {{{15, 0, true}, {14, 1, false}}};

        (void)state;
        for (uint64_t lba = 1; lba < SECTORS; lba++) {
                _cleanup_free_ uint8_t *disk = make_disk(&flags), *whole = make_disk(&flags);
                struct swb_boot_flags is;
                bool is_ours = lba < ENTRIES_LBA + ARRAY_SECTORS || lba >= BACKUP_ENTRIES_LBA;

                disk[lba * SECTOR + 20] ^= 0x40;
                assert_int_equal(look(disk, &is), is_ours ? SWB_BOOT_DEGRADED : 0);
                assert_true(is_same(&is, &flags));
                store(disk, &flags);
                if (is_ours)
                        assert_memory_equal(disk, whole, DISK_BYTES);
        }
}

static void a_sector_that_cannot_be_read_is_written_anew(void **state)
{
        static const uint64_t victims[] = {1, ENTRIES_LBA + 1, BACKUP_LBA, BACKUP_ENTRIES_LBA};
        const struct swb_boot_flags flags = {{{15, 0, true}, {14, 1, false}}};

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(victims); i++) {
                _cleanup_free_ uint8_t *disk = make_disk(&flags);
                struct swb_error err = SWB_ERROR_INIT;
                struct swb_boot_flags is;
                void *gpt = open_on(disk);

                the_disk.bad_lba = victims[i];
                assert_int_equal(swb_boot_gpt.read(gpt, &is, &err), SWB_BOOT_DEGRADED);
                assert_true(is_same(&is, &flags));
                assert_ok(swb_boot_gpt.store(gpt, &flags, &err), &err);
                assert_int_equal(swb_boot_gpt.read(gpt, &is, &err), 0);
                swb_boot_gpt.close(gpt);
        }
}

static void other_bytes_in_the_place_of_the_table_are_not_overwritten(void **state)
{
        const struct swb_boot_flags flags = {{{15, 0, true}, {14, 1, false}}};
        _cleanup_free_ uint8_t *disk = make_disk(&flags), *before = malloc(DISK_BYTES);
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags is;
        void *gpt;

        (void)state;
        assert_non_null(before);
        memset(disk + SECTOR, 0, SECTOR); /* no header that tells where the entries were */
        memset(disk + ENTRIES_LBA * SECTOR, 0xea, SECTOR);
        memcpy(before, disk, DISK_BYTES);
        assert_int_equal(look(disk, &is), SWB_BOOT_DEGRADED);
        gpt = open_on(disk);
        assert_fault(swb_boot_gpt.store(gpt, &flags, &err), &err, SWB_FAULT_BOOT);
        assert_non_null(strstr(err.text, "gdisk"));
        assert_memory_equal(disk, before, DISK_BYTES);
        swb_boot_gpt.close(gpt);
}

static void a_disk_that_loses_writes_is_noticed(void **state)
{
        const struct change *change = &changes[0];
        _cleanup_free_ uint8_t *disk = make_disk(&change->from);
        struct swb_error err = SWB_ERROR_INIT;
        void *gpt = open_on(disk);

        (void)state;
        the_disk.loses_writes = true;
        assert_fault(swb_boot_gpt.store(gpt, &change->to, &err), &err, SWB_FAULT_BOOT);
        assert_non_null(strstr(err.text, "backup copy"));
        swb_boot_gpt.close(gpt);
}

static void a_store_that_changes_nothing_writes_to_the_backup_only(void **state)
{
        const struct swb_boot_flags flags = {{{15, 0, true}, {14, 1, false}}};
        _cleanup_free_ uint8_t *disk = make_disk(&flags);

        (void)state;
        store(disk, &flags);
        assert_int_equal(the_disk.n_writes, 1);
        assert_int_equal(the_disk.writes[0].lba, BACKUP_LBA);
}

static void says_what_is_missing(void **state)
{
        const struct swb_boot_flags blank = {0};
        _cleanup_free_ uint8_t *disk = make_disk(&blank);
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags is;
        void *gpt;

        (void)state;
        assert_int_equal(look(disk, &is), -ENODATA); /* never written */
        memset(disk + SECTOR, 0, SECTOR);
        memset(disk + BACKUP_LBA * SECTOR, 0, SECTOR);
        assert_int_equal(look(disk, &is), -EUCLEAN);
        assert_fault(swb_gpt_open("disk:3:3", open_disk, &gpt, &err), &err, SWB_FAULT_CONFIG);
        assert_fault(swb_gpt_open("disk:3", open_disk, &gpt, &err), &err, SWB_FAULT_CONFIG);
        assert_fault(swb_gpt_open("3:4", open_disk, &gpt, &err), &err, SWB_FAULT_CONFIG);
        assert_fault(swb_gpt_open("disk:0:4", open_disk, &gpt, &err), &err, SWB_FAULT_CONFIG);
        assert_fault(swb_boot_gpt.open("/nowhere/disk:3:4", &gpt, &err), &err, SWB_FAULT_BOOT);
        assert_non_null(strstr(err.text, "/nowhere/disk"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_cut_leaves_old_or_new_flags),
                cmocka_unit_test(every_cut_while_a_copy_is_bad_is_survived),
                cmocka_unit_test(every_spoilt_sector_is_mended),
                cmocka_unit_test(a_sector_that_cannot_be_read_is_written_anew),
                cmocka_unit_test(other_bytes_in_the_place_of_the_table_are_not_overwritten),
                cmocka_unit_test(a_disk_that_loses_writes_is_noticed),
                cmocka_unit_test(a_store_that_changes_nothing_writes_to_the_backup_only),
                cmocka_unit_test(says_what_is_missing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
