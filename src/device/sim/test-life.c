/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random lives of devices under random policies, and what must hold in every one of them:
 *
 *   - no storm: two checks are never closer together than the schedule allows, whatever happens
 *   - every wait is finite, and the time to ask again is named
 *   - a deadline is kept: behind it a device updates as soon as nothing but convenience objects
 *   - no reboot under an inhibitor before its limit
 *
 * The limits are computed here a second time, in absolute times, not with the policy's code.
 *
 *     test-device-sim-life [NUMBER [SEED]]      default: a few hundred; make soak-policy: a million
 */
#include "base/test.h"

#include <inttypes.h>

#include "device/policy/inhibitors.h"
#include "device/sim/life.h"

#define SECOND UINT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define START (UINT64_C(1774310400) * SECOND) /* 2026-03-24, five days before the clock changes */
#define DAYS 10
#define SPELLS_MAX 12 /* of inhibitors */

static uint64_t n_lives = 1000, first_seed = 1, this_seed;

/* Says which life it was: test-device-sim-life 1 SEED lives it again. */
#define must(condition)                                                                            \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        fail_msg("life %" PRIu64 ": %s", this_seed, #condition);                   \
        } while (0)

/* Somebody who inhibits from .. to, with a limit of his own. */
struct spell {
        uint64_t from, to, max;
        unsigned gates;
};

struct history {
        struct swb_config config;
        struct swb_zone zone;
        struct swb_windows on, busy, metered, battery;
        struct spell spells[SPELLS_MAX];
        size_t n_spells;
        struct swb_sim_device device;
        struct swb_sim_release release;
        /* What happened. */
        uint64_t last_check, last_boot, found, deadline, rebooted;
        uint64_t n_boots;
};

static uint64_t pick(uint64_t *seed, uint64_t n)
{
        return swb_sim_draw(seed) % n;
}

static struct swb_windows windows(const char *text)
{
        struct swb_windows w;

        assert_int_equal(swb_windows_parse(text, &w, NULL), 0);
        return w;
}

static const struct swb_windows never = {.window = {{0}}, .n = 1};

/* ---- making one up ---- */

static struct swb_windows some_windows(uint64_t *seed)
{
        static const char *const texts[] = {
                "always",          "always",
                "02:00-05:00",     "Mon-Fri 22:00-06:00, Sat+Sun 00:00-24:00",
                "Sun 02:00-03:00", "02:30-03:30",
                "12:00-12:05",     "Mon+Wed+Fri 23:59-00:01",
        };

        return windows(texts[pick(seed, SWB_ELEMENTS(texts))]);
}

static void make_config(struct swb_config *config, uint64_t *seed)
{
        static const char *const metered[] = {"no", "deadline", "delta", "yes"};
        static const uint64_t deadlines[] = {0, HOUR, DAY, 3 * DAY, 14 * DAY};
        static const uint64_t inhibits[] = {0, HOUR, 12 * HOUR, 3 * DAY};
        static const uint64_t limits[] = {0, 0, 0, 3 << 20, 200 << 20};
        static const char *const stagings[] = {"", "", "1d:20, 3d:100"};

        *config = (struct swb_config){
                .path = (char *)"made up",
                .device = {.build_timestamp = 1},
                .server = {.first_check_usec = 7 * MINUTE,
                           .first_check_jitter_usec = 5 * MINUTE,
                           .check_interval_usec = 45 * MINUTE,
                           .check_jitter_usec = 5 * MINUTE,
                           .max_interval_usec = 4 * HOUR},
                .update = {.auto_download = true,
                           .auto_install = pick(seed, 20) > 0,
                           .delta = pick(seed, 4) > 0,
                           .max_delta_failures = 3},
                .policy = {.download_windows = some_windows(seed),
                           .install_windows = some_windows(seed),
                           .deadline_usec = deadlines[pick(seed, SWB_ELEMENTS(deadlines))],
                           .max_deferral_usec = 7 * DAY,
                           .max_inhibit_usec = inhibits[pick(seed, SWB_ELEMENTS(inhibits))],
                           .scatter_usec = pick(seed, 3) * DAY,
                           .staging = (char *)stagings[pick(seed, SWB_ELEMENTS(stagings))],
                           .download_load_percent = pick(seed, 2) * 80,
                           .min_battery_percent = 20},
                .network = {.metered = (char *)"auto",
                            .on_metered = (char *)metered[pick(seed, SWB_ELEMENTS(metered))],
                            .day_limit_bytes = limits[pick(seed, SWB_ELEMENTS(limits))]},
                .reboot = {.automatic = true,
                           .windows = some_windows(seed),
                           .delay_usec = pick(seed, 3) * MINUTE,
                           .load_percent = pick(seed, 2) * 50},
        };
}

