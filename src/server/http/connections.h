/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/http/connections.h - when each connection must have sent its next request
 *
 * libmicrohttpd's own time-out starts anew with every byte; a client that sends one byte a minute
 * would keep its place for ever. Here the whole request must have come within the time-out.
 */
#include <stdint.h>

#include "base/error.h"

struct swb_connections;
struct swb_connection;

struct swb_connections *swb_connections_new(uint64_t timeout_usec); /* NULL: out of memory */
/* All connections must have ended. */
struct swb_connections *swb_connections_free(struct swb_connections *all);
SWB_DEFINE_CLEANUP(struct swb_connections *, swb_connections_free)

/* A new connection, with its time running. NULL: out of memory. fd is borrowed and stays open until
 * _end(). */
struct swb_connection *swb_connection_begin(struct swb_connections *all, int fd);
void swb_connection_end(struct swb_connections *all, struct swb_connection *connection);
/* A whole request is here: no limit while it is answered. is_long: that may take hours, and may be
 * cut. */
void swb_connection_pause(struct swb_connections *all, struct swb_connection *connection,
                          bool is_long);
/* It was answered: time for the next one. */
void swb_connection_resume(struct swb_connections *all, struct swb_connection *connection);

/* Is there one that waits for an answer, or may be about to ask: with bytes that nobody has read,
 * or younger than this and without a request so far? */
bool swb_connections_owe(struct swb_connections *all, uint64_t new_usec);
/* Shuts down what is late; the owner then closes it. Returns how many. */
unsigned swb_connections_expire(struct swb_connections *all);
