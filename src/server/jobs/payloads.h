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
#include "server/jobs/plan.h"

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

/* Works on a job that was claimed, to its end; the row says how it went. Fails only when the
 * database does. */
int swb_payloads_run(struct swb_db *db, const struct swb_payloads_config *config, int64_t job,
                     struct swb_error *err) _warn_unused_;