static void make_spells(struct history *h, uint64_t *seed)
{
        h->n_spells = pick(seed, 2) ? pick(seed, SPELLS_MAX + 1) : 0;
        for (size_t i = 0; i < h->n_spells; i++) {
                struct spell *one = &h->spells[i];

                one->from = START + pick(seed, DAYS * DAY);
                one->to = one->from + pick(seed, pick(seed, 4) ? 6 * HOUR : DAYS * DAY);
                one->max = 1 + pick(seed, 2 * DAY);
                one->gates = 1 + (unsigned)pick(seed, SWB_GATES_ALL);
        }
}

static uint64_t look(void *context, uint64_t now, const struct swb_deadline *deadline,
                     struct swb_policy_facts *ret);

static void make(struct history *h, uint64_t life_seed)
{
        static const char *const zones[] = {"UTC0", "CET-1CEST,M3.5.0,M10.5.0/3",
                                            "EST5EDT,M3.2.0,M11.1.0"};
        static const char *const busy[] = {"Mon-Fri 07:00-19:00", "00:00-23:30", "always"};
        static const char *const on[] = {
                "always", "always", "Mon-Fri 08:00-18:00", "20:00-21:00",
                "00:00-00:13, 00:14-00:27, 00:28-00:41, 00:42-01:00, 02:00-02:20"};
        static const char *const deadlines[] = {"", "", "", "now", "2026-03-28", "2026-03-20"};
        uint64_t s = life_seed;

        memset(h, 0, sizeof(*h));
        assert_int_equal(swb_zone_parse(zones[pick(&s, 3)], &h->zone, NULL), 0);
        make_config(&h->config, &s);
        make_spells(h, &s);
        h->busy = pick(&s, 2) ? never : windows(busy[pick(&s, 3)]);
        h->metered = pick(&s, 3) ? never : some_windows(&s);
        h->battery = pick(&s, 4) ? never : some_windows(&s);
        h->on = windows(on[pick(&s, SWB_ELEMENTS(on))]);
        h->release = (struct swb_sim_release){
                .wall_usec = START + pick(&s, 3 * DAY),
                .delta_bytes = 1 + pick(&s, 20 << 20),
                .full_bytes = 1 + pick(&s, 400 << 20),
                .deadline = deadlines[pick(&s, SWB_ELEMENTS(deadlines))],
                .outage_usec = START + pick(&s, DAYS * DAY),
                .outage_length_usec = pick(&s, 2) * pick(&s, DAY),
        };
        h->device = (struct swb_sim_device){
                .config = &h->config,
                .zone = &h->zone,
                .on = &h->on,
                .surroundings = {look, h},
                .rate_bytes = 10000 + pick(&s, 10 << 20),
                .takes_delta = pick(&s, 4) > 0,
                .has_no_clock = pick(&s, 8) == 0,
                .failure_percent = pick(&s, 3) ? 0 : (unsigned)pick(&s, 100),
                .seed = swb_sim_draw(&s),
        };
}

/* ---- living it ---- */

static bool is_in(const struct history *h, const struct swb_windows *w, uint64_t now,
                  uint64_t *change)
{
        struct swb_opening opening = swb_calendar_look(w, &h->zone, now);

        if (opening.change_usec != UINT64_MAX)
                *change = SWB_MIN(*change, now + opening.change_usec);
        return opening.is_open;
}

static uint64_t look(void *context, uint64_t now, const struct swb_deadline *deadline,
                     struct swb_policy_facts *ret)
{
        struct history *h = context;
        uint64_t change = UINT64_MAX;

