/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/writer.h - the one thread that writes what devices say, many requests in one commit
 *
 * Model:  callers put checkins into a bounded queue and go on. The thread takes all that wait,
 * records them in one transaction, commits (which is on the medium then), and tells each. While it
 *         commits, the next ones gather: the load makes the groups.
 */
#include "server/fleet/checkin.h"

/* What may wait in the queue. */
#define SWB_WRITER_QUEUE_MAX 8192
#define SWB_WRITER_QUEUE_MAX_BYTES (32u << 20)
/* In one transaction. */
#define SWB_WRITER_GROUP_MAX 1024

struct swb_writer;

/* Opens its own connection to the database (`store`: as swb_db_open()) and starts the thread.
 * on_failure is called by the thread for each group that could not be stored (n: how many
 * checkins). */
int swb_writer_new(const char *store, const struct swb_fleet_limits *limits,
                   void (*on_failure)(size_t n, const struct swb_error *err),
                   struct swb_writer **ret, struct swb_error *err) _warn_unused_;
/* Writes what still waits and ends the thread; from now on nothing can be put. */
void swb_writer_stop(struct swb_writer *writer);
/* Stops it if that is not done. */
struct swb_writer *swb_writer_free(struct swb_writer *writer);
SWB_DEFINE_CLEANUP(struct swb_writer *, swb_writer_free)

/* 0: the checkin is the writer's now. -EAGAIN: the queue is full, it is still the caller's. */
int swb_writer_put(struct swb_writer *writer, struct swb_checkin *checkin) _warn_unused_;
/* Rows as of the last commit. */
void swb_writer_totals(struct swb_writer *writer, struct swb_fleet_totals *ret);
/* How full the queue is, 0 … 100. */
unsigned swb_writer_load(struct swb_writer *writer);
/* Did the last group reach the medium? True before the first. */
bool swb_writer_is_healthy(struct swb_writer *writer);
