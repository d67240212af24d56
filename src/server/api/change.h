/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/api/change.h - between the files that run a request: run.c and change.c */
#include "server/api/internal.h"

/* Runs a route that changes something, to its commit. */
int swb_api_change(struct swb_api_call *call, struct swb_error *err) _warn_unused_;
/* ETag of what a reading route shows. */
int swb_api_tag(struct swb_api_call *call, struct swb_error *err) _warn_unused_;

/* Of run.c. */
int swb_api_find_app(struct swb_api_call *call, struct swb_error *err) _warn_unused_;
int swb_api_end_answer(struct swb_api_call *call, struct swb_error *err) _warn_unused_;
