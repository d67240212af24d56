/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Squashfs 4: a superblock, blocks of files, fragments (ends of files, many in a block), tables in
 * blocks of 8 KiB of their own. Each is compressed by itself; where they lie say the inodes and the
 * table of fragments. What does not make sense is left out: it stays plain.
 */
#include <string.h>

#include "open/find.h"
#include "open/spans.h"
#include "open/unpack.h"

#define MAGIC 0x73717368u
#define SUPERBLOCK_BYTES 96u
#define TABLE_BLOCK_BYTES ((size_t)8192)
#define TABLES_MAX_BYTES ((size_t)256 << 20)
#define BLOCK_MAX_BYTES ((size_t)1 << 20)
#define STORED_BLOCK 0x1000000u
#define STORED_TABLE 0x8000u
#define NO_FRAGMENT UINT32_MAX
#define NO_TABLE UINT64_MAX
#define FRAGMENT_BYTES 16u

struct squashfs {
        const uint8_t *data;
        size_t n;
        struct swb_spans *spans;
        enum swb_packing packing;
        size_t block_bytes;
        unsigned group; /* of files; and one more, of tables */
        uint32_t n_fragments;
        uint64_t inodes, folders, fragments; /* where tables begin */
        uint64_t n_to_hash;                  /* bytes of files; what is above that has no hash */
};

/* Files may share blocks; hashing the same ones for each of many would take for ever. */
#define HASH_RATIO 2u

static bool read_superblock(struct squashfs *fs)
{
        static const enum swb_packing packings[] = {0,
                                                    SWB_PACKING_ZLIB,
                                                    0,
                                                    SWB_PACKING_LZO,
                                                    SWB_PACKING_XZ,
                                                    SWB_PACKING_LZ4,
                                                    SWB_PACKING_ZSTD};
        const uint8_t *p = fs->data;
        unsigned packing;
        uint64_t used;

        if (fs->n < SUPERBLOCK_BYTES || swb_get_le32(p) != MAGIC || p[28] != 4 || p[29] != 0)
                return false;
        packing = p[20] + (unsigned)p[21] * 256;
        used = swb_get_le64(p + 40);
        if (packing >= SWB_ELEMENTS(packings) || used > fs->n)
                return false;
        fs->packing = packings[packing];
        fs->n = (size_t)used;
        fs->n_to_hash = HASH_RATIO * used;
        fs->block_bytes = swb_get_le32(p + 12);
        fs->n_fragments = swb_get_le32(p + 16);
        fs->inodes = swb_get_le64(p + 64);
        fs->folders = swb_get_le64(p + 72);
        fs->fragments = swb_get_le64(p + 80);
        return fs->packing != SWB_PACKING_PLAIN && fs->block_bytes >= 4096 &&
               fs->block_bytes <= BLOCK_MAX_BYTES && fs->inodes < fs->folders &&
               fs->folders <= fs->n;
}

static int add_span(const struct squashfs *fs, uint64_t offset, uint32_t n, size_t n_opened,
                    unsigned group)
{
        struct swb_span span = {.offset = (size_t)offset,
                                .n_encoded = n,
                                .n_opened = n_opened,
                                .packing = fs->packing,
                                .group = group};

        if (n == 0 || offset > fs->n || n > fs->n - offset)
                return 0;
        if (fs->packing == SWB_PACKING_XZ)
                (void)swb_spans_guess_xz(fs->data + offset, n, &span.guess);
        return swb_spans_add(fs->spans, &span);
}

static int add_block(const struct squashfs *fs, uint64_t offset, uint32_t size)
{
        return size & STORED_BLOCK ? 0 : add_span(fs, offset, size, fs->block_bytes, fs->group);
}

/* The spans from `first` on are the file's whose blocks lie from `offset` to `end`. */
static void name_file(struct squashfs *fs, size_t first, uint64_t offset, uint64_t end)
{
        uint64_t hash;

        if (end > fs->n || offset >= end || end - offset > fs->n_to_hash)
                return;
        fs->n_to_hash -= end - offset;
        hash = swb_spans_hash(0, fs->data + offset, (size_t)(end - offset));
        for (size_t i = first; i < fs->spans->n; i++)
                fs->spans->items[i].file = hash;
}

