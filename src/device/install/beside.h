/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/beside.h - one piece of work at a time on another core
 *
 * The caller gives it away, does something else, and waits for it before it goes on: what the work
 * reads and writes is nobody else's meanwhile.
 */
#include "base/error.h"

struct swb_beside;

/* Starts the thread; it is confined as the caller is at this time. NO_MEMORY, or IO when there can
 * be no thread. */
int swb_beside_new(struct swb_beside **ret, struct swb_error *err) _warn_unused_;
struct swb_beside *swb_beside_free(struct swb_beside *beside);
SWB_DEFINE_CLEANUP(struct swb_beside *, swb_beside_free)

/* Every start is followed by one wait. */
void swb_beside_start(struct swb_beside *beside, void (*work)(void *context), void *context);
void swb_beside_wait(struct swb_beside *beside);
