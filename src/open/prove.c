/* SPDX-License-Identifier: Apache-2.0 */
#include "open/prove.h"

#include <string.h>

#include "base/text.h"
#include "open/libraries.h"

/* So many pieces of a group that no encoder makes, and the others are not tried. */
#define FAILURES_MAX 3u
#define CANDIDATES_MAX 96u
#define PIGZ_BLOCK_KIB 128u

struct group {
        struct swb_setting known; /* what made the last one; encoder NONE: nothing yet */
        unsigned n_failures;
};

int swb_proofs_reserve(struct swb_proofs *proofs, size_t n_groups)
{
        struct group *bigger =
                reallocarray(proofs->groups, proofs->n_groups + n_groups + 1, sizeof(*bigger));

        if (!bigger)
                return -ENOMEM;
        memset(bigger + proofs->n_groups, 0, (n_groups + 1) * sizeof(*bigger));
        proofs->groups = bigger;
        proofs->n_groups += n_groups;
        return 0;
}

void swb_proofs_done(struct swb_proofs *proofs)
{
        free(proofs->groups);
        *proofs = (struct swb_proofs){0};
}

/* ---- what could it be? */

/* What is to be made. */
struct encoded {
        const uint8_t *data;
        size_t n, n_opened;
};

struct candidates {
        struct swb_setting items[CANDIDATES_MAX];
        size_t n;
};

static void add(struct candidates *list, struct swb_setting setting)
{
        for (size_t i = 0; i < list->n; i++)
                if (memcmp(&list->items[i], &setting, sizeof(setting)) == 0)
                        return;
        if (list->n < CANDIDATES_MAX && swb_encoder_accepts(&setting))
                list->items[list->n++] = setting;
}

static void add_lz4(struct candidates *list, enum swb_packing packing)
{
        static const uint8_t levels[] = {9, 12, 1, 3, 4, 5, 6, 7, 8, 10, 11};

        for (size_t i = 0; i < SWB_ELEMENTS(levels); i++)
                if (levels[i] == 1)
                        add(list, (struct swb_setting){packing, SWB_ENCODER_LZ4, {1}});
                else
                        add(list, (struct swb_setting){packing, SWB_ENCODER_LZ4_HC, {levels[i]}});
}

/* Between two files' ends much follows. */
static void add_erofs(struct candidates *list)
{
        static const uint8_t levels[] = {9, 12, 3, 4, 5, 6, 7, 8, 10, 11};
        const enum swb_packing packing = SWB_PACKING_EROFS_LZ4;

        for (uint32_t far = 0; far <= 1; far++)
                add(list, (struct swb_setting){packing, SWB_ENCODER_EROFS_LZ4, {far}});
        for (size_t i = 0; i < SWB_ELEMENTS(levels); i++)
                add(list, (struct swb_setting){packing, SWB_ENCODER_EROFS_LZ4_HC, {levels[i]}});
}

/* gzip(1) first, which zlib can't stand in for; then zlib with what its users give it. */
static void add_deflate(struct candidates *list, enum swb_packing packing, uint32_t window)
{
        static const uint8_t levels[] = {6, 9, 1, 8, 7, 5, 4, 3, 2};

        for (size_t i = 0; i < SWB_ELEMENTS(levels) && packing == SWB_PACKING_DEFLATE; i++)
                add(list, (struct swb_setting){packing, SWB_ENCODER_GZIP, {levels[i]}});
        for (size_t i = 0; i < SWB_ELEMENTS(levels) && packing == SWB_PACKING_DEFLATE; i++)
                for (uint32_t independent = 0; independent <= 1; independent++)
                        add(list, (struct swb_setting){packing,
                                                       SWB_ENCODER_PIGZ,
                                                       {levels[i], PIGZ_BLOCK_KIB, independent}});
        for (uint32_t strategy = 0; strategy <= 1; strategy++) /* 1: of pictures */
                for (uint32_t memory = 8; memory <= 9; memory++)
                        for (size_t i = 0; i < SWB_ELEMENTS(levels); i++)
                                add(list,
                                    (struct swb_setting){packing,
                                                         SWB_ENCODER_ZLIB,
                                                         {levels[i], window, memory, strategy}});
}

#define XZ_BLOCK_MIN_BYTES ((uint64_t)1 << 20)
#define XZ_WAYS 2u

/* All at once, or in blocks of what the first one opens to; if there is but one, of what xz(1)
 * takes by itself. Return: how many ways. */
static unsigned xz_ways(const struct swb_setting *guess, const struct encoded *of,
                        uint32_t ret[static XZ_WAYS])
{
        uint64_t usual = SWB_MAX(3 * (uint64_t)guess->parameters[1], XZ_BLOCK_MIN_BYTES);
        uint64_t first = swb_spans_xz_block(of->data, of->n);

        ret[0] = guess->parameters[4];
        if (ret[0] == 0)
                return 1;
        if (first < of->n_opened) {
                ret[0] = (uint32_t)first;
                return 1;
        }
        ret[1] = (uint32_t)SWB_MIN(SWB_MAX(usual, first), (uint64_t)UINT32_MAX);
        return XZ_WAYS;
}

