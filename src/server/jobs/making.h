/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/jobs/making.h - one payload, made by swb-pack from images */
#include "server/jobs/candidates.h"

struct swb_making {
        const char *pack_program;
        const char *const *keys; /* to sign with */
        size_t n_keys;
        const char *appid, *version;
        const char *image;                      /* path */
        const char *source_version, *old_image; /* of a delta; NULL: a full payload */
        enum swb_delta_kind kind;               /* of a delta */
        const char *output;                     /* path; the manifest is beside it */
        uint64_t cpu_seconds_max;               /* LIMIT above it; 0: no limit */
        /* As of struct swb_pack_run. */
        int (*progress)(const char *stage, unsigned percent, void *userdata);
        void *userdata;
};

/* ret_cpu_msec is filled also after a failure; failures as of swb_pack_run(). */
int swb_make_payload(const struct swb_making *making, uint64_t *ret_bytes, int64_t *ret_cpu_msec,
                     struct swb_error *err) _warn_unused_;
/* Removes what was made, and the manifest beside it. */
void swb_remove_made(const char *output);
