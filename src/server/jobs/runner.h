/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/jobs/runner.h - the server's thread that works on jobs, one at a time */
#include "server/jobs/payloads.h"

struct swb_runner;

/* config's texts are borrowed until _free(). */
int swb_runner_new(const char *store, const struct swb_payloads_config *config,
                   struct swb_runner **ret, struct swb_error *err) _warn_unused_;
/* A job in work is given back, for the next start or another server. */
struct swb_runner *swb_runner_free(struct swb_runner *runner);
SWB_DEFINE_CLEANUP(struct swb_runner *, swb_runner_free)
