/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/pieces/cut.h"

#include "os/hash.h"

/* Far below what readers take of one operation. */
#define ZERO_EXTENTS_MAX 4096u
#define ZERO_BLOCKS_MAX ((256u << 20) / SWB_BLOCK_BYTES)

struct cutter {
        const struct swb_scan *scan;
        const struct swb_blocks *blocks;
        struct swb_task_list *tasks;
        size_t open; /* index of the piece that still takes blocks; SIZE_MAX: none */
        struct swb_block_id zero;
};

static int add_zeros(struct cutter *c)
{
        struct swb_task *task = NULL;

        for (uint64_t i = 0; i < c->blocks->n; i++) {
                if (!swb_block_id_equal(&c->blocks->ids[i], &c->zero))
                        continue;
                if (!task || task->dst.n >= ZERO_EXTENTS_MAX ||
                    task->dst.n_blocks >= ZERO_BLOCKS_MAX)
                        task = swb_task_list_add(c->tasks, SWB_TASK_ZERO);
                if (!task || swb_extent_list_add(&task->dst, i, 1) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int add_block(struct cutter *c, uint64_t block)
{
        struct swb_task *task;

        if (c->open == SIZE_MAX || c->tasks->items[c->open].dst.n_blocks >= SWB_PIECE_BLOCKS) {
                if (!swb_task_list_add(c->tasks, SWB_TASK_REPLACE))
                        return -ENOMEM;
                c->open = c->tasks->n - 1;
        }
        task = &c->tasks->items[c->open];
        return swb_extent_list_add(&task->dst, block, 1);
}

/* Length of the folder's name, the last slash included; 0 for what has no name. */
static size_t folder_length(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? (size_t)(slash - path) + 1 : 0;
}

static bool same_folder(const struct swb_file *a, const struct swb_file *b)
{
        size_t n = folder_length(a->path);

        return a->kind == b->kind && n == folder_length(b->path) &&
               memcmp(a->path, b->path, n) == 0;
}

static int add_file(struct cutter *c, size_t index)
{
        const struct swb_file *file = &c->scan->files[index];

        if (index > 0 && (file->blocks.n_blocks >= SWB_PIECE_BLOCKS ||
                          !same_folder(file, &c->scan->files[index - 1])))
                c->open = SIZE_MAX;
        for (size_t i = 0; i < file->blocks.n; i++)
                for (uint64_t k = 0; k < file->blocks.items[i].n_blocks; k++) {
                        uint64_t block = file->blocks.items[i].start_block + k;

                        /* A block of several files is the first one's. */
                        if (c->scan->owner[block] != index ||
                            swb_block_id_equal(&c->blocks->ids[block], &c->zero))
                                continue;
                        if (add_block(c, block) < 0)
                                return -ENOMEM;
                }
        return 0;
}

int swb_pieces_cut(const struct swb_scan *scan, const struct swb_blocks *blocks,
                   struct swb_task_list *tasks)
{
        struct cutter c = {.scan = scan,
                           .blocks = blocks,
                           .tasks = tasks,
                           .open = SIZE_MAX,
                           .zero = swb_block_id_zero()};

        if (add_zeros(&c) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < scan->n_files; i++)
                if (add_file(&c, i) < 0)
                        return -ENOMEM;
        return 0;
}

int swb_piece_describe(struct swb_operation *operation, const uint8_t *content, size_t n_bytes)
{
        size_t n_blocks = n_bytes / SWB_BLOCK_BYTES;
        uint8_t *tags = malloc(n_blocks * SWB_TAG_BYTES + 1);

        if (!tags)
                return -ENOMEM;
        for (size_t i = 0; i < n_blocks; i++) {
                uint8_t digest[SWB_SHA256_BYTES];

                swb_sha256(content + i * SWB_BLOCK_BYTES, SWB_BLOCK_BYTES, digest);
                memcpy(tags + i * SWB_TAG_BYTES, digest, SWB_TAG_BYTES);
        }
        swb_sha256(content, n_bytes, operation->dst_hash);
        operation->has_dst_hash = true;
        operation->tags = tags;
        operation->n_tag_bytes = n_blocks * SWB_TAG_BYTES;
        return 0;
}
