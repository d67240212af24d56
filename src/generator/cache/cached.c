/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/cache/cached.h"

#include "base/endian.h"
#include "generator/cache/key.h"
#include "generator/pieces/cut.h"
#include "os/file.h"

#define MAGIC "SWBOPS1\n"
#define MAGIC_BYTES ((size_t)8)
#define HEAD_BYTES (MAGIC_BYTES + SWB_SHA256_BYTES + 4)
#define ROW_BYTES ((size_t)4 + 8 + 8)
#define NAME "entry of the cache"

/* An entry while it is read or written. */
struct stream {
        int fd;
        uint64_t offset, n_bytes; /* n_bytes: of the file, without its hash */
        struct swb_sha256 sha;
};

enum { GOOD = 0, DAMAGED = 1 };

/* The next bytes; DAMAGED when there are not so many or they can't be read. */
static int get(struct stream *s, void *data, size_t n)
{
        if (n > s->n_bytes - s->offset || swb_pread(s->fd, NAME, data, n, s->offset, NULL) < 0)
                return DAMAGED;
        swb_sha256_update(&s->sha, data, n);
        s->offset += n;
        return GOOD;
}

static int put(struct stream *s, const void *data, size_t n, struct swb_error *err)
{
        int r = swb_pwrite(s->fd, NAME, data, n, s->offset, err);

        swb_sha256_update(&s->sha, data, n);
        s->offset += n;
        return r;
}

/* Where an operation of an entry gets its bytes from. */
enum origin { FROM_DATA, FROM_SOURCE, NOWHERE };

static enum origin origin_of(uint32_t type)
{
        switch ((enum swb_op_type)type) {
        case SWB_OP_REPLACE:
        case SWB_OP_REPLACE_BZ:
        case SWB_OP_REPLACE_XZ:
        case SWB_OP_REPLACE_ZSTD:
        case SWB_OP_REPLACE_SPLIT:
                return FROM_DATA;
        case SWB_OP_SOURCE_BSDIFF:
        case SWB_OP_BROTLI_BSDIFF:
        case SWB_OP_PUFFDIFF:
        case SWB_OP_SWDIFF:
                return FROM_SOURCE;
        case SWB_OP_MOVE:
        case SWB_OP_BSDIFF:
        case SWB_OP_SOURCE_COPY:
        case SWB_OP_ZERO:
        case SWB_OP_DISCARD:
        case SWB_OP_ZUCCHINI:
        case SWB_OP_LZ4DIFF_BSDIFF:
        case SWB_OP_LZ4DIFF_PUFFDIFF:
                break;
        }
        return NOWHERE; /* also of numbers that are no type */
}

struct row {
        uint32_t type;
        uint64_t n_blocks, n_bytes;
};

static struct row parse_row(const uint8_t *bytes)
{
        return (struct row){.type = swb_get_be32(bytes),
                            .n_blocks = swb_get_be64(bytes + 4),
                            .n_bytes = swb_get_be64(bytes + 12)};
}

/* Rows that write the task's blocks, once, with data that fills the rest of the entry. */
static int check_rows(const struct swb_task *task, const uint8_t *rows, size_t n, uint64_t n_data)
{
        uint64_t blocks = task->dst.n_blocks;

        for (size_t i = 0; i < n; i++) {
                struct row row = parse_row(rows + i * ROW_BYTES);
                enum origin origin = origin_of(row.type);

                if (origin == NOWHERE || (origin == FROM_SOURCE && task->kind != SWB_TASK_DIFF) ||
                    row.n_blocks == 0 || row.n_blocks > blocks || row.n_bytes > n_data ||
                    row.n_bytes > row.n_blocks * SWB_BLOCK_BYTES)
                        return DAMAGED;
                blocks -= row.n_blocks;
                n_data -= row.n_bytes;
        }
        return blocks == 0 && n_data == 0 ? GOOD : DAMAGED;
}

