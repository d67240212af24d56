/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/operations.h - a growing list of operations whose data waits in a spool
 */
#include "generator/pack/spool.h"
#include "generator/plan/rules.h"
#include "generator/scan/extents.h"

/* Operations whose data_offset counts from the spool's start; extents are their own. */
struct swb_operation_list {
        struct swb_operation *items;
        size_t n, cap;
};

void swb_operation_list_done(struct swb_operation_list *list);
/* Moves all of `from` to the end of `to`. 0, -ENOMEM. */
int swb_operation_list_take(struct swb_operation_list *to,
                            struct swb_operation_list *from) _warn_unused_;

/* Appends an operation with copies of these extents (src NULL: without source); NULL when out of
 * memory. The pointer is good until the next call. */
struct swb_operation *swb_operation_list_add(struct swb_operation_list *list, enum swb_op_type type,
                                             const struct swb_extent_list *src,
                                             const struct swb_extent_list *dst);

/* Says of a difference what it is made from: the hash of the source's bytes and, where the format
 * wants them, both lengths. */
void swb_operation_set_source(struct swb_operation *op, const struct swb_rules *rules,
                              const struct swb_extent_list *src, const struct swb_extent_list *dst,
                              const uint8_t *src_hash);

/* Puts the operation's data into the spool and its hash into the operation. IO, NO_SPACE. */
int swb_operation_set_data(struct swb_operation *op, struct swb_spool *spool, const uint8_t *data,
                           size_t n_bytes, struct swb_error *err) _warn_unused_;