/* ---- tables */

/* The block of a table at `at`: a span, and its content appended. Return: where the next one is,
 * or 0. */
static int64_t read_table_block(const struct squashfs *fs, uint64_t at, struct swb_buf *out)
{
        uint32_t head;
        size_t n, n_made;
        int r;

        if (fs->n < 2 || at > fs->n - 2)
                return 0;
        head = fs->data[at] + (uint32_t)fs->data[at + 1] * 256;
        n = head & (STORED_TABLE - 1);
        at += 2;
        if (n == 0 || n > fs->n - at || n > TABLE_BLOCK_BYTES)
                return 0;
        r = swb_buf_reserve(out, TABLE_BLOCK_BYTES);
        if (r < 0)
                return r == -E2BIG ? 0 : r;
        if (head & STORED_TABLE) {
                memcpy(out->data + out->n_bytes, fs->data + at, n);
                out->n_bytes += n;
                return (int64_t)(at + n);
        }
        r = swb_unpack_up_to(fs->packing, fs->data + at, n, out->data + out->n_bytes,
                             TABLE_BLOCK_BYTES, &n_made);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return 0;
        out->n_bytes += n_made;
        r = add_span(fs, at, (uint32_t)n, TABLE_BLOCK_BYTES, fs->group + 1);
        return r < 0 ? r : (int64_t)(at + n);
}

/* Blocks from `begin` on, up to `end` or what is no block. */
static int read_table(const struct squashfs *fs, uint64_t begin, uint64_t end, struct swb_buf *out)
{
        while (begin < end) {
                int64_t next = read_table_block(fs, begin, out);

                if (next <= 0)
                        return (int)next;
                begin = (uint64_t)next;
        }
        return 0;
}

/* A table that is found through a list of its blocks' places. */
static int read_indexed(const struct squashfs *fs, uint64_t list, uint64_t n_bytes,
                        struct swb_buf *out)
{
        uint64_t n = (n_bytes + TABLE_BLOCK_BYTES - 1) / TABLE_BLOCK_BYTES;

        if (list > fs->n || n > (fs->n - list) / 8)
                return 0;
        for (uint64_t i = 0; i < n; i++) {
                int64_t next = read_table_block(fs, swb_get_le64(fs->data + list + 8 * i), out);

                if (next <= 0)
                        return (int)next;
        }
        return 0;
}

static int add_fragments(struct squashfs *fs)
{
        _cleanup_(swb_buf_done) struct swb_buf table = SWB_BUF_INIT(TABLES_MAX_BYTES);
        int r = 0;

        if (fs->n_fragments == 0 || fs->fragments == NO_TABLE)
                return 0;
        r = read_indexed(fs, fs->fragments, (uint64_t)fs->n_fragments * FRAGMENT_BYTES, &table);
        for (size_t at = 0; at + FRAGMENT_BYTES <= table.n_bytes && r >= 0; at += FRAGMENT_BYTES) {
                uint64_t offset = swb_get_le64(table.data + at);
                uint32_t size = swb_get_le32(table.data + at + 8);
                size_t first = fs->spans->n;

                r = add_block(fs, offset, size);
                if (fs->spans->n > first)
                        name_file(fs, first, offset, offset + size);
        }
        return r;
}

/* ---- inodes */

static uint32_t take_le32(struct swb_cursor *c)
{
        const uint8_t *p = swb_cursor_take(c, 4);

        return p ? swb_get_le32(p) : 0;
}

static uint64_t take_le64(struct swb_cursor *c)
{
        const uint8_t *p = swb_cursor_take(c, 8);

        return p ? swb_get_le64(p) : 0;
}

static int add_file(struct squashfs *fs, struct swb_cursor *c, uint64_t offset, uint64_t n_bytes,
                    uint32_t fragment)
{
        uint64_t n = n_bytes / fs->block_bytes, begin = offset;
        size_t first = fs->spans->n;
        int r = 0;

        if (fragment == NO_FRAGMENT && n_bytes % fs->block_bytes > 0)
                n++;
        for (uint64_t i = 0; i < n && r >= 0 && !swb_cursor_overrun(c); i++) {
                uint32_t size = take_le32(c);

                r = add_block(fs, offset, size);
                offset += size & (STORED_BLOCK - 1);
        }
        name_file(fs, first, begin, offset);
        return r;
}

