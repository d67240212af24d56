/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/opened_facts.h - what a payload's opened contents ask of a device
 */
#include "generator/diff/operations.h"
#include "open/encoder.h"
#include "open/wrapper.h"

struct swb_opened_facts {
        char encoders[SWB_ENCODERS_TEXT_MAX]; /* names with a blank between; "" = nothing is opened
                                               */
        uint64_t memory_bytes, scratch_bytes; /* of the operation that takes most */
};

/* Adds what these operations need, whose data is in the spool. IO, NO_MEMORY. */
int swb_opened_facts_add(struct swb_opened_facts *facts, const struct swb_operation_list *list,
                         const struct swb_spool *spool, struct swb_error *err) _warn_unused_;
/* Adds what one operation needs whose data is here; nothing when it is of another kind. FORMAT. */
int swb_opened_facts_add_data(struct swb_opened_facts *facts, const struct swb_operation *op,
                              const uint8_t *data, struct swb_error *err) _warn_unused_;
