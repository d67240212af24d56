/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swb-pack/explain.h - what `swb-pack explain` prints
 */
#include "generator/explain/costs.h"
#include "open/encoder.h"

/* The `top` dearest files, how they are made, and what that takes of a device. */
void swb_explain_text(const struct swb_costs *costs, uint64_t top);
/* Some lines about one file; nothing when no operation writes it. */
void swb_explain_file_text(const struct swb_costs *costs, const struct swb_file *file);
/* All of it as one JSON object. */
int swb_explain_json(const struct swb_costs *costs, struct swb_error *err) _warn_unused_;
