/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/xz_filters.h - how liblzma is set to make what a recipe says; for xz*.c only
 */
#include <lzma.h>

#include "open/libraries.h"

/* Parameters: preset (16 more: extreme), dictionary; of xz also check, branch filter, way. */
enum { SWB_XZ_PRESET, SWB_XZ_DICTIONARY, SWB_XZ_CHECK, SWB_XZ_FILTER, SWB_XZ_WAY };
/* 0: as a stream; 1: all at once, which writes sizes into the block's head. From 4096: in blocks of
 * so many bytes with sizes in their heads, as xz(1) does it with threads. */
#define SWB_XZ_WAY_WHOLE 1u
#define SWB_XZ_WAY_BLOCKS 4096u

struct swb_xz_filters {
        lzma_options_lzma options;
        lzma_filter chain[3]; /* points into it */
};

/* 0, -EINVAL. */
int swb_xz_make_filters(const struct swb_setting *setting, struct swb_xz_filters *ret);

/* An encoder of several blocks, none of whose parts is more than one block in memory. */
struct swb_xz_blocks;

/* Beside the filters. */
uint64_t swb_xz_blocks_memory(const struct swb_setting *setting, uint64_t n_opened);
int swb_xz_blocks_new(const struct swb_encoder_job *job, lzma_filter *chain,
                      struct swb_xz_blocks **ret) _warn_unused_;
struct swb_xz_blocks *swb_xz_blocks_free(struct swb_xz_blocks *blocks);
SWB_DEFINE_CLEANUP(struct swb_xz_blocks *, swb_xz_blocks_free)
int swb_xz_blocks_put(struct swb_xz_blocks *blocks, const uint8_t *data, size_t n) _warn_unused_;
int swb_xz_blocks_finish(struct swb_xz_blocks *blocks) _warn_unused_;
