/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rollouts of whole fleets under a clock of our own: a thousand random ones, held against a simple
 * book-keeping of the test's own after each step; and a release that is bad on few devices, which
 * must stop by itself.
 */
#include "base/test.h"
#include "server/rollout/rollout.h"

static const struct swb_siphash_key keys[2] = {{{21, 22}}, {{23, 24}}};

static uint64_t seed;

static uint64_t dice(uint64_t n)
{
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        return (seed >> 33) % n;
}

/* What the test itself knows of a device. */
struct device {
        char name[32];
        bool is_member;
        int64_t admitted_at;
};

#define DEVICES_MAX 200

struct fleet {
        struct device devices[DEVICES_MAX];
        size_t n;
        struct swb_rollout rollout;
        int64_t now;
        size_t n_admitted;
        int64_t admitted_at[DEVICES_MAX];
        size_t n_admissions;
};

static void random_stages(struct swb_plan *plan)
{
        uint64_t devices = 1 + dice(20);
        uint32_t share = 10000;

        plan->n_stages = 1 + dice(5);
        for (size_t i = 0; i < plan->n_stages; i++) {
                struct swb_stage *stage = &plan->stages[i];
                bool by_number = i < 2 && plan->stages[0].share_ppm != share && dice(2);

                *stage = (struct swb_stage){.share_ppm = SWB_ALL_DEVICES_PPM,
                                            .bake_seconds = dice(5000),
                                            .concurrency = dice(2) ? 1 + dice(20) : 0,
                                            .rate = dice(2) ? 1 + dice(10) : 0,
                                            .rate_seconds = 60 + dice(7200),
                                            .need = dice(5)};
                if (by_number) {
                        stage->max_devices = devices;
                        devices += dice(20);
                        continue;
                }
                share = (uint32_t)SWB_MIN(share + dice(400000), (uint64_t)SWB_ALL_DEVICES_PPM);
                stage->share_ppm = share;
        }
}

static void begin(struct fleet *fleet, uint64_t number)
{
        struct swb_rollout_setup setup = {.id = 1, .version = "2.0", .status = SWB_ROLLOUT_ACTIVE};

        seed = number * 7919 + 17;
        *fleet = (struct fleet){.n = 10 + dice(DEVICES_MAX - 10), .now = 1700000000};
        for (size_t i = 0; i < fleet->n; i++)
                (void)snprintf(fleet->devices[i].name, sizeof(fleet->devices[i].name), "%u-%zu",
                               (unsigned)number, i);
        random_stages(&setup.plan);
        setup.plan.max_failures = dice(2) ? 1 + dice(20) : 0;
        setup.plan.max_failure_ppm = (uint32_t)(10000 + dice(300000));
        setup.plan.min_sample = dice(20);
        setup.plan.silent_seconds = 500 + dice(5000);
        setup.plan.overdue_seconds = 5000 + dice(50000);
        setup.stage_opened = fleet->now;
        setup.need = setup.plan.stages[0].need;
        (void)snprintf(setup.salt, sizeof(setup.salt), "salt %u", (unsigned)number);
        swb_rollout_init(&fleet->rollout, &setup, keys);
}

/* A device was admitted: was that right? */
static void check_admission(struct fleet *fleet, const struct device *device)
{
        const struct swb_rollout *r = &fleet->rollout;
        const struct swb_stage *stage = &r->setup.plan.stages[r->setup.stage];
        size_t in_window = 0;

        assert_true(swb_bucket(&r->bucket_key, device->name) < stage->share_ppm);
        if (stage->max_devices > 0)
                assert_true(fleet->n_admitted <= stage->max_devices);
        if (stage->concurrency > 0)
                assert_true(r->n_slots <= stage->concurrency);
        for (size_t i = 0; i < fleet->n_admissions; i++)
                in_window += fleet->admitted_at[i] > fleet->now - (int64_t)stage->rate_seconds;
        if (stage->rate > 0)
                assert_true(in_window <= stage->rate);
        assert_false(r->halted);
}

