/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/pieces/cut.h - the tasks of a full payload from which devices fetch what they lack
 *
 * Spec: docs/spec/payload.md, PF-90 to PF-94.
 * A piece is what is fetched or not, and compressed by itself. So it is cut along files, which
 * change or do not, and holds small files of one folder, which often change together; its size is
 * the middle between much that is fetched in vain and much that can't be compressed together.
 */
#include "generator/plan/task.h"
#include "generator/scan/blocks.h"
#include "generator/scan/scan.h"

/* Of a piece, except that the last one of a file or a folder may be smaller. Measured on 386 MB of
 * Debian with 21 of 178 packages changed: to fetch are 44.9 MB with half of it, 44.1 with
 * this, 43.8 with twice, 50.6 with eight times. */
#define SWB_PIECE_BLOCKS ((128u << 10) / SWB_BLOCK_BYTES)

/* Appends ZERO and REPLACE tasks, each block of the image in exactly one, in the order of folders
 * and names. Return: 0, -ENOMEM. */
int swb_pieces_cut(const struct swb_scan *scan, const struct swb_blocks *blocks,
                   struct swb_task_list *tasks) _warn_unused_;

/* What the manifest says of a piece: fills in dst_hash and tags (malloc'd), from the content of
 * the operation's destination. Return: 0, -ENOMEM. */
int swb_piece_describe(struct swb_operation *operation, const uint8_t *content,
                       size_t n_bytes) _warn_unused_;
