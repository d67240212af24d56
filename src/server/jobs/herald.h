/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/jobs/herald.h - the thread that tells webhooks what the audit log says
 *
 * Each line that a webhook wants is POSTed as JSON, in order, one at a time; any answer but 2xx is
 * a failure and tried again after 5 s, 10 s … an hour. After SWB_HERALD_TRIES of them, or when more
 * than SWB_HERALD_LAG lines wait, lines are dropped and counted. At least once: a receiver knows a
 * repetition by X-Switchback-Delivery. Several servers share the webhooks by short leases.
 */
#include "server/store/db.h"

#define SWB_HERALD_TRIES 16
#define SWB_HERALD_LAG 10000

struct swb_herald;

int swb_herald_new(const char *store, struct swb_herald **ret, struct swb_error *err) _warn_unused_;
struct swb_herald *swb_herald_free(struct swb_herald *herald);
SWB_DEFINE_CLEANUP(struct swb_herald *, swb_herald_free)
