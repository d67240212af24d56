/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * swb_boot - choose Switchback's slot A or B by the attributes of GPT partitions
 *
 * The attributes are those of Chrome OS's kernel partitions (priority in bits 48
 * to 51, tries in 52 to 55, successful in 56), so that cgpt shows and sets them.
 * The clauses BS-1 to BS-5 are docs/spec/boot.md's, in Switchback's tree.
 *
 * Each call hands out the next slot to try in this boot; a script calls it until
 * a kernel has started or it fails. Of the two copies of the table the first
 * counts if it is whole. A store writes the second, then the first, each of them
 * entries before header, so at any moment one copy is whole.
 */

#include <common.h>

#include <blk.h>
#include <command.h>
#include <env.h>
#include <malloc.h>
#include <memalign.h>
#include <part.h>
#include <part_efi.h>
#include <u-boot/crc.h>

#define PRIORITY_SHIFT 48
#define TRIES_SHIFT 52
#define SUCCESSFUL_SHIFT 56

#define PRIMARY_LBA 1
#define MAX_ENTRIES 1024
#define N_SLOTS 2

struct gpt_copy {
        lbaint_t lba;       /* of the header */
        gpt_header *header; /* one block, as read */
        u8 *entries;        /* NULL: the copy is not whole */
};

struct gpt {
        struct blk_desc *desc;
        struct gpt_copy copies[2];
        struct gpt_copy *good; /* the one that counts */
        u32 entry_bytes;
        u32 n_entries;
        lbaint_t n_blocks; /* of an array of entries */
};

struct slot {
        gpt_entry *entry;
        int part;
        unsigned int priority;
        unsigned int tries;
        bool successful;
};

/* The slots that this boot has had already, and whether the medium takes writes. */
static unsigned int handed_out;
static bool can_count = true;

static lbaint_t blocks_of(struct blk_desc *desc, u32 bytes)
{
        return (bytes + desc->blksz - 1) / desc->blksz;
}

static u32 header_crc(gpt_header *header)
{
        __le32 stored = header->header_crc32;
        u32 crc;

        header->header_crc32 = 0;
        crc = crc32(0, (u8 *)header, le32_to_cpu(header->header_size));
        header->header_crc32 = stored;
        return crc;
}

static bool header_is_whole(struct blk_desc *desc, gpt_header *header, lbaint_t lba)
{
        u32 header_bytes = le32_to_cpu(header->header_size);
        u32 entry_bytes = le32_to_cpu(header->sizeof_partition_entry);
        u32 n_entries = le32_to_cpu(header->num_partition_entries);
        u64 first = le64_to_cpu(header->partition_entry_lba);
        lbaint_t n_blocks;

        if (le64_to_cpu(header->signature) != GPT_HEADER_SIGNATURE_UBOOT)
                return false;
        if (header_bytes < sizeof(*header) || header_bytes > desc->blksz)
                return false;
        if (header_crc(header) != le32_to_cpu(header->header_crc32))
                return false;
        if (le64_to_cpu(header->my_lba) != lba)
                return false;
        if (entry_bytes < sizeof(gpt_entry) || entry_bytes > desc->blksz || entry_bytes % 8)
                return false;
        if (!n_entries || n_entries > MAX_ENTRIES)
                return false;
        n_blocks = blocks_of(desc, n_entries * entry_bytes);
        return first > PRIMARY_LBA && first < desc->lba && n_blocks <= desc->lba - first;
}

/* Leaves copy->entries NULL where anything is wrong with the copy. */
static void read_copy(struct blk_desc *desc, lbaint_t lba, struct gpt_copy *copy)
{
        lbaint_t n_blocks;
        u8 *entries;
        u32 bytes;

        copy->lba = lba;
        if (blk_dread(desc, lba, 1, copy->header) != 1 || !header_is_whole(desc, copy->header, lba))
                return;
        bytes = le32_to_cpu(copy->header->num_partition_entries) *
                le32_to_cpu(copy->header->sizeof_partition_entry);
        n_blocks = blocks_of(desc, bytes);
        entries = malloc_cache_aligned(n_blocks * desc->blksz);
        if (!entries)
                return;
        if (blk_dread(desc, le64_to_cpu(copy->header->partition_entry_lba), n_blocks, entries) !=
                    n_blocks ||
            crc32(0, entries, bytes) != le32_to_cpu(copy->header->partition_entry_array_crc32)) {
                free(entries);
                return;
        }
        copy->entries = entries;
}

