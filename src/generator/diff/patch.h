/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/patch.h - the difference of a task's contents, in the format that the rules name
 */
#include "codec/patch_memory.h"
#include "generator/plan/rules.h"
#include "generator/plan/task.h"

/* Tables of the encoders that pack a difference (bz2, brotli 11 with a window of 1 MiB). */
#define SWB_PATCH_ENCODER_BYTES ((uint64_t)64 << 20)

/* Bytes of the source, and what of the target is made of them. */
struct swb_patch_span {
        uint64_t old, n_old;
        uint64_t new, n_new;
};

/* A slice of the task's target against its whole source. */
struct swb_patch_input {
        const struct swb_rules *rules;
        const struct swb_task *task;
        const uint8_t *old, *new; /* of the whole task */
        uint64_t first, n_blocks; /* the slice of `new` */
        /* Instead of the slice and the task's parts: in order, all of `new`. */
        const struct swb_patch_span *spans;
        size_t n_spans;
        /* What a reader has for the patch and for applying it. */
        uint64_t memory_bytes;
};

/* Appends the patch. 0, -E2BIG (buf's ceiling), -ENOMEM. */
int swb_patch_make(const struct swb_patch_input *input, struct swb_buf *patch) _warn_unused_;

/* The most memory that it takes beside the contents; n_part: of the largest part of the source. */
uint64_t swb_patch_memory(const struct swb_rules *rules, uint64_t n_old, uint64_t n_part,
                          uint64_t n_new);
