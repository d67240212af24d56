/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/respond/respond.h - the answer to a request, from what was decided
 *
 * Spec:   docs/spec/omaha.md OM-11 … OM-17
 */
#include "omaha/response.h"
#include "server/fleet/checkin.h"

struct swb_respond_options {
        /* Where payloads are, in the order to be tried: near ones of the device's network, then
         * what the catalog's mirrors say, then those that are for every device. */
        const char *const *near;
        size_t n_near;
        const char *const *codebases;
        size_t n_codebases;
        const char *address;            /* of the device; "": not needed */
        uint64_t poll_interval_seconds; /* 0: the devices' own */
};

/* Appends the body; every app of the request is answered, in its order. */
int swb_respond(const struct swb_checkin *checkin, const struct swb_respond_options *options,
                struct swb_buf *body, struct swb_error *err) _warn_unused_;
