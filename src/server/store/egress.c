/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/egress.h"

#define SECONDS_PER_DAY 86400
#define USEC_PER_SEC 1000000

static int64_t usec_of(const struct swb_egress *egress, uint64_t n_bytes)
{
        uint64_t bytes = SWB_MIN(n_bytes, SWB_EGRESS_MAX_BYTES);
        __uint128_t usec = (__uint128_t)bytes * USEC_PER_SEC / egress->per_second;

        /* 30 years: the sum with a time stays far from the type's end */
        return (int64_t)SWB_MIN(usec, (__uint128_t)USEC_PER_SEC * SECONDS_PER_DAY * 10950);
}

/* The cap of the second, as until when it is used up. */
static int64_t second_until(const struct swb_egress *egress, int64_t now)
{
        int64_t over = egress->free_at_usec - (now + 1) * USEC_PER_SEC;

        return egress->per_second > 0 && over > 0 ? now + 1 + over / USEC_PER_SEC : now;
}

static int64_t day_until(const struct swb_egress *egress, uint64_t n_bytes, int64_t now)
{
        uint64_t used = egress->day == now / SECONDS_PER_DAY ? egress->day_bytes : 0;

        if (egress->per_day == 0 || used == 0 ||
            (used <= egress->per_day && n_bytes <= egress->per_day - used))
                return now;
        return (now / SECONDS_PER_DAY + 1) * SECONDS_PER_DAY;
}

bool swb_egress_fits(const struct swb_egress *egress, uint64_t n_bytes, int64_t now,
                     struct swb_egress_hold *ret_hold)
{
        int64_t second = second_until(egress, now), day = day_until(egress, n_bytes, now);

        if (second == now && day == now)
                return true;
        ret_hold->is_day = day > second;
        ret_hold->until = SWB_MAX(day, second);
        return false;
}

void swb_egress_add(struct swb_egress *egress, uint64_t n_bytes, int64_t now)
{
        int64_t today = now / SECONDS_PER_DAY;

        if (egress->day != today)
                egress->day_bytes = 0;
        egress->day = today;
        egress->day_bytes = SWB_MIN(egress->day_bytes + SWB_MIN(n_bytes, SWB_EGRESS_MAX_BYTES),
                                    (uint64_t)INT64_MAX);
        if (egress->per_second > 0)
                egress->free_at_usec = SWB_MAX(egress->free_at_usec, now * USEC_PER_SEC) +
                                       usec_of(egress, n_bytes);
}

#define COLUMNS "per_second, per_day, day, day_bytes, free_at_usec"

static int read_row(struct swb_db *db, const char *sql, struct swb_egress *ret,
                    struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_init(&q, db, sql, err);
        if (r >= 0)
                r = swb_query_step(&q, err);
        if (r < 0)
                return r;
        *ret = (struct swb_egress){.per_second = (uint64_t)swb_query_i64(&q, 0),
                                   .per_day = (uint64_t)swb_query_i64(&q, 1),
                                   .day = swb_query_i64(&q, 2),
                                   .day_bytes = (uint64_t)swb_query_i64(&q, 3),
                                   .free_at_usec = swb_query_i64(&q, 4)};
        return 0;
}

int swb_egress_read(struct swb_db *db, struct swb_egress *ret, struct swb_error *err)
{
        return read_row(db, "SELECT " COLUMNS " FROM egress", ret, err);
}

int swb_egress_lock(struct swb_db *db, struct swb_egress *ret, struct swb_error *err)
{
        return read_row(db, "UPDATE egress SET day = day RETURNING " COLUMNS, ret, err);
}

int swb_egress_write(struct swb_db *db, const struct swb_egress *egress, struct swb_error *err)
{
        return swb_db_run(db,
                          "UPDATE egress SET per_second = ?, per_day = ?, day = ?,"
                          " day_bytes = ?, free_at_usec = ?",
                          SWB_VALUES(SWB_NUMBER((int64_t)egress->per_second),
                                     SWB_NUMBER((int64_t)egress->per_day), SWB_NUMBER(egress->day),
                                     SWB_NUMBER((int64_t)egress->day_bytes),
                                     SWB_NUMBER(egress->free_at_usec)),
                          err);
}
