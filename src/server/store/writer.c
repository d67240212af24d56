/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/writer.h"

#include <pthread.h>

#define COLLISIONS_MAX 8
/* What nobody waits for is written after this time, or when there are so many. */
#define GATHER_MSEC 50
#define RECOUNT_SECONDS 600
#define GATHER_MAX 512

struct swb_writer {
        struct swb_db *db; /* of the thread alone, as is the fleet */
        struct swb_fleet *fleet;
        int64_t counted_at; /* seconds since 1970 */
        struct swb_member_writer members;
        struct swb_egress egress; /* of a transaction that has it locked */
        void (*on_failure)(size_t n, const struct swb_error *err);
        pthread_t thread;
        bool has_thread;

        pthread_mutex_t lock; /* for all below */
        pthread_cond_t wake;
        struct swb_checkin *first, **last;
        size_t n, n_bytes;
        bool is_urgent; /* somebody waits */
        bool stop, failing;
        struct swb_fleet_totals totals;
};

/* Signs of life that nobody waits for gather for a moment: one commit, and one wake-up, for many.
 */
static void wait_for_work(struct swb_writer *writer)
{
        struct timespec until;
        int r = 0;

        while (!writer->first && !writer->stop)
                (void)pthread_cond_wait(&writer->wake, &writer->lock);
        (void)clock_gettime(CLOCK_MONOTONIC, &until); /* can't fail for this clock */
        until.tv_nsec += GATHER_MSEC * 1000000l;
        until.tv_sec += until.tv_nsec / 1000000000l;
        until.tv_nsec %= 1000000000l;
        while (!writer->is_urgent && !writer->stop && writer->n < GATHER_MAX && r != ETIMEDOUT)
                r = pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
}

/* Waits for work. The next group, in order; NULL: stop, and nothing is left. */
static struct swb_checkin *take_group(struct swb_writer *writer)
{
        struct swb_checkin *group, **end;

        (void)pthread_mutex_lock(&writer->lock);
        wait_for_work(writer);
        group = writer->first;
        end = &writer->first;
        for (size_t i = 0; *end && i < SWB_WRITER_GROUP_MAX; i++) {
                writer->n--;
                writer->n_bytes -= swb_checkin_bytes(*end);
                end = &(*end)->next;
        }
        writer->first = *end;
        if (!writer->first) {
                writer->last = &writer->first;
                writer->is_urgent = false;
        }
        if (group)
                *end = NULL;
        (void)pthread_mutex_unlock(&writer->lock);
        return group;
}

static bool concerns_members(const struct swb_checkin *group)
{
        for (; group; group = group->next)
                if (swb_checkin_takes(group) || swb_checkin_concerns_members(group))
                        return true;
        return false;
}

/* Only what fits the caps is stored, and only what is stored counts. */
static int confirm(struct swb_writer *writer, struct swb_checkin *c, struct swb_error *err)
{
        struct swb_egress before = writer->egress;
        int r = 0;

        if (swb_checkin_takes(c) && swb_checkin_has_egress(c))
                r = swb_checkin_count_egress(c, writer->fleet, &writer->egress, err);
        if (r < 0)
                return r;
        swb_checkin_confirm(c);
        if (c->is_late)
                writer->egress = before;
        return 0;
}

/* Members of rollouts are written in turns with other servers, so this comes last, and only when it
 * must: what a turn has confirmed holds until its end. */
static int record_members(struct swb_writer *writer, struct swb_checkin *group,
                          struct swb_error *err)
{
        struct swb_rollouts *rollouts = group->rollouts;
        int r;

        r = swb_rollouts_sync(rollouts, writer->db, err);
        if (r < 0 || !concerns_members(group))
                return r;
        r = swb_rollouts_take_turn(rollouts, writer->db, &writer->members, err);
        /* All of them before the first row: a row shows all that was taken. */
        for (struct swb_checkin *c = group; r >= 0 && c; c = c->next)
                r = confirm(writer, c, err);
        for (const struct swb_checkin *c = group; r >= 0 && c; c = c->next) {
                if (c->is_late)
                        continue;
                if (swb_checkin_takes(c))
                        r = swb_checkin_record(c, writer->fleet, err);
                if (r >= 0)
                        r = swb_checkin_record_members(c, &writer->members, err);
        }
        return r;
}

static bool has_egress(const struct swb_checkin *group)
{
        for (; group; group = group->next)
                if (swb_checkin_has_egress(group))
                        return true;
        return false;
}

