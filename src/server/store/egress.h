/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/egress.h - how many bytes of payloads are offered in a second, and in a day
 *
 * Model:  one row, which all servers of a database share. A payload counts when a device is first
 *         told of its version; a device that was told goes on, however often it asks. What does
 *         not fit any more is offered later: downloads are never cut.
 *         In a second: the bytes that were offered take their time at this rate, and the next
 *         offer waits until all but one second of it has passed. In a day (UTC): their sum; a
 *         payload larger than that goes alone.
 */
#include "server/store/db.h"

/* Of both caps; also of what one payload counts. */
#define SWB_EGRESS_MAX_BYTES ((uint64_t)1 << 50)

struct swb_egress {
        uint64_t per_second, per_day; /* bytes; 0: no cap */
        int64_t day;                  /* days since 1970 that day_bytes is of */
        uint64_t day_bytes;
        int64_t free_at_usec; /* since 1970: when what was offered has had its time */
};

/* Why apps of a request were told to wait. */
struct swb_egress_hold {
        uint64_t apps; /* bit per app of the request */
        int64_t until; /* seconds since 1970 */
        bool is_day;   /* the day's bytes, not the second's */
};

static inline bool swb_egress_has_cap(const struct swb_egress *egress)
{
        return egress->per_second > 0 || egress->per_day > 0;
}

/* Does one more payload fit? Else ret_hold (but for `apps`) says until when not. */
bool swb_egress_fits(const struct swb_egress *egress, uint64_t n_bytes, int64_t now,
                     struct swb_egress_hold *ret_hold);
/* Counts it, whether it fits or not. */
void swb_egress_add(struct swb_egress *egress, uint64_t n_bytes, int64_t now);

int swb_egress_read(struct swb_db *db, struct swb_egress *ret, struct swb_error *err) _warn_unused_;
/* The same for a change: other servers wait until the end of the caller's transaction. */
int swb_egress_lock(struct swb_db *db, struct swb_egress *ret, struct swb_error *err) _warn_unused_;
int swb_egress_write(struct swb_db *db, const struct swb_egress *egress,
                     struct swb_error *err) _warn_unused_;
