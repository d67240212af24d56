/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/deflate_find.h - DEFLATE blocks in any data, found by what leads to them (making side)
 *
 * That is the head of a gzip file (kernels and initramfs images hold them too), of a zip archive's
 * member, or of a zlib stream (PNG, PDF, git packs, squashfs with gzip). A head that is none by
 * chance does no harm: each block is puffed, huffed and compared before it counts.
 */
#include "codec/puff_layout.h"

/*
 * Return: 0, and the data's layout and puffed stream (appended), both without blocks when there are
 * none; -E2BIG when the puffed stream is above the buffer's ceiling; -ENOMEM.
 */
int swb_deflate_find(const uint8_t *data, size_t n, struct swb_puff_layout *ret,
                     struct swb_buf *puffed) _warn_unused_;