        ret->load_percent = is_in(h, &h->busy, now, &change) ? 100 : 5;
        ret->network = is_in(h, &h->metered, now, &change) ? SWB_NETWORK_METERED : SWB_NETWORK_FREE;
        ret->on_battery = is_in(h, &h->battery, now, &change);
        ret->battery_percent = 10;
        ret->n_inhibitors = 0;
        for (size_t i = 0; i < h->n_spells; i++) {
                const struct spell *one = &h->spells[i];
                struct swb_inhibition i11n = {.since_usec = one->from, .max_usec = one->max};

                if (now < one->from)
                        change = SWB_MIN(change, one->from);
                if (now < one->from || now >= one->to)
                        continue;
                change = SWB_MIN(change, one->to);
                ret->inhibitors[ret->n_inhibitors++] = (struct swb_inhibitor){
                        "somebody", "does something", one->gates,
                        swb_inhibition_left(&i11n, now, deadline,
                                            h->config.policy.max_inhibit_usec)};
        }
        return change;
}

/* In absolute time; UINT64_MAX: none. */
static uint64_t deadline_of(const struct history *h)
{
        uint64_t own = h->config.policy.deadline_usec > 0
                               ? h->found + h->config.policy.deadline_usec
                               : UINT64_MAX;
        uint64_t servers = UINT64_MAX;

        if (strcmp(h->release.deadline, "2026-03-28") == 0)
                servers = h->device.has_no_clock ? UINT64_MAX : UINT64_C(1774656000) * SECOND;
        else if (strcmp(h->release.deadline, "2026-03-20") == 0)
                servers = h->device.has_no_clock ? UINT64_MAX : h->found;
        else if (h->release.deadline[0] != '\0')
                servers = h->found;
        return SWB_MIN(own, SWB_MAX(servers, h->found));
}

static void no_storm(struct history *h, uint64_t now)
{
        bool is_same_boot = h->last_check >= h->last_boot;

        must(now >= h->last_boot + 2 * MINUTE);
        if (h->last_check > 0 && (is_same_boot || !h->device.has_no_clock))
                must(now >= h->last_check + 40 * MINUTE);
        h->last_check = now;
}

static void nobody_was_disturbed(const struct history *h, uint64_t now)
{
        for (size_t i = 0; i < h->n_spells; i++) {
                const struct spell *one = &h->spells[i];
                uint64_t limit = one->from + SWB_MIN(one->max, h->config.policy.max_inhibit_usec);

                if (one->from > h->deadline)
                        limit = SWB_MIN(limit, h->deadline + h->config.policy.max_inhibit_usec);
                if ((one->gates & SWB_GATE_BIT(SWB_GATE_REBOOT)) && now >= one->from &&
                    now < one->to)
                        must(now >= limit);
        }
}

static void happened(void *context, enum swb_sim_event event, uint64_t now)
{
        struct history *h = context;

        switch (event) {
        case SWB_SIM_BOOT:
                h->last_boot = now;
                h->n_boots++;
                return;
        case SWB_SIM_CHECK:
                no_storm(h, now);
                return;
        case SWB_SIM_FOUND:
                h->found = now;
                h->deadline = deadline_of(h);
                return;
        case SWB_SIM_REBOOT:
                must(h->found > 0 && now > h->found);
                /* A clock that is wrong makes ages uncertain over reboots, and deadlines with them.
                 */
                if (!h->device.has_no_clock || h->n_boots == 1)
                        nobody_was_disturbed(h, now);
                h->rebooted = now;
                return;
        case SWB_SIM_RESTART:
                h->rebooted = now;
                return;
        case SWB_SIM_DOWNLOAD:
        case SWB_SIM_FAILED:
        case SWB_SIM_DOWNLOADED:
        case SWB_SIM_INSTALLED:
        case SWB_SIM_ANNOUNCED:
        case _SWB_SIM_EVENT_MAX:
        default:
                return;
        }
}

static void asked(void *context, enum swb_gate gate, const struct swb_policy_facts *facts,
                  const struct swb_policy_answer *answer, uint64_t now)
{
        const struct history *h = context;

        (void)gate;
        (void)facts;
        (void)now;
        if (answer->allow)
                return;
        must(answer->facts[0] != '\0');
        if (answer->rule == SWB_RULE_MANUAL)
                must(!h->config.update.auto_install);
        else if (answer->rule != SWB_RULE_NOTHING)
                must(answer->again_usec >= 1 && answer->again_usec <= 32 * DAY);
}

