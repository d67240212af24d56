/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/writer.h"

#include <pthread.h>

#include "server/store/event_days.h"
#include "server/store/history.h"
#include "server/test-folder.h"

static struct swb_error err;

/* Counts answers; the writer's thread is the only one that writes, and it has ended before we read.
 */
struct tally {
        unsigned n_done, n_failed;
};

static void done(void *userdata, const struct swb_error *failure)
{
        struct tally *tally = userdata;

        tally->n_done++;
        if (failure)
                tally->n_failed++;
}

static unsigned n_failures;

static void on_failure(size_t n, const struct swb_error *failure)
{
        (void)n;
        (void)failure;
        n_failures++;
}

static struct swb_catalog *load(struct swb_db *db)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        struct swb_catalog *catalog = NULL;
        struct swb_app app;

        assert_ok(swb_transaction_begin(&t, db, &err), &err);
        assert_ok(swb_app_ensure(db, "app", 1, &app, &err), &err);
        assert_ok(swb_channel_set(db, app.id, "stable", 0, 1, &err), &err);
        assert_ok(swb_transaction_commit_catalog(&t, &err), &err);
        assert_ok(swb_catalog_load(db, &catalog, &err), &err);
        return catalog;
}

static struct swb_checkin *checkin(struct swb_catalog *catalog, int64_t now, const char *format,
                                   ...) __attribute__((format(printf, 3, 4)));

static struct swb_checkin *checkin(struct swb_catalog *catalog, int64_t now, const char *format,
                                   ...)
{
        struct swb_omaha_request *request = NULL;
        struct swb_checkin *c;
        char text[8192];
        va_list args;

        va_start(args, format);
        assert_true(vsnprintf(text, sizeof(text), format, args) < (int)sizeof(text));
        va_end(args);
        assert_ok(swb_omaha_request_parse(text, strlen(text), &request, &err), &err);
        c = swb_checkin_new(request, catalog, NULL, now);
        assert_non_null(c);
        return c;
}

#define REQUEST(head, inside)                                                                      \
        "<request protocol='3.0' " head "><app appid='app' version='1.0' " inside "</app></"       \
        "request>"

/* Puts one checkin through a fleet of its own, in one transaction. */
static void record(struct swb_db *db, const struct swb_fleet_limits *limits, struct swb_checkin *c)
{
        _cleanup_(swb_checkin_freep) struct swb_checkin *owned = c;
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        _cleanup_(swb_fleet_freep) struct swb_fleet *fleet = NULL;

        assert_ok(swb_fleet_new(db, limits, &fleet, &err), &err);
        assert_ok(swb_transaction_begin(&t, db, &err), &err);
        assert_ok(swb_checkin_record(owned, fleet, &err), &err);
        assert_ok(swb_fleet_flush(fleet, &err), &err);
        assert_ok(swb_transaction_commit(&t, &err), &err);
}

static int64_t number(struct swb_db *db, const char *sql)
{
        int64_t n;

        assert_ok(swb_db_number(db, sql, &n, &err), &err);
        return n;
}

/* Twenty kinds of events that no other number gives, and one that all do. */
static struct swb_checkin *many_kinds(struct swb_catalog *catalog, int number)
{
        char events[4096] = "<event eventtype='3' eventresult='0' nextversion='2.0'/>";

        for (int i = 1; i <= 20; i++) {
                size_t n = strlen(events);

                (void)snprintf(events + n, sizeof(events) - n,
                               "<event eventtype='3' eventresult='0' errorcode='%d'/>",
                               20 * number + i);
        }
        return checkin(catalog, 86400 * 3 + number, REQUEST("", "machineid='m'>%s"), events);
}

/* However many kinds of events devices think of, the table of days stays small, and the counts
 * stay whole; what is dropped by the limits stays counted. */
