/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * base/control.h - a worker's end of the socket to the process that started it
 *
 * The option --control=FD names an inherited SOCK_SEQPACKET socket; each datagram is one block of
 * lines (base/kv.h). Which messages there are: docs/ARCHITECTURE.md, "Messages between the engine
 * and its workers".
 */
#include "base/buf.h"
#include "base/error.h"

#define SWB_CONTROL_MESSAGE_MAX_BYTES (16u << 10)

/* `option`: the option's value, or NULL when it was not given, and then there is no socket
 * (-EBADF). The socket will not be inherited further. USAGE when it is none. */
int swb_control_open(const char *option, int *ret_fd, struct swb_error *err) _warn_unused_;

/*
 * Sends a message. may_drop: it is lost rather than waited for when the other end is slow to read.
 * Return: 0, or -errno: -EPIPE and the like when nobody listens any more.
 */
int swb_control_send(int fd, const struct swb_buf *message, bool may_drop) _warn_unused_;

/* The beginning of the message that tells how it ended: TYPE and RESULT, and of a failure FAULT,
 * CODE and TEXT. failure NULL: it went well. Returns as swb_kv_put(). */
int swb_control_put_outcome(struct swb_buf *message, const struct swb_error *failure) _warn_unused_;