static void gpt_done(struct gpt *gpt)
{
        int i;

        for (i = 0; i < 2; i++) {
                free(gpt->copies[i].entries);
                free(gpt->copies[i].header);
        }
}

/* A second copy of another shape is none of this table. */
static void drop_foreign(const struct gpt_copy *primary, struct gpt_copy *backup)
{
        if (!primary->entries || !backup->entries)
                return;
        if (primary->header->num_partition_entries == backup->header->num_partition_entries &&
            primary->header->sizeof_partition_entry == backup->header->sizeof_partition_entry)
                return;
        free(backup->entries);
        backup->entries = NULL;
}

static int gpt_read(struct gpt *gpt, struct blk_desc *desc)
{
        lbaint_t backup = desc->lba - 1;
        int i;

        memset(gpt, 0, sizeof(*gpt));
        gpt->desc = desc;
        for (i = 0; i < 2; i++) {
                gpt->copies[i].header = malloc_cache_aligned(desc->blksz);
                if (!gpt->copies[i].header)
                        return -ENOMEM;
        }
        read_copy(desc, PRIMARY_LBA, &gpt->copies[0]);
        if (gpt->copies[0].entries)
                backup = le64_to_cpu(gpt->copies[0].header->alternate_lba);
        if (backup > PRIMARY_LBA && backup < desc->lba)
                read_copy(desc, backup, &gpt->copies[1]);
        drop_foreign(&gpt->copies[0], &gpt->copies[1]);
        gpt->good = gpt->copies[0].entries ? &gpt->copies[0] : &gpt->copies[1];
        if (!gpt->good->entries)
                return -EBADMSG;
        gpt->entry_bytes = le32_to_cpu(gpt->good->header->sizeof_partition_entry);
        gpt->n_entries = le32_to_cpu(gpt->good->header->num_partition_entries);
        gpt->n_blocks = blocks_of(desc, gpt->entry_bytes * gpt->n_entries);
        return 0;
}

/* Writes the good copy's entries to where copy is, and reads them back. */
static int write_copy(struct gpt *gpt, struct gpt_copy *copy, lbaint_t other_lba)
{
        struct blk_desc *desc = gpt->desc;
        gpt_header *header = copy->header;
        struct gpt_copy check = {};
        u64 first = copy->lba == PRIMARY_LBA ? PRIMARY_LBA + 1 : copy->lba - gpt->n_blocks;
        int r = -EIO;

        if (copy->entries)
                first = le64_to_cpu(header->partition_entry_lba);
        if (copy != gpt->good)
                memcpy(header, gpt->good->header, desc->blksz);
        header->my_lba = cpu_to_le64(copy->lba);
        header->alternate_lba = cpu_to_le64(other_lba);
        header->partition_entry_lba = cpu_to_le64(first);
        header->partition_entry_array_crc32 =
                cpu_to_le32(crc32(0, gpt->good->entries, gpt->entry_bytes * gpt->n_entries));
        header->header_crc32 = cpu_to_le32(header_crc(header));
        if (blk_dwrite(desc, first, gpt->n_blocks, gpt->good->entries) != gpt->n_blocks ||
            blk_dwrite(desc, copy->lba, 1, header) != 1)
                return -EIO;

        check.header = malloc_cache_aligned(desc->blksz);
        if (!check.header)
                return -ENOMEM;
        read_copy(desc, copy->lba, &check);
        if (check.entries &&
            !memcmp(check.entries, gpt->good->entries, gpt->n_blocks * desc->blksz))
                r = 0;
        free(check.entries);
        free(check.header);
        return r;
}

static int gpt_store(struct gpt *gpt)
{
        struct gpt_copy *primary = &gpt->copies[0], *backup = &gpt->copies[1];
        int r;

        if (!backup->lba)
                backup->lba = gpt->desc->lba - 1;
        r = write_copy(gpt, backup, primary->lba);
        return r ? r : write_copy(gpt, primary, backup->lba);
}

static bool label_is(gpt_entry *entry, const char *label)
{
        size_t n = strlen(label), i;

        if (n > PARTNAME_SZ)
                return false;
        for (i = 0; i < n; i++)
                if (le16_to_cpu(entry->partition_name[i]) != label[i])
                        return false;
        return n == PARTNAME_SZ || !entry->partition_name[n];
}

