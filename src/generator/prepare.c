/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/prepare.h"

#include "generator/diff/make.h"
#include "generator/pieces/cut.h"

/* A content up to this size is one difference if the memory has room: 0.3 % smaller than windows.
 */
#define WHOLE_BLOCKS ((uint64_t)(48u << 20) / SWB_BLOCK_BYTES)
/* A program is one difference up to this: a device's memory for its fields ends about there. */
#define PROGRAM_BLOCKS ((uint64_t)(160u << 20) / SWB_BLOCK_BYTES)
/* Of a larger one. Windows of 24 MiB from 53 MiB make no smaller payload (of a browser of 300 MB),
 * but take a third more time and twice the memory, which another processor's could have; a device
 * reads and hashes all of a window's source, and what a cut costs is a window's data. */
#define WINDOW_SRC_BLOCKS ((uint64_t)(32u << 20) / SWB_BLOCK_BYTES)
#define WINDOW_DST_BLOCKS ((uint64_t)(16u << 20) / SWB_BLOCK_BYTES)

struct swb_window_limits swb_prepared_limits(const struct swb_rules *rules, uint64_t memory_bytes)
{
        uint64_t blocks = swb_make_diff_blocks(rules, memory_bytes);

        /* A piece's like may be scattered: its source gets more room. */
        return (struct swb_window_limits){.whole_blocks = SWB_MIN(blocks, WHOLE_BLOCKS),
                                          .program_blocks = SWB_MIN(blocks, PROGRAM_BLOCKS),
                                          .src_blocks = SWB_MIN(blocks, WINDOW_SRC_BLOCKS),
                                          .dst_blocks =
                                                  SWB_MIN(blocks - blocks / 4, WINDOW_DST_BLOCKS),
                                          .chunk_blocks = rules->chunk_blocks};
}

static void side_done(struct swb_prepared_side *side)
{
        side->scan = swb_scan_free(side->scan);
        side->image = swb_image_free(side->image);
        swb_blocks_done(&side->blocks);
}

void swb_prepared_done(struct swb_prepared *p)
{
        side_done(&p->old);
        side_done(&p->new);
        swb_task_list_done(&p->tasks);
        swb_closed_list_done(&p->closed);
}

static void note_raw(struct swb_prepared *p, const struct swb_scan *scan)
{
        if (scan->raw && *scan->reason)
                (void)snprintf(p->note, sizeof(p->note),
                               "file system in '%s' can't be read (%s): taken as raw blocks",
                               scan->image->path, scan->reason);
}

static int scan_full(struct swb_prepared *p, bool raw, struct swb_error *err)
{
        int r = swb_scan_new(p->new.image, raw, &p->new.scan, err);

        if (r == 0)
                note_raw(p, p->new.scan);
        return r;
}

/* Both by files, or both as raw blocks: files can't be paired with the rest of an image. */
static int scan_delta(struct swb_prepared *p, struct swb_error *err)
{
        int r = swb_scan_new(p->old.image, false, &p->old.scan, err);

        if (r < 0)
                return r;
        note_raw(p, p->old.scan);
        r = swb_scan_new(p->new.image, p->old.scan->raw, &p->new.scan, err);
        if (r < 0 || p->new.scan->raw == p->old.scan->raw)
                return r;
        note_raw(p, p->new.scan);
        p->old.scan = swb_scan_free(p->old.scan);
        return swb_scan_new(p->old.image, true, &p->old.scan, err);
}

int swb_prepared_init(struct swb_prepared *p, const char *name, const char *old_path,
                      const char *new_path, bool by_files, struct swb_error *err)
{
        int r;

        *p = (struct swb_prepared){.name = name};
        r = swb_image_open(new_path, &p->new.image, err);
        if (r == 0 && old_path)
                r = swb_image_open(old_path, &p->old.image, err);
        if (r == 0)
                r = old_path ? scan_delta(p, err) : scan_full(p, !by_files, err);
        return r < 0 ? swb_wrap(err, r, "partition '%s'", name) : 0;
}

/* Identity, owner and source; two lists of numbers while the plan is made. */
#define NEW_BLOCK_BYTES (sizeof(struct swb_block_id) + 4 * sizeof(uint32_t))
/* Identity, owner, and the index of contents, which has up to four places a block. */
#define OLD_BLOCK_BYTES (sizeof(struct swb_block_id) + 6 * sizeof(uint32_t))
#define PLAN_ROOM_BYTES ((uint64_t)64 << 20)

uint64_t swb_prepared_memory(const struct swb_prepared *partitions, size_t n)
{
        uint64_t bytes = PLAN_ROOM_BYTES;

        for (size_t i = 0; i < n; i++) {
                bytes += partitions[i].new.image->n_blocks *NEW_BLOCK_BYTES;
                if (partitions[i].old.image)
                        bytes += partitions[i].old.image->n_blocks * OLD_BLOCK_BYTES;
        }
        return bytes;
}

int swb_prepared_hash(struct swb_prepared *partitions, size_t n, const struct swb_pool *pool,
                      struct swb_error *err)
{
        const struct swb_image *images[2 * SWB_PARTITIONS_MAX] = {NULL};
        struct swb_blocks blocks[2 * SWB_PARTITIONS_MAX];
        size_t n_images = 0, k = 0;
        int r;

        for (size_t i = 0; i < n; i++) {
                images[n_images++] = partitions[i].new.image;
                if (partitions[i].old.image)
                        images[n_images++] = partitions[i].old.image;
        }
        r = swb_blocks_hash(pool, images, n_images, blocks, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                partitions[i].new.blocks = blocks[k++];
                if (partitions[i].old.image)
                        partitions[i].old.blocks = blocks[k++];
        }
        return 0;
}

static void drop_plan_input(struct swb_prepared_side *side)
{
        side->scan = swb_scan_free(side->scan);
        free(side->blocks.ids);
        side->blocks.ids = NULL;
}

int swb_prepared_plan(struct swb_prepared *p, const struct swb_rules *rules,
                      const struct swb_pool *pool, const struct swb_window_limits *limits,
                      struct swb_error *err)
{
        const struct swb_plan_side old = {.scan = p->old.scan, .blocks = &p->old.blocks};
        const struct swb_plan_input input = {
                .rules = rules,
                .pool = pool,
                .old = p->old.image ? &old : NULL,
                .new = {.scan = p->new.scan, .blocks = &p->new.blocks},
                .limits = *limits,
                .closed = &p->closed,
        };
        int r;

        if (rules->pieces)
                r = swb_pieces_cut(p->new.scan, &p->new.blocks, &p->tasks) < 0 ? swb_oom(err) : 0;
        else
                r = swb_plan_partition(&input, &p->tasks, err);
        drop_plan_input(&p->old);
        drop_plan_input(&p->new);
        return r < 0 ? swb_wrap(err, r, "partition '%s'", p->name) : 0;
}
