/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/outbox.h - full buffers, written by another thread in the order they come
 *
 * The caller fills one while others are on their way. A failure is sticky: what comes behind it is
 * dropped, and everybody who asks is told. Whoever promises that something is written, or looks at
 * the files, waits first.
 */
#include "device/install/writer.h"

/* One is filled, one is written. No more: with two cores, too, an operation may have what
 * docs/spec/payload.md PF-117 says. One that takes less leaves room for more of them: sorted
 * content is made in bursts, which no medium takes as fast. */
#define SWB_OUTBOX_BUFFERS 2u
#define SWB_OUTBOX_BUFFERS_MAX 10u
#define SWB_OUTBOX_BYTES ((size_t)768 << 10)
_Static_assert(SWB_OUTBOX_BYTES <= SWB_IO_BYTES, "the read-back has one of each");

/* Starts the thread; it is confined as the caller is at this time. NO_MEMORY, or IO when there can
 * be no thread. */
int swb_outbox_new(struct swb_outbox **ret, struct swb_error *err) _warn_unused_;
/* Writes what it has, then ends. */
struct swb_outbox *swb_outbox_free(struct swb_outbox *outbox);
SWB_DEFINE_CLEANUP(struct swb_outbox *, swb_outbox_free)

/* From now on all buffers together may take so much memory, but there are always
 * SWB_OUTBOX_BUFFERS. Waits until what is too much is written and freed. Those above are had when
 * they are needed, if they can be. */
void swb_outbox_allow(struct swb_outbox *outbox, uint64_t n_bytes);

/* A buffer to be filled, SWB_OUTBOX_BYTES; waits until there is one. The same one again until it is
 * put. */
int swb_outbox_take(struct swb_outbox *outbox, uint8_t **ret_buffer,
                    struct swb_error *err) _warn_unused_;
/* The first n bytes of what was taken are to be written to the place; it is no longer the caller's.
 */
void swb_outbox_put(struct swb_outbox *outbox, const struct swb_extent_place *place, size_t n);

/* How many were put; the thread that does that may ask. */
uint64_t swb_outbox_count(const struct swb_outbox *outbox);
/* Until so many are written. For any thread. */
int swb_outbox_wait(struct swb_outbox *outbox, uint64_t count, struct swb_error *err) _warn_unused_;
