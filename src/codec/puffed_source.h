/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/puffed_source.h - a puffed stream to be read at random, made as it is needed
 */
#include "codec/puff.h"
#include "codec/puff_layout.h"

struct swb_puffed_source;

/* Reader, context and layout are borrowed. Puffs of more than max_puff_bytes are refused (-E2BIG);
 * three times as much memory is used at most. */
int swb_puffed_source_new(swb_puff_read read, void *context, const struct swb_puff_layout *layout,
                          size_t max_puff_bytes, struct swb_puffed_source **ret) _warn_unused_;
struct swb_puffed_source *swb_puffed_source_free(struct swb_puffed_source *source);
SWB_DEFINE_CLEANUP(struct swb_puffed_source *, swb_puffed_source_free)

/* Exactly n bytes at offset, inside the puffed stream. Return: 0; -EBADMSG where the source does
 * not hold the blocks that the layout promises; -E2BIG; -ENOMEM; or what the reader returned. */
int swb_puffed_source_read(struct swb_puffed_source *source, uint64_t offset, uint8_t *data,
                           size_t n) _warn_unused_;