/* All presets, with the dictionary, check and filter that stand in the head. */
static void add_xz(struct candidates *list, const struct swb_setting *guess,
                   const struct encoded *of)
{
        uint32_t ways[XZ_WAYS];
        unsigned n_ways = xz_ways(guess, of, ways);
        static const uint8_t presets[] = {6, 9, 22, 25, 5, 7, 8, 4, 3, 2, 1, 0, 24, 23, 21, 19};

        for (size_t i = 0; i < SWB_ELEMENTS(presets) && guess->encoder == SWB_ENCODER_XZ; i++)
                for (unsigned k = 0; k < n_ways; k++) {
                        struct swb_setting setting = *guess;

                        setting.parameters[0] = presets[i];
                        setting.parameters[4] = ways[k];
                        add(list, setting);
                }
}

static void add_lzma(struct candidates *list, const struct swb_setting *guess)
{
        static const uint8_t presets[] = {9, 6, 25, 22, 5, 7, 8, 4, 3, 2, 1, 0, 24, 23, 21, 19};

        for (size_t i = 0; i < SWB_ELEMENTS(presets); i++)
                add(list, (struct swb_setting){SWB_PACKING_LZMA,
                                               SWB_ENCODER_LZMA,
                                               {presets[i], guess->parameters[1]}});
}

/* What lzop(1) and mksquashfs(1) have. */
static void add_lzo(struct candidates *list, enum swb_packing packing)
{
        static const uint8_t levels[] = {9, 8, 7, 6, 5, 4, 3, 2, 1};

        for (size_t i = 0; i < SWB_ELEMENTS(levels); i++)
                add(list, (struct swb_setting){packing, SWB_ENCODER_LZO_999, {levels[i]}});
        for (uint32_t i = 0; i < 4; i++)
                add(list, (struct swb_setting){packing, SWB_ENCODER_LZO, {i}});
}

/* All levels, with the flags that stand in the frame's head; at once, and as zstd(1) does. */
static void add_zstd(struct candidates *list, const uint8_t *encoded)
{
        static const uint8_t levels[] = {15, 3, 19, 22, 9,  1,  6,  12, 2,  4,  5,
                                         7,  8, 10, 11, 13, 14, 16, 17, 18, 20, 21};
        static const uint8_t ways[] = {0, 4 | 8, 4};
        uint8_t head = encoded[4];
        uint32_t flags = (head >> 2 & 1) | (head >> 6 || head >> 5 & 1 ? 2 : 0);

        for (size_t k = 0; k < SWB_ELEMENTS(ways); k++)
                for (size_t i = 0; i < SWB_ELEMENTS(levels); i++)
                        add(list, (struct swb_setting){
                                          SWB_PACKING_ZSTD,
                                          SWB_ENCODER_ZSTD,
                                          {swb_zstd_version(), levels[i], flags | ways[k], 0}});
}

static void add_all(struct candidates *list, const struct swb_span *span, const struct encoded *of)
{
        const uint8_t *encoded = of->data;

        switch (span->packing) {
        case SWB_PACKING_LZ4:
        case SWB_PACKING_LZ4_SIZED:
                add_lz4(list, span->packing);
                break;
        case SWB_PACKING_DEFLATE:
        case SWB_PACKING_ZLIB:
                add_deflate(list, span->packing,
                            span->packing == SWB_PACKING_ZLIB ? (encoded[0] >> 4) + 8u : 15);
                break;
        case SWB_PACKING_XZ:
                add_xz(list, &span->guess, of);
                break;
        case SWB_PACKING_ZSTD:
                add_zstd(list, encoded);
                break;
        case SWB_PACKING_EROFS_LZ4:
                add_erofs(list);
                break;
        case SWB_PACKING_LZMA:
                add_lzma(list, &span->guess);
                break;
        case SWB_PACKING_LZO:
        case SWB_PACKING_LZOP:
                add_lzo(list, span->packing);
                break;
        case SWB_PACKING_BZIP2: /* its head says it all */
        case SWB_PACKING_PLAIN:
        case _SWB_PACKING_MAX:
        case _SWB_PACKING_INVALID:
                break;
        }
}

/* ---- is it? */

/* Compares what an encoder makes with what is there, and stops it at the first other byte. */
struct comparison {
        const uint8_t *want;
        size_t n, done;
};

static int compare(void *context, const uint8_t *data, size_t n)
{
        struct comparison *comparison = context;

        if (n > comparison->n - comparison->done ||
            memcmp(comparison->want + comparison->done, data, n) != 0)
                return -EILSEQ;
        comparison->done += n;
        return 0;
}

#define FEED_BYTES ((size_t)64 << 10)

