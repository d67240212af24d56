/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/http/listen.h - a listening TCP socket from "ADDRESS:PORT" */
#include "base/error.h"

#define SWB_LISTEN_TEXT_MAX 80

/*
 * "127.0.0.1:8080", "[::1]:8080", "localhost:0", ":8080" (all IPv4 addresses), "[::]:8080" (all
 * addresses). Port 0: any free one.
 * Non-blocking. ret_text (SWB_LISTEN_TEXT_MAX bytes): the address and port that it got, in the same
 * form. USAGE: not such a text; NETWORK: the address is not ours, in use, or unknown.
 */
int swb_listen(const char *address, int *ret_fd, char *ret_text,
               struct swb_error *err) _warn_unused_;
