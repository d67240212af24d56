/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/plan/cost.h - how long a task will take, as against others
 *
 * For the order of work and for what progress tells. Known beforehand are only kind and sizes; what
 * a difference really takes depends on how unlike its contents are, within a factor of about three.
 */
#include "generator/plan/rules.h"
#include "generator/plan/task.h"

/* In microseconds of a processor of 2026, about. At least 1. */
uint64_t swb_task_cost(const struct swb_rules *rules, const struct swb_task *task);