static int basic_file(struct squashfs *fs, struct swb_cursor *c)
{
        uint32_t offset = take_le32(c), fragment = take_le32(c);

        (void)take_le32(c); /* place in the fragment */
        return add_file(fs, c, offset, take_le32(c), fragment);
}

static int long_file(struct squashfs *fs, struct swb_cursor *c)
{
        uint64_t offset = take_le64(c), n_bytes = take_le64(c);
        uint32_t fragment;

        (void)swb_cursor_take(c, 8 + 4); /* bytes of holes, links */
        fragment = take_le32(c);
        (void)swb_cursor_take(c, 4 + 4); /* place in the fragment, extended attributes */
        return add_file(fs, c, offset, n_bytes, fragment);
}

static void skip_long_folder(struct swb_cursor *c)
{
        const uint8_t *p = swb_cursor_take(c, 24);
        unsigned n = p ? p[16] + (unsigned)p[17] * 256 : 0;

        for (unsigned i = 0; i < n && !swb_cursor_overrun(c); i++) {
                (void)swb_cursor_take(c, 8);
                (void)swb_cursor_take(c, (size_t)take_le32(c) + 1);
        }
}

static void skip_link(struct swb_cursor *c, size_t behind)
{
        (void)take_le32(c); /* links */
        (void)swb_cursor_take(c, (size_t)take_le32(c) + behind);
}

/* Return: 0; 1 for what is no inode; -ENOMEM. */
static int add_inode(struct squashfs *fs, struct swb_cursor *c)
{
        /* Bytes behind the common head; 0: more than that. */
        static const uint8_t fixed[15] = {0, 16, 0, 0, 8, 8, 4, 4, 0, 0, 0, 12, 12, 8, 8};
        const uint8_t *head = swb_cursor_take(c, 16);
        unsigned type = head ? head[0] + (unsigned)head[1] * 256 : 0;

        switch (type) {
        case 2:
                return basic_file(fs, c);
        case 9:
                return long_file(fs, c);
        case 3:
                skip_link(c, 0);
                return 0;
        case 10:
                skip_link(c, 4);
                return 0;
        case 8:
                skip_long_folder(c);
                return 0;
        default:
                if (type == 0 || type >= SWB_ELEMENTS(fixed))
                        return 1;
                (void)swb_cursor_take(c, fixed[type]);
                return 0;
        }
}

static int add_inodes(struct squashfs *fs)
{
        _cleanup_(swb_buf_done) struct swb_buf table = SWB_BUF_INIT(TABLES_MAX_BYTES);
        struct swb_cursor c;
        int r = read_table(fs, fs->inodes, fs->folders, &table);

        c = SWB_CURSOR(table.data, table.n_bytes);
        while (r == 0 && swb_cursor_left(&c) > 0 && !swb_cursor_overrun(&c))
                r = add_inode(fs, &c);
        return r < 0 ? r : 0;
}

/* The table of folders ends where the first of what follows begins; read_table() stops there. */
static int add_folders(const struct squashfs *fs)
{
        _cleanup_(swb_buf_done) struct swb_buf table = SWB_BUF_INIT(TABLES_MAX_BYTES);
        uint64_t end = SWB_MIN(fs->fragments, (uint64_t)fs->n);

        return read_table(fs, fs->folders, end, &table);
}

int64_t swb_spans_squashfs(const uint8_t *data, size_t n, size_t offset, struct swb_spans *spans)
{
        struct squashfs fs = {
                .data = data + offset, .n = n - offset, .spans = spans, .group = spans->n_groups};
        size_t first = spans->n;
        int r;

        if (!read_superblock(&fs))
                return 0;
        spans->n_groups += 2;
        r = add_inodes(&fs);
        if (r >= 0)
                r = add_folders(&fs);
        if (r >= 0)
                r = add_fragments(&fs);
        if (r < 0)
                return r;
        for (size_t i = first; i < spans->n; i++)
                spans->items[i].offset += offset;
        if (spans->n > first)
                swb_spans_sort(spans, first);
        return (int64_t)(offset + fs.n);
}
