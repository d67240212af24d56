/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/jobs/payloads.h - from an image to the payloads that the fleet needs
 *
 * A job makes the release's full payload, then deltas from the versions that devices really run,
 * that by which they are expected to save most first, until a budget is used up; what it measures
 * counts for what is expected of the next ones (candidates.h). Each payload is published as soon as
 * it is made; what is there already is not made again, so a job that was cut off goes on where it
 * stood. A delta that saves less than a tenth is thrown away.
 */
#include "server/store/jobs.h"
#include "server/store/payload_files.h"

#define SWB_IMAGE_FOLDER "images"
#define SWB_PACK_KEYS_MAX 4

struct swb_payloads_config {
        const char *data;
        const char *pack_program; /* path of swb-pack */
        const char *const *keys;  /* to sign with; none: nothing is signed */
        size_t n_keys;            /* at most SWB_PACK_KEYS_MAX */
        const bool *stop;         /* atomic: give the job back soon; NULL: never */
        void (*say)(const struct swb_job *job, void *userdata); /* progress; may be NULL */
        void *userdata;
};

/* What a job is asked for; JSON in the job's plan. */
struct swb_payloads_plan {
        char channel[SWB_NAME_MAX +
                     1]; /* that gives the release once its full payload is there; "" */
        uint64_t max_deltas;
        uint64_t cpu_seconds; /* of all deltas; 0: no limit */
        uint64_t delta_bytes; /* of all deltas; 0: no limit */
};

#define SWB_PAYLOADS_PLAN_DEFAULT                                                                  \
        ((struct swb_payloads_plan){.max_deltas = 5, .cpu_seconds = 4 * 3600})

/* Takes an image into the data folder, by its SHA-256. Whoever holds ret_lock_fd keeps it there
 * until its row is committed. */
int swb_payloads_store_image(const char *data, const char *path, struct swb_payload_file *ret,
                             int *ret_lock_fd, struct swb_error *err) _warn_unused_;
/* JSON of a plan; owned by the caller. NULL: out of memory. */
char *swb_payloads_plan_text(const struct swb_payloads_plan *plan);

/* Works on a job that was claimed, to its end; the row says how it went. Fails only when the
 * database does. */
int swb_payloads_run(struct swb_db *db, const struct swb_payloads_config *config, int64_t job,
                     struct swb_error *err) _warn_unused_;
