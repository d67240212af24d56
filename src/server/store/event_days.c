/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/event_days.h"

/* Kinds that one transaction may gather; more are written earlier. */
#define PENDING_MAX 64

struct swb_event_days {
        struct swb_event_day pending[PENDING_MAX];
        size_t n_pending;
        struct swb_query count, kinds, insert;
};

#define KEY "app = ? AND day = ? AND release = ? AND type = ? AND result = ? AND errorcode = ?"

int swb_event_days_new(struct swb_db *db, struct swb_event_days **ret, struct swb_error *err)
{
        _cleanup_(swb_event_days_freep) struct swb_event_days *days = calloc(1, sizeof(*days));
        int r;

        if (!days)
                return swb_oom(err);
        r = swb_query_init(&days->count, db,
                           "UPDATE event_days SET n = n + ? WHERE " KEY " RETURNING id", err);
        if (r >= 0)
                r = swb_query_init(&days->kinds, db,
                                   "SELECT count(*) FROM event_days WHERE app = ? AND day = ?",
                                   err);
        if (r >= 0)
                r = swb_query_init(&days->insert, db,
                                   "INSERT INTO event_days (n, app, day, release, type, result,"
                                   " errorcode) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (app, day,"
                                   " release, type, result, errorcode) DO UPDATE SET"
                                   " n = event_days.n + excluded.n",
                                   err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(days);
        return 0;
}

struct swb_event_days *swb_event_days_free(struct swb_event_days *days)
{
        if (!days)
                return NULL;
        swb_query_done(&days->count);
        swb_query_done(&days->kinds);
        swb_query_done(&days->insert);
        free(days);
        return NULL;
}

/* --- writing --- */

static void bind(struct swb_query *q, const struct swb_event_day *day)
{
        swb_query_bind_i64(q, (int64_t)day->n);
        swb_query_bind_i64(q, day->app);
        swb_query_bind_i64(q, day->day);
        swb_query_bind_text(q, day->release);
        swb_query_bind_i64(q, day->type);
        swb_query_bind_i64(q, day->result);
        swb_query_bind_i64(q, day->errorcode);
}

/* 1: there are as many kinds as there may be. */
static int is_full(struct swb_event_days *days, const struct swb_event_day *day,
                   struct swb_error *err)
{
        int64_t n;
        int r;

        swb_query_bind_i64(&days->kinds, day->app);
        swb_query_bind_i64(&days->kinds, day->day);
        r = swb_query_step(&days->kinds, err);
        if (r <= 0)
                return r;
        n = swb_query_i64(&days->kinds, 0);
        swb_query_reset(&days->kinds);
        return n >= SWB_EVENT_DAY_KINDS_MAX;
}

/* Adds to a kind that is there (nearly always), or makes it. */
static int write_one(struct swb_event_days *days, const struct swb_event_day *day,
                     struct swb_error *err)
{
        struct swb_event_day other = {.app = day->app, .day = day->day, .n = day->n};
        int r;

        bind(&days->count, day);
        r = swb_query_step(&days->count, err);
        if (r != 0) {
                if (r > 0)
                        r = swb_query_run(&days->count, err);
                return r;
        }
        r = is_full(days, day, err);
        if (r < 0)
                return r;
        bind(&days->insert, r > 0 ? &other : day);
        return swb_query_run(&days->insert, err);
}

static int compare(const void *a, const void *b)
{
        const struct swb_event_day *x = a, *y = b;
        const int64_t xs[] = {x->app, x->day, x->type, x->result, x->errorcode};
        const int64_t ys[] = {y->app, y->day, y->type, y->result, y->errorcode};

        for (size_t i = 0; i < SWB_ELEMENTS(xs); i++)
                if (xs[i] != ys[i])
                        return xs[i] < ys[i] ? -1 : 1;
        return strcmp(x->release, y->release);
}

/* In one order, so that servers on one database don't wait for each other in a ring. */
int swb_event_days_flush(struct swb_event_days *days, struct swb_error *err)
{
        int r = 0;

        qsort(days->pending, days->n_pending, sizeof(*days->pending), compare);
        for (size_t i = 0; r >= 0 && i < days->n_pending; i++)
                r = write_one(days, &days->pending[i], err);
        days->n_pending = 0;
        return r;
}

int swb_event_days_add(struct swb_event_days *days, const struct swb_event_day *day,
                       struct swb_error *err)
{
        struct swb_event_day *p = NULL;
        int r;

        for (size_t i = 0; !p && i < days->n_pending; i++)
                if (compare(&days->pending[i], day) == 0)
                        p = &days->pending[i];
        if (!p && days->n_pending == PENDING_MAX) {
                r = swb_event_days_flush(days, err);
                if (r < 0)
                        return r;
        }
        if (!p) {
                p = &days->pending[days->n_pending++];
                *p = *day;
                p->n = 0;
        }
        p->n++;
        return 0;
}

void swb_event_days_forget(struct swb_event_days *days)
{
        days->n_pending = 0;
}

/* --- reading --- */

static void read_day(const struct swb_query *q, struct swb_event_day *day)
{
        day->id = swb_query_i64(q, 0);
        day->app = swb_query_i64(q, 1);
        day->day = swb_query_i64(q, 2);
        swb_copy_bounded(day->release, swb_query_text(q, 3), SWB_VERSION_MAX);
        day->type = (int32_t)swb_query_i64(q, 4);
        day->result = (int32_t)swb_query_i64(q, 5);
        day->errorcode = (int32_t)swb_query_i64(q, 6);
        day->n = (uint64_t)swb_query_i64(q, 7);
}

int swb_event_day_list(struct swb_db *db, const struct swb_event_day_filter *filter,
                       int (*each)(const struct swb_event_day *day, const char *appid,
                                   void *userdata, struct swb_error *err),
                       void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_event_day day;
        int r;

        r = swb_query_begin(
                &q, db,
                "SELECT e.id, e.app, e.day, e.release, e.type, e.result, e.errorcode,"
                " e.n, a.appid FROM event_days e JOIN apps a ON a.id = e.app"
                " WHERE (?1 = 0 OR e.app = ?1) AND e.day >= ?2"
                " AND (?3 IS NULL OR e.release = ?3) AND (?4 = 0 OR e.id < ?4)"
                " ORDER BY e.id DESC LIMIT ?5",
                SWB_VALUES(SWB_NUMBER(filter->app), SWB_NUMBER(filter->since_day),
                           SWB_TEXT(filter->release), SWB_NUMBER(filter->before),
                           SWB_NUMBER((int64_t)SWB_MIN(filter->limit, (uint64_t)INT64_MAX))),
                err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                read_day(&q, &day);
                r = each(&day, swb_query_text(&q, 8), userdata, err);
        }
        return r;
}

int swb_event_day_drop(struct swb_db *db, int64_t before_day, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r = swb_query_init(&q, db, "DELETE FROM event_days WHERE day < ?", err);

        if (r < 0)
                return r;
        swb_query_bind_i64(&q, before_day);
        return swb_query_run(&q, err);
}