/* An operation as swb_make_task() made it, but for its data. */
static struct swb_operation *add(const struct swb_cached *c, const struct row *row, uint64_t first,
                                 const uint8_t *new, struct swb_operation_list *ret)
{
        const struct swb_rules *rules = c->make->rules;
        const struct swb_extent_list *src =
                origin_of(row->type) == FROM_SOURCE ? &c->task->src : NULL;
        struct swb_extent_list dst = {0};
        struct swb_operation *op = NULL;

        if (swb_extent_list_append_slice(&dst, &c->task->dst, first, row->n_blocks) == 0)
                op = swb_operation_list_add(ret, (enum swb_op_type)row->type, src, &dst);
        if (op && src)
                swb_operation_set_source(op, rules, src, &dst, c->src_hash);
        else if (op && rules->pieces &&
                 swb_piece_describe(op, new + first *SWB_BLOCK_BYTES,
                                    (size_t)row->n_blocks * SWB_BLOCK_BYTES) < 0)
                op = NULL;
        swb_extent_list_done(&dst);
        return op;
}

static int read_operation(const struct swb_cached *c, const struct row *row, uint64_t first,
                          const uint8_t *new, struct stream *s, struct swb_operation_list *ret,
                          struct swb_error *err)
{
        _cleanup_free_ uint8_t *data = malloc((size_t)row->n_bytes + 1);
        struct swb_operation *op = data ? add(c, row, first, new, ret) : NULL;

        if (!op)
                return swb_oom(err);
        if (get(s, data, (size_t)row->n_bytes) == DAMAGED)
                return DAMAGED;
        return swb_operation_set_data(op, c->make->spool, data, (size_t)row->n_bytes, err);
}

static int read_operations(const struct swb_cached *c, const uint8_t *rows, size_t n,
                           const uint8_t *new, struct stream *s, struct swb_operation_list *ret,
                           struct swb_error *err)
{
        uint64_t first = 0;
        int r = GOOD;

        for (size_t i = 0; i < n && r == GOOD; i++) {
                struct row row = parse_row(rows + i * ROW_BYTES);

                r = read_operation(c, &row, first, new, s, ret, err);
                first += row.n_blocks;
        }
        return r;
}

static int check_hash(struct stream *s)
{
        uint8_t stored[SWB_SHA256_BYTES], digest[SWB_SHA256_BYTES];

        swb_sha256_final(&s->sha, digest);
        if (s->offset != s->n_bytes ||
            swb_pread(s->fd, NAME, stored, sizeof(stored), s->n_bytes, NULL) < 0)
                return DAMAGED;
        return memcmp(stored, digest, sizeof(digest)) == 0 ? GOOD : DAMAGED;
}

/* Operations that are in a list when the entry turns out to be damaged are the caller's to drop. */
static int read_entry(const struct swb_cached *c, const uint8_t *new, int fd,
                      struct swb_operation_list *ret, struct swb_error *err)
{
        struct stream s = {.fd = fd};
        _cleanup_free_ uint8_t *rows = NULL;
        uint8_t head[HEAD_BYTES];
        size_t n;
        int r;

        swb_sha256_init(&s.sha);
        if (swb_fd_size(fd, NAME, &s.n_bytes, NULL) < 0 || s.n_bytes < SWB_SHA256_BYTES)
                return DAMAGED;
        s.n_bytes -= SWB_SHA256_BYTES;
        if (get(&s, head, sizeof(head)) == DAMAGED || memcmp(head, MAGIC, MAGIC_BYTES) != 0 ||
            memcmp(head + MAGIC_BYTES, c->key.bytes, sizeof(c->key.bytes)) != 0)
                return DAMAGED;
        n = swb_get_be32(head + MAGIC_BYTES + SWB_SHA256_BYTES);
        if (n > c->task->dst.n_blocks)
                return DAMAGED;
        rows = malloc(n * ROW_BYTES + 1);
        if (!rows)
                return swb_oom(err);
        if (get(&s, rows, n * ROW_BYTES) == DAMAGED ||
            check_rows(c->task, rows, n, s.n_bytes - s.offset) == DAMAGED)
                return DAMAGED;
        r = read_operations(c, rows, n, new, &s, ret, err);
        return r == GOOD ? check_hash(&s) : r;
}