static int record_one(struct swb_writer *writer, struct swb_checkin *c, struct swb_error *err)
{
        int r = 0;

        if (swb_checkin_has_egress(c))
                r = swb_checkin_count_egress(c, writer->fleet, &writer->egress, err);
        return r < 0 || c->is_late ? r : swb_checkin_record(c, writer->fleet, err);
}

static int record_all(struct swb_writer *writer, struct swb_checkin *group, struct swb_error *err)
{
        bool counts = has_egress(group);
        int r = counts ? swb_egress_lock(writer->db, &writer->egress, err) : 0;

        for (struct swb_checkin *c = group; r >= 0 && c; c = c->next)
                if (!c->is_late && !swb_checkin_takes(c))
                        r = record_one(writer, c, err);
        if (r >= 0 && group->rollouts)
                r = record_members(writer, group, err);
        if (r >= 0 && counts)
                r = swb_egress_write(writer->db, &writer->egress, err);
        return r < 0 ? r : swb_fleet_flush(writer->fleet, err);
}

/* The totals in memory are our own; where others write, too, they are set right now and then. */
static int recount_if_due(struct swb_writer *writer, struct swb_error *err)
{
        int64_t now = (int64_t)time(NULL);

        if (!swb_db_is_shared(writer->db) || now - writer->counted_at < RECOUNT_SECONDS)
                return 0;
        writer->counted_at = now;
        return swb_fleet_recount(writer->fleet, err);
}

static int record(struct swb_writer *writer, struct swb_checkin *group, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        int r;

        swb_fleet_begin(writer->fleet);
        writer->members.seq = 0;
        r = swb_transaction_begin_rows(&t, writer->db, err);
        if (r >= 0)
                r = recount_if_due(writer, err);
        if (r >= 0)
                r = record_all(writer, group, err);
        if (r >= 0)
                r = swb_transaction_commit(&t, err);
        if (r < 0) {
                swb_fleet_rollback(writer->fleet);
                return r;
        }
        if (writer->members.seq > 0)
                swb_rollouts_end_turn(group->rollouts, &writer->members);
        return 0;
}

/* Two servers that write the same devices may stand in each other's way. */
static int record_with_patience(struct swb_writer *writer, struct swb_checkin *group,
                                struct swb_error *err)
{
        int r = -EDEADLK;

        for (int i = 0; i < COLLISIONS_MAX && r == -EDEADLK; i++) {
                *err = SWB_ERROR_INIT;
                r = record(writer, group, err);
        }
        return r;
}

static void finish(struct swb_checkin *checkin, const struct swb_error *err)
{
        struct swb_error late = SWB_ERROR_INIT;

        if (!err && checkin->is_late) {
                swb_checkin_take_back(checkin); /* before anybody decides again */
                (void)swb_fail(&late, -ESTALE, SWB_FAULT_BUSY, "the last place has gone");
                err = &late;
        }
        if (checkin->done)
                checkin->done(checkin->userdata, err);
        (void)swb_checkin_free(checkin);
}

static void set_failing(struct swb_writer *writer, bool failing)
{
        (void)pthread_mutex_lock(&writer->lock);
        writer->failing = failing;
        swb_fleet_totals(writer->fleet, &writer->totals);
        (void)pthread_mutex_unlock(&writer->lock);
}

/* Is it one of a list that can't be stored, rather than none of them? */
static bool is_about_content(const struct swb_error *err)
{
        return err->code == -EEXIST; /* a constraint of the schema */
}

/* Records a list and tells everybody in it, who are gone then. A list of several that one of them
 * spoils is left alone and -EAGAIN returned, so that they can be tried one by one. */
static int write_list(struct swb_writer *writer, struct swb_checkin *list)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_checkin *next;
        size_t n = 0;
        int r;

        r = record_with_patience(writer, list, &err);
        if (r < 0 && list->next && is_about_content(&err))
                return -EAGAIN;
        set_failing(writer, r < 0);
        for (; list; list = next, n++) {
                next = list->next;
                list->is_stored = r >= 0 && !list->is_late;
                finish(list, r < 0 ? &err : NULL);
        }
        if (r < 0)
                writer->on_failure(n, &err);
        return 0;
}

static void write_group(struct swb_writer *writer, struct swb_checkin *group)
{
        struct swb_checkin *next;

        if (write_list(writer, group) == 0)
                return;
        for (; group; group = next) {
                next = group->next;
                group->next = NULL;
                (void)write_list(writer, group);
        }
}

