/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/http/board.h - what pages show of the fleet as a whole, made once for all who look
 *
 * Model:  a thread with a connection to the database of its own. Each second it notes what the
 *         server has done; every SWB_BOARD_STREAM_SECONDS, while somebody listens, it sends all
 *         listeners the same piece of text made from memory; every SWB_HISTORY_SECONDS it takes a
 *         sample of the fleet. The overview reads all rows of devices: so it is kept, the longer
 *         the longer it took to make, and at most one is in the making.
 */
#include <microhttpd.h>

#include "base/buf.h"
#include "base/error.h"

struct swb_service;
struct swb_board;
struct swb_exchange;

#define SWB_BOARD_STREAM_SECONDS 2
/* Who listens holds a connection; further ones are sent away and ask again from time to time. */
#define SWB_BOARD_LISTENERS_MAX 64

/* The service must outlive it, and have its catalog, rollouts and writer. */
int swb_board_new(struct swb_service *service, struct swb_board **ret,
                  struct swb_error *err) _warn_unused_;
/* Ends the thread and all streams; no new ones begin. Before libmicrohttpd is stopped: it can't end
 * while a connection is suspended. NULL is fine. */
void swb_board_stop(struct swb_board *board);
/* After libmicrohttpd. */
struct swb_board *swb_board_free(struct swb_board *board);
SWB_DEFINE_CLEANUP(struct swb_board *, swb_board_free)

/* Appends the overview as JSON, seconds old. */
int swb_board_overview(struct swb_board *board, struct swb_buf *buf,
                       struct swb_error *err) _warn_unused_;
/* Appends "recent": the update checks of each SWB_BOARD_RECENT_SECONDS of the last hour. */
#define SWB_BOARD_RECENT_SECONDS 5
struct swb_json;
void swb_board_recent(struct swb_board *board, struct swb_json *json);

/* Server-sent events: takes the exchange over. */
enum MHD_Result swb_board_listen(struct swb_board *board, struct swb_exchange *exchange);