static bool is_never(const struct swb_windows *w)
{
        return w->n == 1 && w->window[0].days == 0;
}

/* Nothing but convenience and inhibitors can hold this one up, from the deadline on. */
static bool must_keep(const struct history *h)
{
        bool is_free = is_never(&h->metered) || strcmp(h->config.network.on_metered, "no") != 0;

        return h->on.n == 0 && is_never(&h->battery) && is_free &&
               h->config.network.day_limit_bytes == 0 && h->device.failure_percent == 0 &&
               h->config.update.auto_install && h->found > 0;
}

static void deadline_was_kept(const struct history *h)
{
        uint64_t bytes = SWB_MAX(h->release.delta_bytes, h->release.full_bytes);
        uint64_t limit;

        if (!must_keep(h) || h->deadline == UINT64_MAX)
                return;
        limit = SWB_MAX(h->deadline, h->found) + h->config.policy.max_inhibit_usec +
                (bytes / h->device.rate_bytes + 1) * SECOND + h->config.reboot.delay_usec +
                3 * MINUTE;
        if (limit < START + DAYS * DAY)
                must(h->rebooted >= h->found && h->rebooted <= limit);
}

static bool live(uint64_t seed)
{
        static struct history h;
        struct swb_sim_watch watch = {happened, asked, &h};
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_sim_outcome outcome;

        make(&h, seed);
        assert_ok(swb_sim_live(&h.device, &h.release, START, START + DAYS * DAY, &watch, &outcome,
                               &err),
                  &err);
        deadline_was_kept(&h);
        assert_int_equal(outcome.is_updated, h.rebooted > 0);
        return outcome.is_updated;
}

/* ---- tests ---- */

static void random_lives(void **state)
{
        uint64_t n_updated = 0;

        (void)state;
        for (uint64_t seed = first_seed; seed < first_seed + n_lives; seed++) {
                this_seed = seed;
                n_updated += live(seed * UINT64_C(0x5851f42d4c957f2d));
        }
        print_message("%" PRIu64 " of %" PRIu64 " devices updated\n", n_updated, n_lives);
        assert_true(n_updated > n_lives / 3 && n_updated < n_lives);
}

struct minute_count {
        unsigned n[DAYS * 24 * 60];
};

static void count_checks(void *context, enum swb_sim_event event, uint64_t now)
{
        struct minute_count *count = context;

        if (event == SWB_SIM_CHECK)
                count->n[(now - START) / MINUTE]++;
}

/* A whole fleet that starts at the same moment, and whose server is away for a while. */
static void a_fleet_spreads_by_itself(void **state)
{
        static struct minute_count count;
        struct swb_sim_watch watch = {.happened = count_checks, .context = &count};
        struct swb_error err = SWB_ERROR_INIT;
        const unsigned n = 1000;
        struct swb_sim_outcome outcome;
        static struct history h;

        (void)state;
        make(&h, 7);
        h.on = windows("always");
        h.n_spells = 0;
        h.device.has_no_clock = false;
        h.release.wall_usec = START + 9 * DAY;
        h.release.outage_usec = START + DAY;
        h.release.outage_length_usec = 6 * HOUR;
        for (unsigned i = 0; i < n; i++) {
                h.device.seed = i;
                assert_ok(swb_sim_live(&h.device, &h.release, START, START + 2 * DAY, &watch,
                                       &outcome, &err),
                          &err);
        }
        /* First checks within ten minutes; afterwards a minute never sees as many again. */
        for (size_t i = 0; i < 2 * 24 * 60; i++)
                assert_in_range(count.n[i], 0, i < 15 ? n / 10 * 14 / 10 : n / 10 * 13 / 10);
        for (size_t i = 24 * 60 + 7 * 60; i < 2 * 24 * 60; i++)
                assert_in_range(count.n[i], 0, n / 45 * 2);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(random_lives),
                cmocka_unit_test(a_fleet_spreads_by_itself),
        };

        if (argc > 1)
                n_lives = strtoull(argv[1], NULL, 10);
        if (argc > 2)
                first_seed = strtoull(argv[2], NULL, 10);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
