/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/search.h"

#include "os/hash.h"

#define NO_BLOCK UINT32_MAX

int swb_search_init(struct swb_search *search, uint64_t n_bytes, struct swb_error *err)
{
        uint64_t n = n_bytes / SWB_BLOCK_BYTES + (n_bytes % SWB_BLOCK_BYTES != 0), n_table = 64;

        if (n > SWB_SEARCH_BLOCKS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT,
                                "a partition of %ju blocks is too large to be searched: all of it "
                                "is fetched",
                                (uintmax_t)n);
        while (n_table < n + n / 2)
                n_table *= 2;
        *search = (struct swb_search){
                .where = malloc(n * sizeof(*search->where)),
                .n_blocks = (uint32_t)n,
                .tags = malloc(n * SWB_TAG_BYTES),
                .wanted = calloc(n, sizeof(*search->wanted)),
                .table = malloc(n_table * sizeof(*search->table)),
                .next = malloc(n * sizeof(*search->next)),
                .mask = n_table - 1,
        };
        if (!search->where || !search->tags || !search->wanted || !search->table || !search->next) {
                swb_search_done(search);
                return swb_oom(err);
        }
        memset(search->where, 0xff, n * sizeof(*search->where));
        memset(search->table, 0xff, n_table * sizeof(*search->table));
        return 0;
}

void swb_search_over(struct swb_search *search)
{
        free(search->tags);
        free(search->wanted);
        free(search->table);
        free(search->next);
        search->tags = search->wanted = NULL;
        search->table = search->next = NULL;
}

void swb_search_done(struct swb_search *search)
{
        swb_search_over(search);
        free(search->where);
        *search = (struct swb_search){0};
}

static const uint8_t *tag_of(const struct swb_search *search, uint64_t block)
{
        return search->tags + block * SWB_TAG_BYTES;
}

/* The entry of a tag: that of the first block that has it, or a free one. Tags are pieces of
 * SHA-256, and a payload is signed: nobody makes them collide. */
static uint32_t *find(const struct swb_search *search, const uint8_t *tag)
{
        uint64_t i = ((uint64_t)tag[4] << 32 | (uint64_t)tag[3] << 24 | (uint64_t)tag[2] << 16 |
                      (uint64_t)tag[1] << 8 | tag[0]) &
                     search->mask;

        while (search->table[i] != NO_BLOCK &&
               memcmp(tag_of(search, search->table[i]), tag, SWB_TAG_BYTES) != 0)
                i = (i + 1) & search->mask;
        return &search->table[i];
}

void swb_search_want(struct swb_search *search, uint64_t block, const uint8_t *tag)
{
        uint32_t *entry;

        if (search->wanted[block])
                return;
        search->wanted[block] = 1;
        search->n_missing++;
        memcpy(search->tags + block * SWB_TAG_BYTES, tag, SWB_TAG_BYTES);
        entry = find(search, tag);
        search->next[block] = *entry;
        *entry = (uint32_t)block;
}

/* ---- looking ---- */

static void look_in_place(struct swb_search *search, uint64_t block, const uint8_t *tag)
{
        if (block >= search->n_blocks || !search->wanted[block] ||
            search->where[block] != SWB_SEARCH_NOWHERE ||
            memcmp(tag_of(search, block), tag, SWB_TAG_BYTES) != 0)
                return;
        search->where[block] = SWB_SEARCH_HERE;
        search->n_missing--;
}

/* Blocks of one tag are found together, so the first one's place speaks for all that are not in
 * their places already. */
static void look_anywhere(struct swb_search *search, uint64_t block, const uint8_t *tag)
{
        for (uint32_t i = *find(search, tag); i != NO_BLOCK; i = search->next[i]) {
                if (search->where[i] == SWB_SEARCH_HERE)
                        continue;
                if (search->where[i] != SWB_SEARCH_NOWHERE)
                        return;
                search->where[i] = (uint32_t)block;
                search->n_missing--;
        }
}

static bool is_zero(const uint8_t *data)
{
        return data[0] == 0 && memcmp(data, data + 1, SWB_BLOCK_BYTES - 1) == 0;
}

static void look_at(struct swb_search *search, uint64_t block, const uint8_t *data, bool is_target)
{
        uint8_t digest[SWB_SHA256_BYTES];

        if (is_zero(data))
                return; /* no piece has any */
        swb_sha256(data, SWB_BLOCK_BYTES, digest);
        if (is_target)
                look_in_place(search, block, digest);
        else
                look_anywhere(search, block, digest);
}

/* Return: bytes, in whole blocks; 0 when nothing can be read there. */
static size_t read_blocks(const struct swb_extent_file *file, uint64_t offset, uint8_t *buffer)
{
        size_t want = (size_t)SWB_MIN((uint64_t)SWB_IO_BYTES, file->n_bytes - offset);
        ssize_t n;

        do
                n = pread(file->fd, buffer, want, (off_t)offset);
        while (n < 0 && errno == EINTR);
        return n <= 0 ? 0 : (size_t)n - (size_t)n % SWB_BLOCK_BYTES;
}

int swb_search_file(struct swb_search *search, const struct swb_extent_file *file, bool is_target,
                    const struct swb_step *step, uint8_t *buffer, struct swb_error *err)
{
        uint64_t n_max = (uint64_t)SWB_SEARCH_HERE * SWB_BLOCK_BYTES;
        uint64_t end = SWB_MIN(file->n_bytes, n_max);

        for (uint64_t offset = 0; offset < end && search->n_missing > 0; offset += SWB_IO_BYTES) {
                size_t n = read_blocks(file, offset, buffer);
                int r;

                for (size_t k = 0; k < n; k += SWB_BLOCK_BYTES)
                        look_at(search, (offset + k) / SWB_BLOCK_BYTES, buffer + k, is_target);
                r = step->done(step->context, SWB_MIN((uint64_t)SWB_IO_BYTES, end - offset), err);
                if (r < 0)
                        return r;
        }
        return 0;
}
