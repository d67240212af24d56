/* SPDX-License-Identifier: Apache-2.0 */
/*
 * erofs: a superblock at 1024, inodes in slots of 32 bytes, folders that are not compressed. Behind
 * a compressed file's inode an index says for each 4 KiB of the file whether a cluster begins in
 * it, where in it, and in which block the cluster lies. Clusters of one block packed with LZ4 are
 * what is looked for; what does not make sense is left out: it stays plain.
 */
#include <string.h>

#include "open/erofs.h"
#include "open/spans.h"

#define SUPERBLOCK_AT 1024u
#define SUPERBLOCK_BYTES 128u
#define MAGIC 0xe0f5e1e2u
#define BLOCK SWB_EROFS_CLUSTER_BYTES
#define BLOCK_BITS 12u
#define SLOT_BYTES 32u
#define INODES_MAX ((size_t)1 << 20)
#define ENTRY_BYTES 12u /* of a folder */
#define LAYOUT_PLAIN 0u
#define LAYOUT_INDEX 1u
#define LAYOUT_INLINE 2u
#define LAYOUT_COMPACT 3u
#define MAP_HEAD_BYTES 8u
#define ADVICE_PAIRS 0x0001u /* packs of 16 entries */
#define ADVICE_LARGE 0x0006u /* clusters of several blocks */
#define ADVICE_OTHER 0x0038u /* tails kept elsewhere, interlaced clusters */
#define TYPE_LZ4 1u          /* a packed cluster begins */
#define TYPE_NONE 2u         /* none begins */

struct erofs {
        const uint8_t *data;
        size_t n;
        struct swb_spans *spans;
        unsigned group;
        uint64_t inodes; /* where they begin */
        uint8_t *seen;   /* a bit for a slot */
        uint64_t *queue; /* slots of inodes to look at */
        size_t n_queue, n_done, cap;
        struct swb_span run; /* clusters, one behind the other */
        uint64_t n_to_hash;  /* bytes of files; what is above that has no hash */
};

struct inode {
        size_t at, n; /* the inode itself, and attributes */
        unsigned layout, mode;
        uint64_t n_bytes;
        uint32_t block;
};

static uint16_t get_le16(const uint8_t *p)
{
        return (uint16_t)(p[0] | p[1] << 8);
}

static bool read_superblock(struct erofs *fs)
{
        const uint8_t *p = fs->data + SUPERBLOCK_AT;
        uint64_t n_bytes;

        if (fs->n < SUPERBLOCK_AT + SUPERBLOCK_BYTES || swb_get_le32(p) != MAGIC ||
            p[12] != BLOCK_BITS)
                return false;
        n_bytes = (uint64_t)swb_get_le32(p + 36) << BLOCK_BITS;
        fs->inodes = (uint64_t)swb_get_le32(p + 40) << BLOCK_BITS;
        if (n_bytes == 0 || n_bytes > fs->n || fs->inodes >= n_bytes)
                return false;
        fs->n = (size_t)n_bytes;
        fs->n_to_hash = 2 * n_bytes;
        return true;
}

/* ---- inodes and folders */

