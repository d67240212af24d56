/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/http/workers.h - threads for what would hold up a thread that serves
 *
 * Model:  a bounded queue; each thread has a connection to the database of its own. The API's
 *         requests wait here, suspended, while devices are answered.
 */
#include "server/store/db.h"

#define SWB_WORKERS 2
#define SWB_WORKERS_QUEUE_MAX 256

struct swb_workers;

struct swb_work {
        /* db NULL: the workers are being stopped, or have no database. */
        void (*run)(struct swb_work *work, struct swb_db *db);
        struct swb_work *next;
};

int swb_workers_new(const char *store, struct swb_workers **ret,
                    struct swb_error *err) _warn_unused_;
/* Ends the threads; what still waits is run without a database. From now on nothing can be put. */
void swb_workers_stop(struct swb_workers *workers);
struct swb_workers *swb_workers_free(struct swb_workers *workers);
SWB_DEFINE_CLEANUP(struct swb_workers *, swb_workers_free)

/* -EAGAIN: the queue is full. */
int swb_workers_put(struct swb_workers *workers, struct swb_work *work) _warn_unused_;