static void fill_key(struct swb_cached *c, const uint8_t *old, const uint8_t *new)
{
        uint8_t dst_hash[SWB_SHA256_BYTES];

        memset(c->src_hash, 0, sizeof(c->src_hash));
        if (old)
                swb_sha256(old, (size_t)c->task->src.n_blocks * SWB_BLOCK_BYTES, c->src_hash);
        swb_sha256(new, (size_t)c->task->dst.n_blocks * SWB_BLOCK_BYTES, dst_hash);
        swb_cache_key(swb_cache_tool(c->make->cache), c->make->rules, c->task, c->src_hash,
                      dst_hash, &c->key);
}

int swb_cached_take(struct swb_cached *cached, const uint8_t *old, const uint8_t *new,
                    struct swb_operation_list *ret, struct swb_error *err)
{
        _cleanup_(swb_operation_list_done) struct swb_operation_list found = {0};
        _cleanup_(swb_closep) int fd = -1;
        struct swb_cache *cache = cached->make->cache;
        int r;

        if (!cache)
                return SWB_CACHED_NOT;
        fill_key(cached, old, new);
        fd = swb_cache_find(cache, &cached->key);
        if (fd < 0)
                return SWB_CACHED_NOT;
        r = read_entry(cached, new, fd, &found, err);
        if (r == DAMAGED) {
                swb_cache_drop(cache, &cached->key);
                return SWB_CACHED_NOT;
        }
        if (r < 0)
                return r;
        swb_cache_taken(cache, fd);
        return swb_operation_list_take(ret, &found) < 0 ? swb_oom(err) : SWB_CACHED;
}

static uint64_t blocks_of(const struct swb_operation *op)
{
        uint64_t blocks = 0;

        for (size_t i = 0; i < op->n_dst; i++)
                blocks += op->dst[i].n_blocks;
        return blocks;
}

static int write_rows(const struct swb_operation_list *list, struct stream *s,
                      struct swb_error *err)
{
        int r = 0;

        for (size_t i = 0; i < list->n && r == 0; i++) {
                uint8_t row[ROW_BYTES];

                swb_put_be32(row, list->items[i].type);
                swb_put_be64(row + 4, blocks_of(&list->items[i]));
                swb_put_be64(row + 12, list->items[i].data_length);
                r = put(s, row, sizeof(row), err);
        }
        return r;
}

static int write_data(const struct swb_cached *c, const struct swb_operation *op, struct stream *s,
                      struct swb_error *err)
{
        size_t n = (size_t)op->data_length;
        _cleanup_free_ uint8_t *data = malloc(n + 1);
        int r = data ? swb_spool_read(c->make->spool, op->data_offset, data, n, err) : swb_oom(err);

        return r == 0 ? put(s, data, n, err) : r;
}

static int write_entry(const struct swb_cached *c, const struct swb_operation_list *list, int fd,
                       struct swb_error *err)
{
        struct stream s = {.fd = fd};
        uint8_t head[HEAD_BYTES] = MAGIC, digest[SWB_SHA256_BYTES];
        int r;

        swb_sha256_init(&s.sha);
        memcpy(head + MAGIC_BYTES, c->key.bytes, sizeof(c->key.bytes));
        swb_put_be32(head + MAGIC_BYTES + SWB_SHA256_BYTES, (uint32_t)list->n);
        r = put(&s, head, sizeof(head), err);
        if (r == 0)
                r = write_rows(list, &s, err);
        for (size_t i = 0; i < list->n && r == 0; i++)
                r = write_data(c, &list->items[i], &s, err);
        swb_sha256_final(&s.sha, digest);
        return r < 0 ? r : swb_pwrite(fd, NAME, digest, sizeof(digest), s.offset, err);
}

void swb_cached_keep(const struct swb_cached *cached, const struct swb_operation_list *operations)
{
        struct swb_cache *cache = cached->make->cache;
        struct swb_error error = SWB_ERROR_INIT;
        struct swb_cache_file file;

        if (!cache)
                return;
        swb_cache_begin(cache, &file);
        if (file.fd < 0)
                return;
        if (write_entry(cached, operations, file.fd, &error) < 0)
                swb_cache_abandon(cache, &file, &error);
        else
                swb_cache_commit(cache, &file, &cached->key);
}