static void do_ask(struct fleet *fleet, struct device *device)
{
        struct swb_rollout_ask ask = {.machineid = device->name,
                                      .hardware_class = "",
                                      .within_hours = dice(10) > 0,
                                      .now = fleet->now};
        enum swb_taken taken;
        int64_t at;

        if (swb_rollout_admit(&fleet->rollout, &ask, &taken, &at) != SWB_HOLD_NONE) {
                assert_false(taken == SWB_TAKEN_PLACE);
                return;
        }
        assert_int_equal(taken == SWB_TAKEN_PLACE, !device->is_member);
        if (taken != SWB_TAKEN_PLACE)
                return;
        assert_true(ask.within_hours);
        device->is_member = true;
        fleet->n_admitted++;
        fleet->admitted_at[fleet->n_admissions++] = fleet->now;
        check_admission(fleet, device);
        if (dice(20) == 0) {
                swb_rollout_undo(&fleet->rollout, device->name, SWB_TAKEN_PLACE);
                device->is_member = false;
                fleet->n_admitted--;
                fleet->n_admissions--;
        }
}

static void do_report(struct fleet *fleet, const struct device *device)
{
        static const struct {
                int type, result;
                const char *fault, *version;
        } words[] = {
                {13, 1, "", "1.0"},         {14, 1, "", "1.0"},    {3, 1, "", "1.0"},
                {54, 1, "", "2.0"},         {54, 1, "", "2.0"},    {54, 1, "", "2.0"},
                {54, 1, "", "2.0"},         {54, 1, "", "2.0"},    {3, 0, "hash", "1.0"},
                {3, 0, "fell-back", "1.0"}, {3, 0, "http", "1.0"}, {3, 9, "", "1.0"},
        };
        size_t i = dice(SWB_ELEMENTS(words));
        struct swb_omaha_event event = {.type = words[i].type,
                                        .result = words[i].result,
                                        .previousversion = "1.0",
                                        .nextversion = "2.0",
                                        .fault = words[i].fault,
                                        .text = ""};
        bool known = swb_rollout_hear(&fleet->rollout,
                                      &(struct swb_rollout_word){.machineid = device->name,
                                                                 .version = words[i].version,
                                                                 .is_check = dice(2),
                                                                 .events = &event,
                                                                 .n_events = dice(2),
                                                                 .now = fleet->now});

        assert_int_equal(known, device->is_member);
}

/* Counts all of it anew. */
static void check_counts(const struct fleet *fleet)
{
        const struct swb_rollout *r = &fleet->rollout;
        struct swb_tally total = {0}, stages[SWB_STAGES_MAX] = {0};
        uint64_t n_slots = 0, n_reasons = 0, bad, ended;

        for (size_t i = 0; i < fleet->n; i++) {
                struct swb_member_row row;
                bool known = swb_rollout_member(r, fleet->devices[i].name, &row);

                assert_int_equal(known, fleet->devices[i].is_member);
                if (!known)
                        continue;
                for (struct swb_tally *t = &total;; t = &stages[row.stage]) {
                        t->admitted++;
                        t->ok += row.state == SWB_MEMBER_OK;
                        t->failed += row.state == SWB_MEMBER_FAILED;
                        t->fell_back += row.state == SWB_MEMBER_FELL_BACK;
                        t->silent += row.state == SWB_MEMBER_SILENT;
                        if (t != &total)
                                break;
                }
                n_slots += row.has_slot;
        }
        assert_memory_equal(&total, &r->total, sizeof(total));
        assert_memory_equal(stages, r->stages, sizeof(stages));
        assert_int_equal(n_slots, r->n_slots);
        for (size_t i = 0; i < r->reasons.n; i++)
                n_reasons += r->reasons.list[i].n_bad;
        bad = swb_tally_bad(&total);
        ended = swb_tally_ended(&total);
        assert_int_equal(n_reasons, bad);
        if (r->setup.plan.max_failures > 0 && bad >= r->setup.plan.max_failures)
                assert_true(r->halted);
        if (ended > 0 && ended >= r->setup.plan.min_sample &&
            bad * SWB_ALL_DEVICES_PPM > ended * r->setup.plan.max_failure_ppm)
                assert_true(r->halted);
}