static void test_event_days(void **state)
{
        const struct swb_fleet_limits limits = {.devices = 10,
                                                .events_per_device = 2,
                                                .events_per_device_hour = 100000,
                                                .events = 3};
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = NULL;
        const int n = SWB_EVENT_DAY_KINDS_MAX / 20 + 2;
        const int64_t years = 3 * 365;

        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        catalog = load(db);
        for (int i = 0; i < n; i++)
                record(db, &limits, many_kinds(catalog, i));
        assert_int_equal(number(db, "SELECT count(*) FROM events"), 2);
        assert_int_equal(number(db, "SELECT count(*) FROM event_days"),
                         SWB_EVENT_DAY_KINDS_MAX + 1);
        assert_int_equal(number(db, "SELECT sum(n) FROM event_days WHERE day = 3"), 21 * n);
        assert_int_equal(number(db, "SELECT n FROM event_days WHERE release = '2.0'"), n);
        assert_int_equal(number(db, "SELECT n FROM event_days WHERE release = '' AND type = 0"),
                         20 * n + 1 - SWB_EVENT_DAY_KINDS_MAX);
        assert_ok(swb_history_thin(db, (years + 3) * 86400, &err), &err);
        assert_int_equal(number(db, "SELECT count(*) FROM event_days"),
                         SWB_EVENT_DAY_KINDS_MAX + 1);
        assert_ok(swb_history_thin(db, (years + 4) * 86400, &err), &err);
        assert_int_equal(number(db, "SELECT count(*) FROM event_days"), 0);
}

static void test_group_commit(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = NULL;
        struct swb_fleet_limits limits = SWB_FLEET_LIMITS_DEFAULT;
        struct swb_writer *writer = NULL;
        struct tally tally = {0};

        assert_ok(swb_writer_new(*state, &limits, on_failure, &writer, &err), &err);
        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        catalog = load(db);
        for (int i = 0; i < 500; i++) {
                struct swb_checkin *c =
                        checkin(catalog, 1000 + i,
                                REQUEST("requestid='%d'", "machineid='m%d'><event eventtype='13' "
                                                          "eventresult='1'/><updatecheck/>"),
                                i, i % 50);

                assert_true(swb_checkin_is_promise(c));
                c->done = done;
                c->userdata = &tally;
                assert_int_equal(swb_writer_put(writer, c), 0);
        }
        assert_true(swb_writer_load(writer) <= 100);
        writer = swb_writer_free(writer);
        assert_int_equal(tally.n_done, 500);
        assert_int_equal(tally.n_failed, 0);
        assert_int_equal(number(db, "SELECT count(*) FROM devices"), 50);
        assert_int_equal(number(db, "SELECT count(*) FROM events"), 500);
        assert_int_equal(number(db, "SELECT sum(n_events) FROM devices"), 500);
        assert_int_equal(number(db, "SELECT checks FROM daily"), 500);
        assert_int_equal(number(db, "SELECT devices FROM daily"), 50);
        assert_int_equal(number(db, "SELECT fresh FROM daily"), 50);
}

/* One bad checkin of a group fails alone. */
static void test_failure(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = NULL;
        struct swb_fleet_limits limits = SWB_FLEET_LIMITS_DEFAULT;
        struct swb_catalog_app nowhere = {.id = 4711, .appid = "gone"};
        struct swb_writer *writer = NULL;
        struct tally tally = {0};

        assert_ok(swb_writer_new(*state, &limits, on_failure, &writer, &err), &err);
        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        catalog = load(db);
        n_failures = 0;
        for (int i = 0; i < 20; i++) {
                struct swb_checkin *c =
                        checkin(catalog, 1000, REQUEST("", "machineid='m%d'><event/>"), i);

                if (i == 7)
                        c->decisions[0].app = &nowhere; /* breaks a foreign key */
                c->done = done;
                c->userdata = &tally;
                assert_int_equal(swb_writer_put(writer, c), 0);
        }
        writer = swb_writer_free(writer);
        assert_int_equal(tally.n_done, 20);
        assert_int_equal(tally.n_failed, 1);
        assert_int_equal(n_failures, 1);
        assert_int_equal(number(db, "SELECT count(*) FROM devices"), 19);
}