static int find_slot(struct gpt *gpt, const char *label, struct slot *slot)
{
        u64 attributes;
        u32 i;

        for (i = 0; i < gpt->n_entries; i++) {
                slot->entry = (gpt_entry *)(gpt->good->entries + i * gpt->entry_bytes);
                if (label_is(slot->entry, label))
                        break;
        }
        if (i == gpt->n_entries) {
                printf("Switchback: no partition is called %s\n", label);
                return -ENOENT;
        }
        attributes = le64_to_cpu(slot->entry->attributes.raw);
        slot->part = i + 1;
        slot->priority = attributes >> PRIORITY_SHIFT & 15;
        slot->tries = attributes >> TRIES_SHIFT & 15;
        slot->successful = attributes >> SUCCESSFUL_SHIFT & 1;
        return 0;
}

/* BS-1; without a medium that counts only successful slots are candidates. */
static bool is_candidate(const struct slot *slot)
{
        return slot->priority && (slot->successful || (slot->tries && can_count));
}

/* BS-1 before BS-4; -1: none is left. */
static int choose(const struct slot *slots, bool *recovery)
{
        int best = -1, rank, best_rank = -1, i;

        *recovery = true;
        for (i = 0; i < N_SLOTS; i++)
                if (!(handed_out & BIT(i)) && is_candidate(&slots[i]))
                        *recovery = false;
        for (i = 0; i < N_SLOTS; i++) {
                if (handed_out & BIT(i))
                        continue;
                if (*recovery)
                        rank = slots[i].successful * 16 + slots[i].priority;
                else
                        rank = is_candidate(&slots[i]) ? (int)slots[i].priority : -1;
                if (rank > best_rank) {
                        best = i;
                        best_rank = rank;
                }
        }
        return best;
}

/* BS-2 */
static int count_down(struct gpt *gpt, struct slot *slot)
{
        u64 attributes = le64_to_cpu(slot->entry->attributes.raw);

        attributes -= 1ULL << TRIES_SHIFT;
        slot->entry->attributes.raw = cpu_to_le64(attributes);
        slot->tries--;
        return gpt_store(gpt);
}

static int next_slot(struct gpt *gpt, struct slot *slots)
{
        bool recovery;
        int chosen = choose(slots, &recovery);

        if (chosen < 0 || recovery || slots[chosen].successful)
                return chosen;
        if (!count_down(gpt, &slots[chosen]))
                return chosen;
        printf("Switchback: the try cannot be counted, looking for a slot that needs none\n");
        can_count = false;
        return choose(slots, &recovery);
}

static int hand_out(const struct slot *slots, int chosen)
{
        if (chosen < 0) {
                printf("Switchback: no slot is left\n");
                return CMD_RET_FAILURE;
        }
        handed_out |= BIT(chosen);
        if (!slots[chosen].successful)
                printf("Switchback: slot %c, %u tries left after this one\n", 'A' + chosen,
                       slots[chosen].tries);
        printf("Switchback: booting slot %c\n", 'A' + chosen);
        env_set("swb_slot", chosen ? "B" : "A");
        env_set_hex("swb_part", slots[chosen].part);
        env_set("swb_marker", can_count ? "1" : "0");
        return CMD_RET_SUCCESS;
}

static int do_swb_boot(struct cmd_tbl *cmdtp, int flag, int argc, char *const argv[])
{
        struct slot slots[N_SLOTS];
        struct blk_desc *desc;
        struct gpt gpt;
        int i, r;

        if (argc != 5)
                return CMD_RET_USAGE;
        if (blk_get_device_by_str(argv[1], argv[2], &desc) < 0)
                return CMD_RET_FAILURE;
        r = gpt_read(&gpt, desc);
        if (r)
                printf("Switchback: %s %s: no copy of the GPT is whole\n", argv[1], argv[2]);
        for (i = 0; i < N_SLOTS && !r; i++)
                r = find_slot(&gpt, argv[3 + i], &slots[i]);
        if (!r) {
                printf("Switchback: A %u/%u/%d, B %u/%u/%d (priority/tries/successful)\n",
                       slots[0].priority, slots[0].tries, slots[0].successful, slots[1].priority,
                       slots[1].tries, slots[1].successful);
                r = hand_out(slots, next_slot(&gpt, slots));
        } else {
                r = CMD_RET_FAILURE;
        }
        gpt_done(&gpt);
        return r;
}

U_BOOT_CMD(swb_boot, 5, 0, do_swb_boot, "choose slot A or B by its GPT attributes",
           "<interface> <dev> <label of A> <label of B>\n"
           "    - sets swb_slot (A or B), swb_part (its partition) and swb_marker for\n"
           "      swb.boot=; each call in one boot gives the next slot, until it fails");
