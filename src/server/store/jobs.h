/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/jobs.h - work that takes long, and the images that it works on
 *
 * A job belongs to whoever claimed it, for SWB_JOB_LEASE_SECONDS from its last progress: when that
 * one dies, another goes on with it. All verbs are short transactions of their own, but _create()
 * and the images' (inside the caller's).
 */
#include "server/auth/identity.h"
#include "server/store/db.h"

#define SWB_JOB_LEASE_SECONDS 60
#define SWB_JOBS_MAX 1000 /* kept; older ones that have ended go */

struct swb_job {
        int64_t id;
        char app[SWB_APPID_MAX + 1], version[SWB_VERSION_MAX + 1];
        char status[16]; /* queued, running, cancelling, done, failed, cancelled */
        char *plan;      /* JSON, owned */
        char *result;    /* JSON, owned */
        char step[SWB_NAME_MAX * 2];
        int64_t percent;
        char error[SWB_TEXT_MAX + 1];
        char who[SWB_WHO_MAX + 1];
        int64_t created, started, ended; /* seconds since 1970; 0: not yet */
        int64_t cpu_msec, n_bytes;       /* used, and made */
};

void swb_job_done(struct swb_job *job);

int swb_job_create(struct swb_db *db, const char *app, const char *version, const char *plan,
                   const char *who, int64_t now, int64_t *ret_id,
                   struct swb_error *err) _warn_unused_;
/* NOT_FOUND */
int swb_job_find(struct swb_db *db, int64_t id, struct swb_job *ret,
                 struct swb_error *err) _warn_unused_;
/* Newest first. */
int swb_job_list(struct swb_db *db, int64_t before, uint64_t limit,
                 int (*each)(const struct swb_job *job, void *userdata, struct swb_error *err),
                 void *userdata, struct swb_error *err) _warn_unused_;
/* The oldest that nobody is at becomes ours. id 0: any. 1: there was one; 0: none. */
int swb_job_claim(struct swb_db *db, int64_t id, int64_t now, int64_t *ret_id,
                  struct swb_error *err) _warn_unused_;
/* Stores step, percent, result, cpu_msec and n_bytes. 1: somebody wants it cancelled. */
int swb_job_progress(struct swb_db *db, const struct swb_job *job, int64_t now,
                     struct swb_error *err) _warn_unused_;
/* With this status; "queued": somebody else shall go on. */
int swb_job_end(struct swb_db *db, const struct swb_job *job, const char *status, int64_t now,
                struct swb_error *err) _warn_unused_;
/* Inside the caller's transaction. USAGE: it has ended. */
int swb_job_cancel(struct swb_db *db, const struct swb_job *job, int64_t now,
                   struct swb_error *err) _warn_unused_;

/* The image of a release: the file's SHA-256 in hex (65 bytes). Another one replaces it. */
int swb_image_put(struct swb_db *db, int64_t app, const char *version, const char *sha256,
                  uint64_t n_bytes, int64_t now, struct swb_error *err) _warn_unused_;
/* 1: there is one; 0: none. */
int swb_image_find(struct swb_db *db, int64_t app, const char *version, char *ret_sha256,
                   struct swb_error *err) _warn_unused_;

/* Versions that devices run and whose image is here, most devices first. */
int swb_image_sources(struct swb_db *db, int64_t app,
                      int (*each)(const char *version, const char *sha256, int64_t n_devices,
                                  void *userdata, struct swb_error *err),
                      void *userdata, struct swb_error *err) _warn_unused_;