static void test_queue_is_bounded(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = NULL;
        struct swb_fleet_limits limits = SWB_FLEET_LIMITS_DEFAULT;
        struct swb_transaction t = {0};
        struct swb_writer *writer = NULL;
        int n = 0, r;

        assert_ok(swb_writer_new(*state, &limits, on_failure, &writer, &err), &err);
        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        catalog = load(db);
        assert_ok(swb_transaction_begin(&t, db, &err), &err); /* the writer must wait */
        do {
                struct swb_checkin *c =
                        checkin(catalog, 1000, REQUEST("", "machineid='m'><ping rd='-1'/>"));

                r = swb_writer_put(writer, c);
                if (r < 0)
                        (void)swb_checkin_free(c);
                n++;
        } while (r == 0 && n < 3 * SWB_WRITER_QUEUE_MAX);
        assert_int_equal(r, -EAGAIN);
        assert_int_equal(swb_writer_load(writer), 100);
        swb_transaction_done(&t);
        writer = swb_writer_free(writer);
        assert_int_equal(number(db, "SELECT count(*) FROM devices"), 1);
}

static void test_repeated_request(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = NULL;
        struct swb_fleet_limits limits = SWB_FLEET_LIMITS_DEFAULT;
        static const char request[] =
                REQUEST("requestid='r1'", "machineid='m'><event eventtype='3' "
                                          "eventresult='1'/><event/>");

        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        catalog = load(db);
        for (int i = 0; i < 3; i++)
                record(db, &limits, checkin(catalog, 1000 + i, request));
        assert_int_equal(number(db, "SELECT count(*) FROM events"), 2);
        for (int i = 0; i < 3; i++) /* without an id there is no telling */
                record(db, &limits, checkin(catalog, 2000, REQUEST("", "machineid='m'><event/>")));
        assert_int_equal(number(db, "SELECT count(*) FROM events"), 5);
}

static void test_limits(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = NULL;
        struct swb_fleet_limits limits = {
                .devices = 3, .events_per_device = 5, .events_per_device_hour = 8, .events = 9};

        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        catalog = load(db);
        for (int i = 0; i < 10; i++)
                record(db, &limits, checkin(catalog, 5000, REQUEST("", "machineid='m0'><event/>")));
        assert_int_equal(number(db, "SELECT count(*) FROM events"), 5);
        assert_int_equal(number(db, "SELECT n_events FROM devices"), 5);
        assert_int_equal(number(db, "SELECT dropped_events FROM devices"), 2);
        record(db, &limits, checkin(catalog, 5000 + 3600, REQUEST("", "machineid='m0'><event/>")));
        assert_int_equal(number(db, "SELECT dropped_events FROM devices"), 2);
        for (int i = 1; i < 6; i++)
                for (int k = 0; k < 4; k++)
                        record(db, &limits,
                               checkin(catalog, 9000, REQUEST("", "machineid='m%d'><event/>"), i));
        assert_int_equal(number(db, "SELECT count(*) FROM devices"), 3);
        assert_int_equal(number(db, "SELECT count(*) FROM events"), 9);
        assert_int_equal(number(db, "SELECT sum(n_events) FROM devices"), 9);
}

/* The old ones go as new ones come; what a device has had is counted right. */
static void test_old_events_go(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = NULL;
        struct swb_fleet_limits limits = SWB_FLEET_LIMITS_DEFAULT;

        limits.event_seconds = 1000;
        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        catalog = load(db);
        for (int i = 0; i < 20; i++)
                record(db, &limits,
                       checkin(catalog, 5000 + i, REQUEST("", "machineid='m%d'><event/>"), i));
        assert_int_equal(number(db, "SELECT count(*) FROM events"), 20);
        record(db, &limits, checkin(catalog, 6000, REQUEST("", "machineid='m0'><event/>")));
        assert_int_equal(number(db, "SELECT count(*) FROM events"), 21);
        for (int i = 0; i < 4; i++) /* not all at once */
                record(db, &limits, checkin(catalog, 6100, REQUEST("", "machineid='m0'><event/>")));
        assert_int_equal(number(db, "SELECT count(*) FROM events WHERE at < 5100"), 0);
        assert_int_equal(number(db, "SELECT count(*) FROM events"), 5);
        assert_int_equal(number(db, "SELECT n_events FROM devices WHERE machineid = 'm0'"), 5);
        assert_int_equal(number(db, "SELECT sum(n_events) FROM devices"), 5);
}

