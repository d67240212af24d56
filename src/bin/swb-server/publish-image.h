/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-server/publish-image.h - `publish` of an image: its payloads are made in a job */
#include "bin/swb-server/server.h"
#include "server/jobs/payloads.h"

struct publish_image_options {
        const char *appid, *version, *pack_program;
        const char *const *keys;
        size_t n_keys;
        struct swb_payloads_plan plan;
        bool in_background; /* only makes the job: a running server works on it */
};

/* Is this a payload, and no image? IO. */
int publish_is_payload(const char *path, bool *ret, struct swb_error *err) _warn_unused_;
int publish_image(const char *path, const struct publish_image_options *options,
                  struct swb_error *err) _warn_unused_;
