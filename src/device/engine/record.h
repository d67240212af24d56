/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/engine/record.h - the members of a struct as KEY=value lines (base/kv.h), both ways
 *
 * One table a struct says which member has which key, so that what is written is what is read.
 * Empty texts, zeros and false are not written; a key that is missing is one of these when read,
 * but for those that are marked below.
 */
#include "base/kv.h"

enum swb_field_type {
        SWB_FIELD_TEXT,     /* char[]; one that does not fit is damage */
        SWB_FIELD_NUMBER,   /* uint64_t */
        SWB_FIELD_UNSIGNED, /* unsigned */
        SWB_FIELD_FLAG,     /* bool */
        SWB_FIELD_CODE,     /* int; always there */
        SWB_FIELD_FAULT,    /* enum swb_fault; always there, as the next three */
        SWB_FIELD_SLOT,     /* enum swb_slot */
        SWB_FIELD_PHASE,    /* enum swb_phase */
        SWB_FIELD_SHA256,   /* uint8_t[SWB_SHA256_BYTES], as hex */
};

struct swb_field {
        const char *key; /* NULL ends the table */
        enum swb_field_type type;
        size_t offset, n_bytes; /* of the member */
};

/* SWB_FIELD("OFFSET", NUMBER, struct swb_pending, offset) */
#define SWB_FIELD(name, kind, record, member)                                                      \
        {                                                                                          \
                name, SWB_FIELD_##kind, offsetof(record, member), sizeof(((record *)0)->member)    \
        }

/* Appends the lines. Returns as swb_kv_put(). */
int swb_record_put(struct swb_buf *buf, const struct swb_field *fields,
                   const void *record) _warn_unused_;
/* Fills the members. Return: NULL, or the key of one whose value is wrong; borrowed from the table.
 * The others are filled then, too. */
const char *swb_record_get(const struct swb_kv *kv, const struct swb_field *fields,
                           void *record) _warn_unused_;