static void *run(void *userdata)
{
        struct swb_writer *writer = userdata;
        struct swb_checkin *group;

        while ((group = take_group(writer)))
                write_group(writer, group);
        return NULL;
}

int swb_writer_new(const char *store, const struct swb_fleet_limits *limits,
                   void (*on_failure)(size_t n, const struct swb_error *err),
                   struct swb_writer **ret, struct swb_error *err)
{
        _cleanup_(swb_writer_freep) struct swb_writer *writer = calloc(1, sizeof(*writer));
        pthread_condattr_t clock;
        int r;

        if (!writer)
                return swb_oom(err);
        writer->on_failure = on_failure;
        writer->last = &writer->first;
        (void)pthread_mutex_init(&writer->lock, NULL); /* can't fail without attributes */
        (void)pthread_condattr_init(&clock);
        (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
        (void)pthread_cond_init(&writer->wake, &clock);
        (void)pthread_condattr_destroy(&clock);
        r = swb_db_open(store, SWB_DB_CREATE, &writer->db, err);
        if (r >= 0)
                r = swb_fleet_new(writer->db, limits, &writer->fleet, err);
        if (r >= 0)
                r = swb_member_writer_init(&writer->members, writer->db, err);
        if (r < 0)
                return r;
        swb_fleet_totals(writer->fleet, &writer->totals);
        r = -pthread_create(&writer->thread, NULL, run, writer);
        if (r < 0)
                return swb_fail_errno(err, r, "start the writer's thread");
        writer->has_thread = true;
        *ret = SWB_TAKE_PTR(writer);
        return 0;
}

void swb_writer_stop(struct swb_writer *writer)
{
        if (!writer->has_thread)
                return;
        (void)pthread_mutex_lock(&writer->lock);
        writer->stop = true;
        (void)pthread_cond_signal(&writer->wake);
        (void)pthread_mutex_unlock(&writer->lock);
        (void)pthread_join(writer->thread, NULL);
        writer->has_thread = false;
}

struct swb_writer *swb_writer_free(struct swb_writer *writer)
{
        if (!writer)
                return NULL;
        swb_writer_stop(writer);
        (void)swb_fleet_free(writer->fleet);
        swb_member_writer_done(&writer->members);
        (void)swb_db_free(writer->db);
        (void)pthread_cond_destroy(&writer->wake);
        (void)pthread_mutex_destroy(&writer->lock);
        free(writer);
        return NULL;
}

int swb_writer_put(struct swb_writer *writer, struct swb_checkin *checkin)
{
        size_t n_bytes = swb_checkin_bytes(checkin);
        int r = -EAGAIN;

        checkin->next = NULL;
        (void)pthread_mutex_lock(&writer->lock);
        if (!writer->stop && writer->n < SWB_WRITER_QUEUE_MAX &&
            n_bytes <= SWB_WRITER_QUEUE_MAX_BYTES - writer->n_bytes) {
                *writer->last = checkin;
                writer->last = &checkin->next;
                writer->n++;
                writer->n_bytes += n_bytes;
                writer->is_urgent = writer->is_urgent || checkin->done;
                if (writer->n == 1 || writer->n == GATHER_MAX || checkin->done)
                        (void)pthread_cond_signal(&writer->wake);
                r = 0;
        }
        (void)pthread_mutex_unlock(&writer->lock);
        return r;
}

unsigned swb_writer_load(struct swb_writer *writer)
{
        size_t by_number, by_bytes;

        (void)pthread_mutex_lock(&writer->lock);
        by_number = writer->n * 100 / SWB_WRITER_QUEUE_MAX;
        by_bytes = writer->n_bytes * 100 / SWB_WRITER_QUEUE_MAX_BYTES;
        (void)pthread_mutex_unlock(&writer->lock);
        return (unsigned)SWB_MAX(by_number, by_bytes);
}

void swb_writer_totals(struct swb_writer *writer, struct swb_fleet_totals *ret)
{
        (void)pthread_mutex_lock(&writer->lock);
        *ret = writer->totals;
        (void)pthread_mutex_unlock(&writer->lock);
}

bool swb_writer_is_healthy(struct swb_writer *writer)
{
        bool failing;

        (void)pthread_mutex_lock(&writer->lock);
        failing = writer->failing;
        (void)pthread_mutex_unlock(&writer->lock);
        return !failing;
}