/* The server is started anew: everything comes back from the rows. */
static void do_restart(struct fleet *fleet)
{
        struct swb_rollout fresh;
        struct swb_member_row row;

        swb_rollout_init(&fresh, &fleet->rollout.setup, keys);
        for (size_t i = 0; i < fleet->n; i++)
                if (swb_rollout_member(&fleet->rollout, fleet->devices[i].name, &row))
                        assert_int_equal(swb_rollout_restore(&fresh, fleet->devices[i].name, &row),
                                         0);
        assert_memory_equal(&fresh.total, &fleet->rollout.total, sizeof(fresh.total));
        assert_int_equal(fresh.n_slots, fleet->rollout.n_slots);
        swb_rollout_done(&fleet->rollout);
        fleet->rollout = fresh;
}

static void do_tick(struct fleet *fleet)
{
        struct swb_rollout_setup setup = fleet->rollout.setup;

        swb_rollout_sweep(&fleet->rollout, fleet->now, 1000);
        if (swb_rollout_judge(&fleet->rollout, fleet->now) != SWB_VERDICT_ADVANCE)
                return;
        assert_false(fleet->rollout.halted);
        setup.stage++;
        setup.stage_opened = fleet->now;
        setup.need = setup.plan.stages[setup.stage].need;
        swb_rollout_configure(&fleet->rollout, &setup);
}

static void test_random(void **state)
{
        static struct fleet fleet;
        size_t n_halted = 0, n_admitted = 0;

        (void)state;
        for (uint64_t number = 0; number < 1000; number++) {
                begin(&fleet, number);
                for (int step = 0; step < 400; step++) {
                        struct device *device = &fleet.devices[dice(fleet.n)];

                        fleet.now += (int64_t)dice(120);
                        switch (dice(8)) {
                        case 0:
                                do_tick(&fleet);
                                break;
                        case 1:
                                if (dice(30) == 0)
                                        do_restart(&fleet);
                                break;
                        case 2:
                        case 3:
                        case 4:
                                do_report(&fleet, device);
                                break;
                        default:
                                do_ask(&fleet, device);
                        }
                        if (step % 16 == 0)
                                check_counts(&fleet);
                }
                check_counts(&fleet);
                n_halted += fleet.rollout.halted;
                n_admitted += fleet.n_admitted;
                swb_rollout_done(&fleet.rollout);
        }
        /* They were not all trivial. */
        assert_in_range(n_halted, 100, 990);
        assert_true(n_admitted > 5000);
}

/* --- a large fleet --- */

#define LARGE 100000
#define HOUR 3600

/* A device asks once an hour, takes half an hour for the update, and then says what became of it.
 */
struct large_device {
        int64_t next;
        bool is_busy, is_done;
};

struct outcome {
        size_t n_got_it, n_bad;
        enum swb_verdict verdict;
        int64_t seconds;
};

static void say(struct swb_rollout *r, const char *name, int64_t now, bool is_bad)
{
        struct swb_omaha_event event = {.type = is_bad ? 3 : 54,
                                        .result = is_bad ? 0 : 1,
                                        .previousversion = "1.0",
                                        .nextversion = "2.0",
                                        .fault = is_bad ? "fell-back" : "",
                                        .text = ""};

        assert_true(
                swb_rollout_hear(r, &(struct swb_rollout_word){.machineid = name,
                                                               .version = is_bad ? "1.0" : "2.0",
                                                               .events = &event,
                                                               .n_events = 1,
                                                               .now = now}));
}

static void act(struct swb_rollout *r, struct large_device *device, size_t index, int64_t now,
                unsigned bad_ppm, unsigned silent_ppm, struct outcome *outcome)
{
        struct swb_rollout_ask ask = {.within_hours = true, .hardware_class = "", .now = now};
        uint64_t luck = (index * 2654435761u) % 1000003 % 1000000;
        char name[24];
        enum swb_taken taken;
        int64_t at;

        (void)snprintf(name, sizeof(name), "device-%zu", index);
        ask.machineid = name;
        if (device->is_busy) {
                device->is_busy = false;
                device->is_done = true;
                if (luck >= bad_ppm + silent_ppm || luck < bad_ppm)
                        say(r, name, now, luck < bad_ppm);
                return;
        }
        device->next = now + HOUR;
        if (swb_rollout_admit(r, &ask, &taken, &at) != SWB_HOLD_NONE)
                return;
        outcome->n_got_it += taken == SWB_TAKEN_PLACE;
        outcome->n_bad += luck < bad_ppm + silent_ppm;
        device->is_busy = true;
        device->next = now + HOUR / 2;
}