static int add_inode(struct erofs *fs, uint64_t slot)
{
        if (slot >= (fs->n - fs->inodes) / SLOT_BYTES || fs->seen[slot / 8] >> slot % 8 & 1 ||
            fs->n_queue == INODES_MAX)
                return 0;
        if (fs->n_queue == fs->cap) {
                size_t cap = fs->cap ? fs->cap * 2 : 256;
                uint64_t *bigger = reallocarray(fs->queue, cap, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                fs->queue = bigger;
                fs->cap = cap;
        }
        fs->seen[slot / 8] |= (uint8_t)(1u << slot % 8);
        fs->queue[fs->n_queue++] = slot;
        return 0;
}

static bool read_inode(const struct erofs *fs, uint64_t slot, struct inode *ret)
{
        size_t at = (size_t)(fs->inodes + slot * SLOT_BYTES), n;
        const uint8_t *p = fs->data + at;
        unsigned format, n_attributes;

        if (fs->n - at < SLOT_BYTES)
                return false;
        format = get_le16(p);
        n = format & 1 ? 64 : 32;
        if (fs->n - at < n)
                return false;
        n_attributes = get_le16(p + 2);
        *ret = (struct inode){.at = at,
                              .n = n + (n_attributes > 0 ? 12 + 4 * (n_attributes - 1u) : 0),
                              .layout = format >> 1 & 7,
                              .mode = get_le16(p + 4),
                              .n_bytes = format & 1 ? swb_get_le64(p + 8) : swb_get_le32(p + 8),
                              .block = swb_get_le32(p + 16)};
        return ret->n <= fs->n - at;
}

/* A block of a folder: entries, then their names. */
static int read_entries(struct erofs *fs, size_t at, size_t n)
{
        unsigned n_entries = n >= ENTRY_BYTES ? get_le16(fs->data + at + 8) / ENTRY_BYTES : 0;
        int r = 0;

        for (size_t i = 0; i < n_entries && (i + 1) * ENTRY_BYTES <= n && r >= 0; i++)
                r = add_inode(fs, swb_get_le64(fs->data + at + i * ENTRY_BYTES));
        return r;
}

static int read_folder(struct erofs *fs, const struct inode *inode)
{
        uint64_t n_blocks = inode->n_bytes >> BLOCK_BITS;
        size_t n_tail = (size_t)(inode->n_bytes & (BLOCK - 1)), tail = inode->at + inode->n;
        int r = 0;

        if (inode->layout != LAYOUT_PLAIN && inode->layout != LAYOUT_INLINE)
                return 0;
        for (uint64_t i = 0; i < n_blocks && r >= 0; i++) {
                uint64_t at = ((uint64_t)inode->block + i) << BLOCK_BITS;

                if (at > fs->n - BLOCK)
                        return 0;
                r = read_entries(fs, (size_t)at, BLOCK);
        }
        if (r < 0 || n_tail == 0)
                return r;
        if (inode->layout == LAYOUT_PLAIN)
                tail = (size_t)SWB_MIN(((uint64_t)inode->block + n_blocks) << BLOCK_BITS,
                                       (uint64_t)fs->n);
        return n_tail <= fs->n - tail ? read_entries(fs, tail, n_tail) : 0;
}

/* ---- clusters */

static int end_run(struct erofs *fs)
{
        struct swb_span run = fs->run;

        fs->run.n_encoded = 0;
        return run.n_encoded > 0 ? swb_spans_add(fs->spans, &run) : 0;
}

/* The next cluster of a file. */
static int add_cluster(struct erofs *fs, unsigned type, uint64_t block)
{
        uint64_t at = block << BLOCK_BITS;
        int r = 0;

        if (type == TYPE_LZ4 && fs->run.n_encoded > 0 && at == fs->run.offset + fs->run.n_encoded &&
            at <= fs->n - BLOCK) {
                fs->run.n_encoded += BLOCK;
                return 0;
        }
        r = end_run(fs);
        if (type == TYPE_LZ4 && at <= fs->n - BLOCK)
                fs->run = (struct swb_span){.offset = (size_t)at,
                                            .n_encoded = BLOCK,
                                            .packing = SWB_PACKING_EROFS_LZ4,
                                            .group = fs->group};
        return r;
}

/* An index of 8 bytes an entry: type, where in the 4 KiB, the block. */
static int read_index(struct erofs *fs, size_t at, uint64_t n)
{
        int r = 0;

        at += 8; /* nothing */
        for (uint64_t i = 0; i < n && r >= 0 && fs->n > at && fs->n - at >= 8; i++, at += 8) {
                unsigned type = fs->data[at] & 3;

                if (type != TYPE_NONE)
                        r = add_cluster(fs, type, swb_get_le32(fs->data + at + 4));
        }
        return r;
}

/*
 * A pack of entries of some bits and, in its last 4 bytes, the block before that of the first
 * cluster that begins in it.
 */
static int read_pack(struct erofs *fs, size_t at, unsigned n_entries, unsigned n_bytes, uint64_t n)
{
        unsigned bits = (n_bytes - 4) * 8 / n_entries;
        uint64_t block = swb_get_le32(fs->data + at + n_bytes - 4);
        int r = 0;

        for (unsigned i = 0; i < n_entries && i < n && r >= 0; i++) {
                unsigned bit = i * bits;
                uint32_t value = swb_get_le32(fs->data + at + bit / 8) >> bit % 8;
                unsigned type = value >> BLOCK_BITS & 3;

                if (type != TYPE_NONE)
                        r = add_cluster(fs, type, ++block);
        }
        return r;
}

/* Packs of 8 bytes (2 entries) up to a position that 32 divides, then of 32 (16 entries) if the
 * file has them, then of 8 again. */
static int read_compact(struct erofs *fs, size_t at, uint64_t n, bool pairs)
{
        uint64_t first = pairs ? SWB_MIN((uint64_t)((32 - at % 32) / 4 & 7), n) : n;
        uint64_t wide = (n - first) / 16 * 16, done = 0;
        int r = 0;

        while (done < n && r >= 0) {
                bool is_wide = done >= first && done < first + wide;
                unsigned n_bytes = is_wide ? 32 : 8, n_entries = is_wide ? 16 : 2;

                if (at > fs->n || fs->n - at < n_bytes)
                        return 0;
                r = read_pack(fs, at, n_entries, n_bytes, n - done);
                at += n_bytes;
                done += n_entries;
        }
        return r;
}

/* Runs from `first` on are one file's. Blocks that files share are hashed once for each, if they
 * are not too many. */
static void name_file(struct erofs *fs, size_t first)
{
        struct swb_span *runs = fs->spans->items;
        uint64_t hash = 0;

        for (size_t i = first; i < fs->spans->n; i++) {
                if (runs[i].n_encoded > fs->n_to_hash)
                        return;
                fs->n_to_hash -= runs[i].n_encoded;
                hash = swb_spans_hash(hash, fs->data + runs[i].offset, runs[i].n_encoded);
        }
        for (size_t i = first; i < fs->spans->n; i++)
                runs[i].file = hash;
}

static int read_file(struct erofs *fs, const struct inode *inode)
{
        size_t at = (inode->at + inode->n + 7) / 8 * 8;
        uint64_t n = inode->n_bytes / BLOCK + (inode->n_bytes % BLOCK > 0);
        const uint8_t *head = fs->data + at;
        size_t first = fs->spans->n;
        unsigned advice;
        int r;

        if ((inode->layout != LAYOUT_INDEX && inode->layout != LAYOUT_COMPACT) || at > fs->n ||
            fs->n - at < MAP_HEAD_BYTES)
                return 0;
        advice = get_le16(head + 4);
        /* LZ4 alone; a file's 4 KiB are an image's block */
        if (advice & (ADVICE_LARGE | ADVICE_OTHER) || head[6] != 0 || head[7] != 0)
                return 0;
        at += MAP_HEAD_BYTES;
        r = inode->layout == LAYOUT_INDEX ? read_index(fs, at, n)
                                          : read_compact(fs, at, n, advice & ADVICE_PAIRS);
        if (r >= 0)
                r = end_run(fs);
        name_file(fs, first);
        return r;
}

static int look_at_all(struct erofs *fs)
{
        int r = add_inode(fs, get_le16(fs->data + SUPERBLOCK_AT + 14));

        while (fs->n_done < fs->n_queue && r >= 0) {
                struct inode inode;

                if (!read_inode(fs, fs->queue[fs->n_done++], &inode))
                        continue;
                if ((inode.mode & 0170000) == 0040000)
                        r = read_folder(fs, &inode);
                else if ((inode.mode & 0170000) == 0100000)
                        r = read_file(fs, &inode);
        }
        return r;
}

static void erofs_done(struct erofs *fs)
{
        free(fs->seen);
        free(fs->queue);
}

/* `offset` is where the superblock is: the image begins before it. */
int64_t swb_spans_erofs(const uint8_t *data, size_t n, size_t offset, struct swb_spans *spans)
{
        size_t begin = offset - SUPERBLOCK_AT, first = spans->n;
        _cleanup_(erofs_done) struct erofs fs = {.spans = spans, .group = spans->n_groups};
        int r;

        if (offset < SUPERBLOCK_AT)
                return 0;
        fs.data = data + begin;
        fs.n = n - begin;
        if (!read_superblock(&fs))
                return 0;
        fs.seen = calloc((fs.n - (size_t)fs.inodes) / SLOT_BYTES / 8 + 1, 1);
        if (!fs.seen)
                return -ENOMEM;
        spans->n_groups++;
        r = look_at_all(&fs);
        if (r < 0)
                return r;
        for (size_t i = first; i < spans->n; i++)
                spans->items[i].offset += begin;
        if (spans->n > first)
                swb_spans_sort(spans, first);
        return (int64_t)(begin + fs.n);
}
