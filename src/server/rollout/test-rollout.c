/* SPDX-License-Identifier: Apache-2.0 */
/* The model of one rollout, rule by rule. */
#include "base/test.h"
#include "server/rollout/rollout.h"

static struct swb_error err;
static int64_t now;

static const struct swb_siphash_key keys[2] = {{{11, 12}}, {{13, 14}}};

static void plan(struct swb_rollout_setup *setup, const char *const *stages, size_t n)
{
        struct swb_stage defaults = {.bake_seconds = 100, .need = 2};

        *setup = (struct swb_rollout_setup){
                .id = 1,
                .app = 1,
                .version = "2.0",
                .salt = "pepper",
                .status = SWB_ROLLOUT_ACTIVE,
                .need = 2,
                .plan = {.max_failures = 3, .silent_seconds = 1000, .overdue_seconds = 5000}};
        for (size_t i = 0; i < n; i++)
                assert_ok(swb_stage_parse(stages[i], &defaults, &setup->plan.stages[i], &err),
                          &err);
        setup->plan.n_stages = n;
}

/* A rollout with these stages, at time 10000. */
#define START(...)                                                                                 \
        start((const char *const[]){__VA_ARGS__},                                                  \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static struct swb_rollout start(const char *const *stages, size_t n)
{
        struct swb_rollout_setup setup;
        struct swb_rollout r;

        now = 10000;
        plan(&setup, stages, n);
        setup.stage_opened = now;
        swb_rollout_init(&r, &setup, keys);
        return r;
}

static enum swb_hold ask_as(struct swb_rollout *r, const char *machineid, const char *class)
{
        struct swb_rollout_ask a = {
                .machineid = machineid, .hardware_class = class, .within_hours = true, .now = now};
        enum swb_hold peeked = swb_rollout_peek(r, &a), hold;
        int64_t at;
        enum swb_taken taken;

        hold = swb_rollout_admit(r, &a, &taken, &at);
        assert_int_equal(hold, peeked);
        return hold;
}

static enum swb_hold ask(struct swb_rollout *r, const char *machineid)
{
        return ask_as(r, machineid, "hw");
}

static void hear(struct swb_rollout *r, const char *machineid, const char *version, int type,
                 int result, const char *fault)
{
        struct swb_omaha_event event = {.type = type,
                                        .result = result,
                                        .previousversion = "1.0",
                                        .nextversion = "2.0",
                                        .fault = fault,
                                        .text = "",
                                        .slot = ""};

        assert_true(swb_rollout_hear(r, &(struct swb_rollout_word){.machineid = machineid,
                                                                   .version = version,
                                                                   .events = &event,
                                                                   .n_events = 1,
                                                                   .now = now}));
}

static void check_in(struct swb_rollout *r, const char *machineid, const char *version)
{
        assert_true(swb_rollout_hear(r, &(struct swb_rollout_word){.machineid = machineid,
                                                                   .version = version,
                                                                   .is_check = true,
                                                                   .now = now}));
}

static void succeed(struct swb_rollout *r, const char *machineid)
{
        hear(r, machineid, "2.0", SWB_OMAHA_EVENT_REBOOTED_AFTER_UPDATE, 1, "");
}

static enum swb_member_state state(const struct swb_rollout *r, const char *machineid)
{
        struct swb_member_row row;

        return swb_rollout_member(r, machineid, &row) ? row.state : SWB_MEMBER_NONE;
}

static void test_number_of_devices(void **context)
{
        _cleanup_(swb_rollout_done) struct swb_rollout r = START("2", "100%");

        (void)context;
        assert_int_equal(ask(&r, "a"), SWB_HOLD_NONE);
        assert_int_equal(ask(&r, "b"), SWB_HOLD_NONE);
        assert_int_equal(ask(&r, "c"), SWB_HOLD_FULL);
        assert_int_equal(ask(&r, "a"), SWB_HOLD_NONE); /* once in, always in */
        assert_int_equal(ask(&r, ""), SWB_HOLD_NO_ID);
        assert_int_equal(r.total.admitted, 2);
        swb_rollout_undo(&r, "a", SWB_TAKEN_PLACE);
        assert_int_equal(r.total.admitted, 1);
        assert_int_equal(ask(&r, "c"), SWB_HOLD_NONE);
}

static void test_success_only_after_reboot(void **context)
{
        _cleanup_(swb_rollout_done) struct swb_rollout r = START("100%");

        (void)context;
        assert_int_equal(ask(&r, "a"), SWB_HOLD_NONE);
        hear(&r, "a", "1.0", SWB_OMAHA_EVENT_UPDATE_DOWNLOAD_STARTED, 1, "");
        assert_int_equal(state(&r, "a"), SWB_MEMBER_DOWNLOADING);
        hear(&r, "a", "1.0", SWB_OMAHA_EVENT_UPDATE_COMPLETE, 1, "");
        assert_int_equal(state(&r, "a"), SWB_MEMBER_INSTALLED);
        assert_int_equal(r.total.ok, 0);
        /* It says so, but from the old system: no. */
        hear(&r, "a", "1.0", SWB_OMAHA_EVENT_REBOOTED_AFTER_UPDATE, 1, "");
        assert_int_equal(r.total.ok, 0);
        succeed(&r, "a");
        assert_int_equal(r.total.ok, 1);
        assert_int_equal(r.n_slots, 0);
        /* And it is found on the old system later. */
        check_in(&r, "a", "1.0");
        assert_int_equal(state(&r, "a"), SWB_MEMBER_FELL_BACK);
        assert_int_equal(ask(&r, "a"), SWB_HOLD_FELL_BACK);
        /* The event was lost, the version was not. */
        assert_int_equal(ask(&r, "b"), SWB_HOLD_NONE);
        check_in(&r, "b", "2.0");
        assert_int_equal(state(&r, "b"), SWB_MEMBER_OK);
}

static void test_failures(void **context)
{
        _cleanup_(swb_rollout_done) struct swb_rollout r = START("100%:concurrency=2");

        (void)context;
        assert_int_equal(ask(&r, "a"), SWB_HOLD_NONE);
        assert_int_equal(ask(&r, "b"), SWB_HOLD_NONE);
        assert_int_equal(ask(&r, "c"), SWB_HOLD_CONCURRENCY);
        /* The network is not the release's fault. */
        hear(&r, "a", "1.0", 3, 0, "network");
        assert_int_equal(state(&r, "a"), SWB_MEMBER_OFFERED);
        hear(&r, "a", "1.0", 3, 0, "hash");
        assert_int_equal(state(&r, "a"), SWB_MEMBER_FAILED);
        assert_int_equal(ask(&r, "c"), SWB_HOLD_NONE);
        /* One that failed tries again, when there is room. */
        assert_int_equal(ask(&r, "a"), SWB_HOLD_CONCURRENCY);
        succeed(&r, "c");
        assert_int_equal(ask(&r, "a"), SWB_HOLD_NONE);
        assert_int_equal(r.total.failed, 1);
        assert_int_equal(r.n_slots, 2);
        succeed(&r, "a");
        assert_int_equal(r.total.failed, 0);
        assert_int_equal(r.total.ok, 2);
}

static void test_silence(void **context)
{
        _cleanup_(swb_rollout_done) struct swb_rollout r = START("100%:concurrency=1");

        (void)context;
        assert_int_equal(ask(&r, "a"), SWB_HOLD_NONE);
        now += 1001;
        swb_rollout_sweep(&r, now, 1000);
        assert_int_equal(state(&r, "a"), SWB_MEMBER_SILENT);
        assert_int_equal(ask(&r, "b"), SWB_HOLD_NONE);
        /* It is back, but its place was given away. */
        check_in(&r, "a", "1.0");
        assert_int_equal(ask(&r, "a"), SWB_HOLD_CONCURRENCY);
        succeed(&r, "b");
        assert_int_equal(ask(&r, "a"), SWB_HOLD_NONE);
        assert_int_equal(r.total.silent, 0);
        /* It is heard of all the time, but never done. */
        for (int i = 0; i < 10; i++) {
                now += 600;
                check_in(&r, "a", "1.0");
        }
        swb_rollout_sweep(&r, now, 1000);
        assert_int_equal(state(&r, "a"), SWB_MEMBER_SILENT);
        succeed(&r, "a");
        assert_int_equal(r.total.ok, 2);
}

static void test_halt_by_number(void **context)
{
        _cleanup_(swb_rollout_done) struct swb_rollout r = START("100%");
        struct swb_rollout_setup setup;
        char name[8];

        (void)context;
        for (int i = 0; i < 5; i++) {
                (void)snprintf(name, sizeof(name), "d%d", i);
                assert_int_equal(ask(&r, name), SWB_HOLD_NONE);
        }
        hear(&r, "d0", "1.0", 3, 0, "fell-back");
        hear(&r, "d1", "1.0", 3, 0, "fell-back");
        assert_false(r.halted);
        hear(&r, "d2", "1.0", 3, 0, "hash");
        assert_true(r.halted);
        assert_int_equal(ask(&r, "d3"), SWB_HOLD_PAUSED);
        assert_int_equal(swb_rollout_judge(&r, now), SWB_VERDICT_PAUSE);
        assert_non_null(strstr(r.halt_reason, "fell-back (2), hash (1)"));
        /* Resumed: what has happened is forgiven, more of it is not. */
        setup = r.setup;
        setup.forgiven = (struct swb_forgiven){.bad = 3, .ended = 3};
        setup.forgiven_in_stage = setup.forgiven;
        swb_rollout_configure(&r, &setup);
        assert_int_equal(ask(&r, "d3"), SWB_HOLD_NONE);
        assert_int_equal(swb_rollout_judge(&r, now), SWB_VERDICT_KEEP);
}

static void test_halt_by_share(void **context)
{
        _cleanup_(swb_rollout_done) struct swb_rollout r = START("100%");
        char name[8];

        (void)context;
        r.setup.plan.max_failures = 0;
        r.setup.plan.max_failure_ppm = 100000;
        r.setup.plan.min_sample = 10;
        for (int i = 0; i < 20; i++) {
                (void)snprintf(name, sizeof(name), "d%d", i);
                assert_int_equal(ask(&r, name), SWB_HOLD_NONE);
        }
        hear(&r, "d0", "1.0", 3, 0, "hash"); /* 1 of 1, but that is no sample */
        for (int i = 2; i < 11; i++) {
                (void)snprintf(name, sizeof(name), "d%d", i);
                succeed(&r, name);
        }
        assert_false(r.halted); /* 1 of 10 is not above 10 % */
        hear(&r, "d1", "1.0", 3, 0, "hash");
        assert_true(r.halted);
}

static void test_stages_open(void **context)
{
        _cleanup_(swb_rollout_done) struct swb_rollout r = START("3", "100%");
        struct swb_rollout_setup setup;

        (void)context;
        assert_int_equal(ask(&r, "a"), SWB_HOLD_NONE);
        assert_int_equal(ask(&r, "b"), SWB_HOLD_NONE);
        succeed(&r, "a");
        now += 1000;
        assert_int_equal(swb_rollout_judge(&r, now), SWB_VERDICT_KEEP);
        succeed(&r, "b");
        now += 99;
        assert_int_equal(swb_rollout_judge(&r, now), SWB_VERDICT_KEEP); /* bakes */
        now++;
        assert_int_equal(swb_rollout_judge(&r, now), SWB_VERDICT_ADVANCE);
        setup = r.setup;
        setup.stage = 1;
        setup.need = 0; /* nobody is known there */
        setup.stage_opened = now;
        swb_rollout_configure(&r, &setup);
        assert_int_equal(swb_rollout_judge(&r, now), SWB_VERDICT_KEEP);
        assert_int_equal(swb_rollout_judge(&r, now + 100), SWB_VERDICT_FINISH);
}

static void test_hardware_class(void **context)
{
        _cleanup_(swb_rollout_done) struct swb_rollout r = START("100%");

        (void)context;
        r.setup.plan.class_failures = 2;
        r.setup.plan.max_failures = 100;
        (void)ask(&r, "a");
        (void)ask(&r, "b");
        (void)ask(&r, "c");
        (void)ask_as(&r, "x", "other");
        hear(&r, "a", "1.0", 3, 0, "fell-back");
        assert_int_equal(ask(&r, "d"), SWB_HOLD_NONE);
        hear(&r, "b", "1.0", 3, 0, "fell-back");
        assert_int_equal(ask(&r, "e"), SWB_HOLD_BLOCKED_CLASS);
        assert_int_equal(ask(&r, "c"), SWB_HOLD_BLOCKED_CLASS);
        assert_int_equal(ask_as(&r, "y", "other"), SWB_HOLD_NONE);
        assert_int_equal(ask_as(&r, "z", ""), SWB_HOLD_NONE);
}

static void test_all_hardware(void **context)
{
        _cleanup_(swb_rollout_done) struct swb_rollout r = START("100%");

        (void)context;
        r.setup.plan.class_failures = 2;
        r.setup.plan.max_failures = 100;
        (void)ask(&r, "a");
        (void)ask(&r, "b");
        hear(&r, "a", "1.0", 3, 0, "fell-back");
        hear(&r, "b", "1.0", 3, 0, "fell-back");
        assert_int_equal(swb_rollout_judge(&r, now), SWB_VERDICT_PAUSE);
        assert_int_equal(ask_as(&r, "x", "other"), SWB_HOLD_PAUSED);
        /* Somebody knows better. */
        swb_rollout_lift(&r, "hw");
        assert_int_equal(ask(&r, "c"), SWB_HOLD_NONE);
        assert_int_equal(ask_as(&r, "x", "other"), SWB_HOLD_NONE);
        hear(&r, "c", "1.0", 3, 0, "fell-back");
        assert_int_equal(ask(&r, "d"), SWB_HOLD_NONE);
}

static void test_stage_texts(void **context)
{
        static const char *const bad[] = {"",    "0",        "0%",       "101%",       "-1",
                                          "1%x", "1%:",      "1%:bake",  "1%:a=1",     "1.%",
                                          ".5%", "1.00001%", "5:rate=3", "5:rate=3/0", "5:need=x"};
        struct swb_stage defaults = SWB_STAGE_DEFAULT, stage;
        char text[SWB_STAGE_TEXT];
        struct swb_plan plan = SWB_PLAN_DEFAULT;

        (void)context;
        assert_ok(swb_stage_parse("0.25%:bake=2h:rate=100/1h:need=3", &defaults, &stage, &err),
                  &err);
        assert_int_equal(stage.share_ppm, 2500);
        assert_int_equal(stage.bake_seconds, 7200);
        assert_int_equal(stage.rate, 100);
        assert_int_equal(stage.rate_seconds, 3600);
        assert_int_equal(stage.need, 3);
        assert_string_equal(swb_stage_size(&stage, text), "0.25%");
        for (size_t i = 0; i < SWB_ELEMENTS(bad); i++)
                assert_fault(swb_stage_parse(bad[i], &defaults, &stage, &err), &err,
                             SWB_FAULT_USAGE);

        plan.n_stages = 2;
        assert_ok(swb_stage_parse("10%", &defaults, &plan.stages[0], &err), &err);
        assert_ok(swb_stage_parse("5%", &defaults, &plan.stages[1], &err), &err);
        assert_fault(swb_plan_check(&plan, &err), &err, SWB_FAULT_USAGE);
        assert_ok(swb_stage_parse("50", &defaults, &plan.stages[1], &err), &err);
        assert_fault(swb_plan_check(&plan, &err), &err, SWB_FAULT_USAGE);
        assert_ok(swb_stage_parse("50", &defaults, &plan.stages[0], &err), &err);
        assert_ok(swb_plan_check(&plan, &err), &err);
}

static void test_buckets(void **context)
{
        struct swb_siphash_key key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
        struct swb_siphash_key salted = swb_bucket_key("x"), other = swb_bucket_key("y");
        unsigned n = 0, same = 0;
        char name[24];

        (void)context;
        /* SipHash's published vectors begin with the empty input. */
        assert_true(swb_siphash(&key, "") == 0x726fdb47dd0e0e31);
        for (int i = 0; i < 100000; i++) {
                bool in, in_other;

                (void)snprintf(name, sizeof(name), "device-%d", i);
                in = swb_bucket(&salted, name) < 10000;
                in_other = swb_bucket(&other, name) < 10000;
                n += in;
                same += in && in_other;
        }
        assert_in_range(n, 850, 1150); /* 1 % of them */
        assert_in_range(same, 0, 40);  /* another salt, other devices */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_number_of_devices),
                cmocka_unit_test(test_success_only_after_reboot),
                cmocka_unit_test(test_failures),
                cmocka_unit_test(test_silence),
                cmocka_unit_test(test_halt_by_number),
                cmocka_unit_test(test_halt_by_share),
                cmocka_unit_test(test_stages_open),
                cmocka_unit_test(test_hardware_class),
                cmocka_unit_test(test_all_hardware),
                cmocka_unit_test(test_stage_texts),
                cmocka_unit_test(test_buckets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
