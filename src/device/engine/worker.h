/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/engine/worker.h - a worker process: start it, hear it, end it
 *
 * Model: sd-event sources for its control socket, its exit and its time limits. A worker ends in
 * exactly one call of ended(), whatever it does: outcome, crash, silence, lies, or our own stop. A
 * worker dies with us: the kernel kills it, and its control socket ends.
 */
#include <systemd/sd-event.h>

#include "device/engine/message.h"

/* After a request to stop (SIGTERM), and between outcome and exit, before it is killed. */
#define SWB_WORKER_GRACE_USEC (10 * UINT64_C(1000000))

/* With talk_is_progress: talk alone is believed for this long. */
#define SWB_WORKER_TALK_USEC (6 * 3600 * UINT64_C(1000000))

/* How it ended. Valid for the call of ended(), also after the worker was freed in it, but for the
 * outcome. */
struct swb_worker_end {
        bool ok;
        bool has_crashed;       /* went without an outcome, unasked */
        struct swb_error cause; /* when not ok */
        uint64_t http_status, retry_after_usec;
        const struct swb_message *outcome; /* borrowed for the call; NULL when it gave none */
};

struct swb_worker_job {
        enum swb_worker_kind kind;
        const char *const *argv; /* without --control, which is added; borrowed for the call */
        const char *user;        /* NULL or "": ours */
        int input, output;       /* its 0 and 1, stay the caller's; -EBADF: /dev/null */
        uint64_t payload_bytes;  /* get, install */
        uint64_t silence_usec;   /* longest time without progress */
        bool talk_is_progress;   /* any message shows that it is alive: it waits for the network and
                                    says so */
        int64_t priority;        /* of its event sources: which of two workers is heard first */
        void (*heard)(void *context,
                      const struct swb_message *message); /* need, progress; or NULL */
        void (*ended)(void *context, const struct swb_worker_end *end); /* may free the worker */
        void *context;
};

#define SWB_WORKER_JOB_INIT ((struct swb_worker_job){.input = -EBADF, .output = -EBADF})
#define SWB_WORKER_ARGS_MAX 96

struct swb_worker;

int swb_worker_start(sd_event *event, const struct swb_worker_job *job, struct swb_worker **ret,
                     struct swb_error *err) _warn_unused_;
/* Asks it to end, then makes it; ended() follows with `why` as the cause, unless it already gave a
 * failed outcome of its own. */
void swb_worker_stop(struct swb_worker *worker, const struct swb_error *why);
/* It told how it ended, and may not have ended yet. */
bool swb_worker_has_outcome(const struct swb_worker *worker);
/* Something that it waits for is alive: its silence counts from now. */
void swb_worker_touch(struct swb_worker *worker);
/* It should end by itself now, within the grace. */
void swb_worker_hurry(struct swb_worker *worker);
/* Kills and reaps it now if it still runs; ended() is not called any more. */
struct swb_worker *swb_worker_free(struct swb_worker *worker);
SWB_DEFINE_CLEANUP(struct swb_worker *, swb_worker_free)
