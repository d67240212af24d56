/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/beside.h - one piece of work at a time on another core
 *
 * The caller gives it away, does something else, and waits for it before it goes on: what the work
 * reads and writes is nobody else's meanwhile.
 */
#include <pthread.h>

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

/* A thread with a small stack, as there is little address space: 0, or a positive errno. */
int swb_small_thread(void *(*run)(void *context), void *context,
                     pthread_t *ret_thread) _warn_unused_;
/* Tells the thread, which waits for `changed`, to stop, and waits for its end. */
void swb_small_thread_end(pthread_t thread, pthread_mutex_t *mutex, pthread_cond_t *changed,
                          bool *stop);
