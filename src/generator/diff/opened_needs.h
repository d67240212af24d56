/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/opened_needs.h - what a payload's opened contents ask of a device
 *
 * Spec: docs/spec/payload.md PF-138
 */
#include "generator/diff/operations.h"
#include "open/encoder.h"
#include "open/wrapper.h"

_Static_assert(SWB_ENCODERS_TEXT_MAX == SWB_NEEDS_ENCODERS_MAX + 1, "all encoders fit");

/* Adds what these operations need, whose data is in the spool. open_memory_bytes: of the rules.
 * Return: how many have opened contents; IO, NO_MEMORY, FORMAT. */
int swb_opened_needs_add(struct swb_needs *needs, uint64_t open_memory_bytes,
                         const struct swb_operation_list *list, const struct swb_spool *spool,
                         struct swb_error *err) _warn_unused_;
