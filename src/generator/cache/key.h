/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* generator/cache/key.h - all that decides about a task's operations, in one hash */
#include "generator/cache/cache.h"
#include "generator/plan/rules.h"
#include "generator/plan/task.h"

/* tool: the program. src_hash (zeros without a source), dst_hash: of the task's bytes, in its
 * order. */
void swb_cache_key(const char *tool, const struct swb_rules *rules, const struct swb_task *task,
                   const uint8_t *src_hash, const uint8_t *dst_hash, struct swb_cache_key *ret);
