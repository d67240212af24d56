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

/* One is filled, one is written, one waits for its turn. Small ones: with two cores, too, an
 * operation may have what docs/spec/payload.md PF-117 says. */
#define SWB_OUTBOX_BUFFERS 3u
#define SWB_OUTBOX_BYTES ((size_t)512 << 10)

/* Starts the thread; it is confined as the caller is at this time. NO_MEMORY, or IO when there can
 * be no thread. */
int swb_outbox_new(struct swb_outbox **ret, struct swb_error *err) _warn_unused_;
/* Writes what it has, then ends. */
struct swb_outbox *swb_outbox_free(struct swb_outbox *outbox);
SWB_DEFINE_CLEANUP(struct swb_outbox *, swb_outbox_free)

/* The buffer that is next, SWB_OUTBOX_BYTES; waits until there is one. The same one again until it
 * is put. */
int swb_outbox_take(struct swb_outbox *outbox, uint8_t **ret_buffer,
                    struct swb_error *err) _warn_unused_;
/* Its first n bytes are to be written to the place; it is no longer the caller's. */
void swb_outbox_put(struct swb_outbox *outbox, const struct swb_extent_place *place, size_t n);

/* How many were put; the thread that does that may ask. */
uint64_t swb_outbox_count(const struct swb_outbox *outbox);
/* Until so many are written. For any thread. */
int swb_outbox_wait(struct swb_outbox *outbox, uint64_t count, struct swb_error *err) _warn_unused_;