int swb_prove_setting(const struct swb_setting *setting, const uint8_t *encoded, size_t n_encoded,
                      const uint8_t *opened, size_t n_opened, size_t *ret_equal)
{
        struct comparison comparison = {.want = encoded, .n = n_encoded};
        _cleanup_(swb_encoder_freep) struct swb_encoder *encoder = NULL;
        const struct swb_encoder_job job = {.setting = setting,
                                            .n_opened = n_opened,
                                            .n_encoded = n_encoded,
                                            .write = compare,
                                            .context = &comparison};
        int r = swb_encoder_new(&job, &encoder);

        for (size_t done = 0; done < n_opened && r >= 0; done += FEED_BYTES)
                r = swb_encoder_put(encoder, opened + done, SWB_MIN(FEED_BYTES, n_opened - done));
        if (r >= 0)
                r = swb_encoder_finish(encoder);
        *ret_equal = comparison.done;
        if (r == -ENOMEM)
                return r;
        return r < 0 ? SWB_NOT_PROVED : SWB_PROVED;
}

/* The first one is the likeliest; what is allowed, but too large, is told first. */
static bool refuse(struct swb_closed *refused, enum swb_closed_why why, uint64_t memory,
                   uint64_t limit)
{
        if (refused->why == SWB_CLOSED_NOT || refused->why < why)
                *refused = (struct swb_closed){
                        .why = why, .memory_bytes = memory, .limit_bytes = limit};
        return false;
}

static bool is_allowed(struct swb_proofs *proofs, const struct swb_setting *setting,
                       size_t n_encoded, size_t n_opened)
{
        const struct swb_find_limits *limits = proofs->limits;
        uint64_t memory = swb_encoder_memory(setting, n_opened, n_encoded);
        char name[SWB_ENCODERS_TEXT_MAX];

        swb_setting_name(setting, name);
        if (limits->encoders && !swb_has_word(limits->encoders, name))
                return refuse(&proofs->refused, SWB_CLOSED_NOT_ALLOWED, 0, 0);
        if (memory > limits->encoder_memory_bytes)
                return refuse(&proofs->refused, SWB_CLOSED_ENCODER_MEMORY, memory,
                              limits->encoder_memory_bytes);
        return true;
}

/* By what is known of the group, and by what is usual. */
static void list_candidates(struct candidates *list, const struct group *group,
                            const struct swb_span *span, const struct encoded *of)
{
        /* erofs's fast encoder has two ways, which take turns: both are at the head of the list */
        if (group->known.encoder != SWB_ENCODER_NONE &&
            group->known.encoder != SWB_ENCODER_EROFS_LZ4)
                add(list, group->known);
        if (span->guess.encoder != SWB_ENCODER_NONE)
                add(list, span->guess);
        add_all(list, span, of);
}

int swb_prove_most(struct swb_proofs *proofs, const struct swb_span *span, const uint8_t *encoded,
                   size_t n_encoded, const uint8_t *opened, size_t n_opened,
                   struct swb_setting *ret, size_t *ret_equal)
{
        struct group *group = &proofs->groups[span->group];
        struct candidates list = {0};
        const struct encoded of = {encoded, n_encoded, n_opened};

        *ret_equal = 0;
        proofs->refused = (struct swb_closed){0};
        if (group->n_failures >= FAILURES_MAX)
                return SWB_NOT_PROVED;
        list_candidates(&list, group, span, &of);
        for (size_t i = 0; i < list.n; i++) {
                size_t n_equal;
                int r;

                if (!is_allowed(proofs, &list.items[i], n_encoded, n_opened))
                        continue;
                r = swb_prove_setting(&list.items[i], encoded, n_encoded, opened, n_opened,
                                      &n_equal);
                if (r < 0)
                        return r;
                if (n_equal > *ret_equal || r == SWB_PROVED) {
                        *ret = list.items[i];
                        *ret_equal = n_equal;
                }
                if (r == SWB_PROVED || (*ret_equal > n_encoded / 2 &&
                                        (i > 0 || list.items[i].encoder != SWB_ENCODER_EROFS_LZ4)))
                        break;
        }
        if (*ret_equal > n_encoded / 2)
                group->known = *ret;
        return *ret_equal == n_encoded ? SWB_PROVED : SWB_NOT_PROVED;
}

int swb_prove(struct swb_proofs *proofs, const struct swb_span *span, const uint8_t *encoded,
              size_t n_encoded, const uint8_t *opened, size_t n_opened, struct swb_setting *ret)
{
        struct group *group = &proofs->groups[span->group];
        size_t n_equal;
        int r = swb_prove_most(proofs, span, encoded, n_encoded, opened, n_opened, ret, &n_equal);

        if (r == SWB_PROVED) {
                group->known = *ret;
                group->n_failures = 0;
        } else if (r == SWB_NOT_PROVED) {
                group->n_failures++;
        }
        return r;
}