/* Until it stops, one way or the other. */
static struct outcome roll_out(const char *const *stages, size_t n_stages, unsigned bad_ppm,
                               unsigned silent_ppm)
{
        struct large_device *devices = calloc(LARGE, sizeof(*devices));
        struct swb_rollout_setup setup = {.version = "2.0",
                                          .salt = "s",
                                          .status = SWB_ROLLOUT_ACTIVE,
                                          .plan = SWB_PLAN_DEFAULT};
        struct swb_stage defaults = SWB_STAGE_DEFAULT;
        struct swb_error err = SWB_ERROR_INIT;
        struct outcome outcome = {0};
        struct swb_rollout r;
        int64_t begin = 1700000000, now = begin;

        assert_non_null(devices);
        for (size_t i = 0; i < n_stages; i++)
                assert_ok(swb_stage_parse(stages[i], &defaults, &setup.plan.stages[i], &err), &err);
        setup.plan.n_stages = n_stages;
        setup.need = defaults.need;
        setup.stage_opened = begin;
        swb_rollout_init(&r, &setup, keys);
        for (size_t i = 0; i < LARGE; i++)
                devices[i].next = begin + (int64_t)(i * 7919 % HOUR);
        while (now - begin < 60 * 86400) {
                now += 300;
                for (size_t i = 0; i < LARGE; i++)
                        if (!devices[i].is_done && devices[i].next <= now)
                                act(&r, &devices[i], i, now, bad_ppm, silent_ppm, &outcome);
                swb_rollout_sweep(&r, now, SIZE_MAX);
                outcome.verdict = swb_rollout_judge(&r, now);
                if (outcome.verdict == SWB_VERDICT_PAUSE || outcome.verdict == SWB_VERDICT_FINISH)
                        break;
                if (outcome.verdict != SWB_VERDICT_ADVANCE)
                        continue;
                setup.stage++;
                setup.stage_opened = now;
                swb_rollout_configure(&r, &setup);
        }
        outcome.seconds = now - begin;
        print_message("%u ppm fall back, %u ppm fall silent, stages %s...: %zu of %d devices got "
                      "it in %.1f hours%s%s\n",
                      bad_ppm, silent_ppm, stages[0], outcome.n_got_it, LARGE,
                      (double)outcome.seconds / HOUR, r.halted ? "; " : "", r.halt_reason);
        swb_rollout_done(&r);
        free(devices);
        return outcome;
}

static void test_bad_release(void **state)
{
        static const char *const usual[] = {"1%", "10%", "50%", "100%"};
        static const char *const careful[] = {"50", "1%:concurrency=200", "10%:concurrency=1000",
                                              "100%"};
        struct outcome outcome;

        (void)state;
        outcome = roll_out(usual, SWB_ELEMENTS(usual), 20000, 10000);
        assert_int_equal(outcome.verdict, SWB_VERDICT_PAUSE);
        assert_in_range(outcome.n_got_it, 25, 1100); /* the first stage */
        outcome = roll_out(careful, SWB_ELEMENTS(careful), 20000, 10000);
        assert_int_equal(outcome.verdict, SWB_VERDICT_PAUSE);
        assert_in_range(outcome.n_got_it, 25, 1100);
        /* Nobody says a word any more. */
        outcome = roll_out(usual, SWB_ELEMENTS(usual), 0, 1000000);
        assert_int_equal(outcome.verdict, SWB_VERDICT_PAUSE);
        assert_in_range(outcome.n_got_it, 25, 1100);
}

static void test_good_release(void **state)
{
        static const char *const stages[] = {"1%", "100%"};
        struct outcome outcome;

        (void)state;
        outcome = roll_out(stages, SWB_ELEMENTS(stages), 100, 100);
        assert_int_equal(outcome.verdict, SWB_VERDICT_FINISH);
        assert_true(outcome.n_got_it > LARGE * 99 / 100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_random),
                cmocka_unit_test(test_bad_release),
                cmocka_unit_test(test_good_release),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
