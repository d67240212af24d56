/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/plan/programs.h - files whose addresses can be predicted
 *
 * Where content points follows from where everything in the file has gone: such a file is one
 * difference, from all of its partner, with all positions as in the file (holes count, too).
 */
#include "generator/plan/plan.h"

/* Which needed files of the new image are such? `whole`: one a file. Return: 0, IO. */
int swb_programs_find(const struct swb_plan_input *input, const uint32_t *partners,
                      const bool *needed, bool *whole, struct swb_error *err) _warn_unused_;
