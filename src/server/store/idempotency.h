/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/idempotency.h - answers to requests that a client may send again
 *
 * An answer is stored in the transaction of its change, and kept for a day. Inside the caller's
 * transaction.
 */
#include "base/buf.h"
#include "server/store/db.h"

#define SWB_IDEMPOTENCY_SECONDS (24 * 3600)
#define SWB_IDEMPOTENCY_MAX 10000
#define SWB_IDEMPOTENCY_KEY_MAX 128

struct swb_kept_answer {
        unsigned status;
        char fingerprint[65]; /* of the request */
        char etag[40], location[256];
};

/* 1: there is one, its body is appended; 0: none. */
int swb_idempotency_find(struct swb_db *db, const char *who, const char *key,
                         struct swb_kept_answer *ret, struct swb_buf *body,
                         struct swb_error *err) _warn_unused_;
int swb_idempotency_put(struct swb_db *db, const char *who, const char *key,
                        const struct swb_kept_answer *answer, const char *body, int64_t now,
                        struct swb_error *err) _warn_unused_;