/* Long texts are cut, not refused. */
static void test_bounded_texts(void **state)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = NULL;
        struct swb_fleet_limits limits = SWB_FLEET_LIMITS_DEFAULT;

        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        catalog = load(db);
        record(db, &limits,
               checkin(catalog, 1,
                       REQUEST("", "machineid='m'><event _text='%03000d' _fault='%0100d'/>"), 7,
                       7));
        assert_int_equal(number(db, "SELECT length(text) FROM events"), SWB_TEXT_MAX);
        assert_int_equal(number(db, "SELECT length(fault) FROM events"), SWB_FAULT_NAME_MAX);
        /* An identity that is too long, or none, is no identity. */
        record(db, &limits, checkin(catalog, 1, REQUEST("", "machineid='%0200d'><event/>"), 7));
        record(db, &limits, checkin(catalog, 1, REQUEST("", "><event/>")));
        record(db, &limits,
               checkin(catalog, 1, REQUEST("testsource='t'", "machineid='t'><event/>")));
        record(db, &limits, checkin(catalog, 1, REQUEST("userid='{user}'", "><event/>")));
        assert_int_equal(number(db, "SELECT count(*) FROM devices"), 2);
        assert_int_equal(number(db, "SELECT count(*) FROM devices WHERE machineid = '{user}'"), 1);
}

/* Devices without an identity are counted by what they remember themselves. */
static void test_counts(void **state)
{
        static const struct {
                const char *ping;
                int devices, active, fresh;
        } cases[] = {
                {"<ping active='1' a='-1' r='-1'/>", 1, 1, 1},
                {"<ping active='1' r='1'/>", 1, 0, 0},
                {"<ping active='0' a='3' r='3'/>", 1, 0, 0},
                {"<ping active='1'/>", 0, 0, 0},
                {"<ping active='1' a='0' r='0'/>", 0, 0, 0},
                {"<ping rd='6161' ad='6161'/>", 0, 0, 0},
                {"<ping active='1' rd='6160' ad='6159'/>", 1, 1, 0},
                {"", 0, 0, 0},
        };
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = NULL;
        struct swb_fleet_limits limits = SWB_FLEET_LIMITS_DEFAULT;

        assert_ok(swb_db_open(*state, SWB_DB_CREATE, &db, &err), &err);
        catalog = load(db);
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                record(db, &limits,
                       checkin(catalog, 1700000000, REQUEST("", ">%s<updatecheck/>"),
                               cases[i].ping));
                if (number(db, "SELECT devices FROM daily") != cases[i].devices ||
                    number(db, "SELECT active FROM daily") != cases[i].active ||
                    number(db, "SELECT fresh FROM daily") != cases[i].fresh)
                        fail_msg("%s", cases[i].ping);
                assert_ok(swb_db_exec(db, "DELETE FROM daily", &err), &err);
        }
        assert_int_equal(number(db, "SELECT count(*) FROM devices"), 0);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_FOLDER(test_group_commit),     WITH_FOLDER(test_failure),
                WITH_FOLDER(test_queue_is_bounded), WITH_FOLDER(test_repeated_request),
                WITH_FOLDER(test_limits),           WITH_FOLDER(test_bounded_texts),
                WITH_FOLDER(test_counts),           WITH_FOLDER(test_event_days),
                WITH_FOLDER(test_old_events_go),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
