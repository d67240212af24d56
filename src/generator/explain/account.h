/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/explain/account.h - a payload's bytes by what they make and by what they are
 *
 * Each byte of data counts once: for a class of files, for a lot in them (code, symbols …), and for
 * the stream in which it lies.
 */
#include "generator/explain/classes.h"
#include "generator/explain/shares.h"

/* Behind the streams of differences: */
enum {
        SWB_ACCOUNT_PACKED = SWB_SHARE_STREAMS, /* contents without anything old */
        SWB_ACCOUNT_PATCHES,                    /* differences in formats for other clients */
        SWB_ACCOUNT_STREAMS,
};

/* Streams, summed up. */
enum swb_account_group {
        SWB_GROUP_CONTROL, /* plan, lengths, moves */
        SWB_GROUP_DIFFERENCES,
        SWB_GROUP_NEW_BYTES,
        SWB_GROUP_CORRECTIONS,
        SWB_GROUP_PACKED,
        SWB_GROUP_HEADS, /* tables, recipes */
        SWB_GROUP_PATCHES,
        _SWB_GROUP_MAX,
        _SWB_GROUP_INVALID = -EINVAL,
};

struct swb_account {
        uint64_t bytes[_SWB_CLASS_MAX][_SWB_LOT_MAX][SWB_ACCOUNT_STREAMS];
        uint64_t files[_SWB_CLASS_MAX]; /* that take any */
};

/* Adds a run of a difference's target, or so many bytes of one stream. */
void swb_account_add_share(struct swb_account *account, enum swb_class class,
                           const struct swb_share *share);
void swb_account_add(struct swb_account *account, enum swb_class class, enum swb_lot lot,
                     unsigned stream, uint64_t bytes);

/* class, lot: _SWB_CLASS_MAX, _SWB_LOT_MAX for all. */
uint64_t swb_account_of_stream(const struct swb_account *account, enum swb_class class,
                               enum swb_lot lot, unsigned stream);
uint64_t swb_account_of_group(const struct swb_account *account, enum swb_class class,
                              enum swb_lot lot, enum swb_account_group group);
uint64_t swb_account_sum(const struct swb_account *account, enum swb_class class, enum swb_lot lot);

/* "plan", "lengths of copies" … "corrections" (of any kind) … "patches". */
const char *swb_account_stream_name(unsigned stream);
/* The kind of field whose corrections the stream has, or NULL. */
const char *swb_account_stream_kind(unsigned stream);
enum swb_account_group swb_account_group_of(unsigned stream);
/* "control", "differences" … */
const char *swb_account_group_to_string(enum swb_account_group group);
