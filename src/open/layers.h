/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/layers.h - the old content opened through all of a blob's layers (device side)
 */
#include "open/wrapper.h"

struct swb_open_source;

/*
 * `head`, `limits` and what read wants are borrowed. The memory beside what all need goes to the
 * layer that is read. Return: as swb_opened_new().
 */
int swb_open_source_new(const struct swb_open_head *head, swb_open_read read, void *context,
                        const struct swb_open_limits *limits, bool opens_first,
                        struct swb_open_source **ret) _warn_unused_;
/* All of it to scratch space (opens_first). As swb_opened_prepare(). */
int swb_open_source_prepare(struct swb_open_source *source) _warn_unused_;
struct swb_open_source *swb_open_source_free(struct swb_open_source *source);
SWB_DEFINE_CLEANUP(struct swb_open_source *, swb_open_source_free)

/* Exactly n bytes of what the last layer opens to: as swb_opened_read(). */
int swb_open_source_read(void *source, uint64_t offset, uint8_t *data, size_t n) _warn_unused_;
