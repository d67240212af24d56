/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/closed_weigh.h - what contents that stay packed take of a payload
 */
#include "generator/diff/operations.h"
#include "generator/plan/closed_list.h"

/*
 * Counts what the operations, whose data is in the spool, have for each content of an image of so
 * many blocks. Keeps those that were not opened, or not all of them, and take a good part of their
 * size: the dearest first. IO, NO_MEMORY.
 */
int swb_closed_list_weigh(struct swb_closed_list *list, uint64_t n_blocks,
                          const struct swb_operation_list *operations,
                          const struct swb_spool *spool, struct swb_error *err) _warn_unused_;
