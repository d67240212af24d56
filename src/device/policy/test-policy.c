/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/policy/policy.h"

#define SECOND UINT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define NOON (UINT64_C(1795953600) * SECOND) /* a Sunday, UTC */

static const struct swb_zone utc;

static struct swb_windows night(void)
{
        struct swb_windows windows;

        assert_int_equal(swb_windows_parse("02:00-05:00", &windows, NULL), 0);
        return windows;
}

/* The defaults of device.conf. */
static struct swb_config defaults(void)
{
        return (struct swb_config){
                .path = (char *)"x",
                .update = {.auto_download = true, .auto_install = true},
                .reboot = {.automatic = true, .windows = night(), .load_percent = 50},
                .policy = {.staging = (char *)"", .min_battery_percent = 20},
                .network = {.metered = (char *)"auto", .on_metered = (char *)"deadline"},
        };
}

static struct swb_policy_facts noon(void)
{
        return (struct swb_policy_facts){.wall_usec = NOON,
                                         .wall_is_sane = true,
                                         .zone = &utc,
                                         .has_update = true,
                                         .bytes_left = 1000,
                                         .deferral_reason = "",
                                         .uptime_usec = HOUR};
}

static void expect(enum swb_gate gate, const struct swb_config *config,
                   const struct swb_policy_facts *facts, bool allow, enum swb_rule rule,
                   uint64_t again_usec)
{
        struct swb_policy_answer answer = swb_policy_ask(gate, config, facts);

        assert_string_equal(swb_rule_to_string(answer.rule), swb_rule_to_string(rule));
        assert_int_equal(answer.allow, allow);
        assert_int_equal(answer.again_usec, again_usec);
        assert_true(answer.allow || answer.facts[0] != '\0');
}

static void by_default_only_the_reboot_waits_for_the_night(void **state)
{
        struct swb_config config = defaults();
        struct swb_policy_facts facts = noon();

        (void)state;
        expect(SWB_GATE_CHECK, &config, &facts, true, SWB_RULE_FREE, SWB_POLICY_NEVER);
        expect(SWB_GATE_DOWNLOAD, &config, &facts, true, SWB_RULE_FREE, SWB_POLICY_POLL_USEC);
        expect(SWB_GATE_INSTALL, &config, &facts, true, SWB_RULE_FREE, SWB_POLICY_POLL_USEC);
        expect(SWB_GATE_REBOOT, &config, &facts, false, SWB_RULE_WINDOW, 14 * HOUR);
        facts.wall_usec += 14 * HOUR;
        expect(SWB_GATE_REBOOT, &config, &facts, true, SWB_RULE_FREE, SWB_POLICY_POLL_USEC);
        facts.wall_usec += 3 * HOUR - SECOND;
        expect(SWB_GATE_REBOOT, &config, &facts, true, SWB_RULE_FREE, SECOND);
        facts.has_update = false;
        expect(SWB_GATE_REBOOT, &config, &facts, false, SWB_RULE_NOTHING, SWB_POLICY_NEVER);
}

static void what_is_asked_for_is_done(void **state)
{
        struct swb_config config = defaults();
        struct swb_policy_facts facts = noon();

        (void)state;
        config.reboot.automatic = config.update.auto_download = config.update.auto_install = false;
        for (int gate = SWB_GATE_DOWNLOAD; gate < _SWB_GATE_MAX; gate++) {
                facts.by_hand = false;
                expect((enum swb_gate)gate, &config, &facts, false, SWB_RULE_MANUAL,
                       SWB_POLICY_NEVER);
                facts.by_hand = true;
                expect((enum swb_gate)gate, &config, &facts, true, SWB_RULE_BY_HAND,
                       SWB_POLICY_NEVER);
        }
}

static void waits_are_until_the_rule_ends(void **state)
{
        struct swb_config config = defaults();
        struct swb_policy_facts facts = noon();

        (void)state;
        facts.check_left_usec = 5 * MINUTE;
        expect(SWB_GATE_CHECK, &config, &facts, false, SWB_RULE_SCHEDULE, 5 * MINUTE);
        facts.retry_left_usec = SWB_RETRY_AT_CHECK;
        expect(SWB_GATE_DOWNLOAD, &config, &facts, false, SWB_RULE_RETRY, 5 * MINUTE);
        facts.retry_left_usec = SECOND;
        expect(SWB_GATE_DOWNLOAD, &config, &facts, false, SWB_RULE_RETRY, SECOND);
        facts.retry_left_usec = 0;
        facts.backoff_left_usec = DAY;
        expect(SWB_GATE_DOWNLOAD, &config, &facts, false, SWB_RULE_BACKOFF, DAY);
        facts.backoff_left_usec = 0;
        facts.scatter_left_usec = HOUR;
        expect(SWB_GATE_DOWNLOAD, &config, &facts, false, SWB_RULE_SCATTER, HOUR);
        facts.deferral_left_usec = 2 * HOUR;
        expect(SWB_GATE_DOWNLOAD, &config, &facts, false, SWB_RULE_DEFERRED, 2 * HOUR);
        expect(SWB_GATE_REBOOT, &config, &facts, false, SWB_RULE_DEFERRED, 2 * HOUR);
        facts.is_paused = true;
        facts.pause_left_usec = 3 * HOUR;
        for (int gate = 0; gate < _SWB_GATE_MAX; gate++)
                expect((enum swb_gate)gate, &config, &facts, false, SWB_RULE_PAUSED, 3 * HOUR);
        facts.has_deadline = true;
        facts.deadline_left_usec = HOUR;
        expect(SWB_GATE_REBOOT, &config, &facts, false, SWB_RULE_PAUSED, HOUR);
}

static void a_deadline_ends_what_is_for_convenience(void **state)
{
        struct swb_config config = defaults();
        struct swb_policy_facts facts = noon();

        (void)state;
        facts.is_paused = facts.has_deadline = true;
        facts.pause_left_usec = facts.deferral_left_usec = facts.scatter_left_usec = DAY;
        facts.load_percent = 400;
        facts.is_in_use = config.reboot.wait_for_users = true;
        facts.network = SWB_NETWORK_METERED;
        expect(SWB_GATE_DOWNLOAD, &config, &facts, true, SWB_RULE_DEADLINE, SWB_POLICY_POLL_USEC);
        expect(SWB_GATE_INSTALL, &config, &facts, true, SWB_RULE_DEADLINE, SWB_POLICY_POLL_USEC);
        expect(SWB_GATE_REBOOT, &config, &facts, true, SWB_RULE_DEADLINE, SWB_POLICY_POLL_USEC);
        facts.inhibitors[0] = (struct swb_inhibitor){"a", "b", SWB_GATES_ALL, HOUR};
        facts.inhibitors[1] = (struct swb_inhibitor){"a", "b", SWB_GATES_ALL, 0};
        facts.n_inhibitors = 2;
        expect(SWB_GATE_REBOOT, &config, &facts, false, SWB_RULE_INHIBITED, HOUR);
        facts.inhibitors[0].gates = SWB_GATE_BIT(SWB_GATE_DOWNLOAD);
        expect(SWB_GATE_REBOOT, &config, &facts, true, SWB_RULE_DEADLINE, SWB_POLICY_POLL_USEC);
        facts.on_battery = true;
        facts.battery_percent = 19;
        expect(SWB_GATE_REBOOT, &config, &facts, false, SWB_RULE_BATTERY, SWB_POLICY_POLL_USEC);
        config.reboot.automatic = false;
        expect(SWB_GATE_REBOOT, &config, &facts, false, SWB_RULE_MANUAL, SWB_POLICY_NEVER);
}

static void metered_networks(void **state)
{
        static const struct {
                const char *setting;
                bool full, delta, late;
        } table[] = {{"no", false, false, false},
                     {"deadline", false, false, true},
                     {"delta", false, true, true},
                     {"yes", true, true, true}};
        struct swb_config config = defaults();
        struct swb_policy_facts facts = noon();

        (void)state;
        facts.network = SWB_NETWORK_METERED;
        for (size_t i = 0; i < SWB_ELEMENTS(table); i++) {
                config.network.on_metered = (char *)table[i].setting;
                facts.is_delta = facts.has_deadline = false;
                assert_int_equal(swb_policy_ask(SWB_GATE_DOWNLOAD, &config, &facts).allow,
                                 table[i].full);
                facts.is_delta = true;
                assert_int_equal(swb_policy_ask(SWB_GATE_DOWNLOAD, &config, &facts).allow,
                                 table[i].delta);
                facts.has_deadline = true;
                assert_int_equal(swb_policy_ask(SWB_GATE_DOWNLOAD, &config, &facts).allow,
                                 table[i].late);
                assert_true(swb_policy_ask(SWB_GATE_CHECK, &config, &facts).allow);
        }
}

static void a_budget_decides_about_the_payload(void **state)
{
        struct swb_config config = defaults();
        struct swb_policy_facts facts = noon();

        (void)state;
        facts.allowances[0] = (struct swb_allowance){5000, 900, HOUR};
        expect(SWB_GATE_DOWNLOAD, &config, &facts, false, SWB_RULE_BUDGET, HOUR);
        facts.bytes_left = 900; /* a delta that fits */
        expect(SWB_GATE_DOWNLOAD, &config, &facts, true, SWB_RULE_FREE, SWB_POLICY_POLL_USEC);
        facts.bytes_left = 5001; /* larger than any day: in pieces */
        expect(SWB_GATE_DOWNLOAD, &config, &facts, true, SWB_RULE_FREE, SWB_POLICY_POLL_USEC);
        facts.allowances[0].left_bytes = 0;
        expect(SWB_GATE_DOWNLOAD, &config, &facts, false, SWB_RULE_BUDGET, HOUR);
        facts.bytes_left = 0; /* only the read-back is left */
        expect(SWB_GATE_DOWNLOAD, &config, &facts, true, SWB_RULE_FREE, SWB_POLICY_POLL_USEC);
        facts.bytes_left = 1;
        facts.allowances[0].limit_bytes = 0;
        facts.allowances[2] = (struct swb_allowance){10, 0, DAY};
        expect(SWB_GATE_DOWNLOAD, &config, &facts, true, SWB_RULE_FREE, SWB_POLICY_POLL_USEC);
        facts.network = SWB_NETWORK_METERED;
        config.network.on_metered = (char *)"yes";
        expect(SWB_GATE_DOWNLOAD, &config, &facts, false, SWB_RULE_BUDGET, DAY);
}

static void a_wrong_clock_opens_no_window_and_blocks_nothing_for_ever(void **state)
{
        struct swb_config config = defaults();
        struct swb_policy_facts facts = noon();

        (void)state;
        facts.wall_usec += 15 * HOUR; /* would be night */
        facts.wall_is_sane = false;
        expect(SWB_GATE_REBOOT, &config, &facts, false, SWB_RULE_CLOCK, SWB_POLICY_POLL_USEC);
        expect(SWB_GATE_DOWNLOAD, &config, &facts, true, SWB_RULE_FREE, SWB_POLICY_POLL_USEC);
        facts.uptime_usec = SWB_POLICY_CLOCK_USEC - SECOND;
        expect(SWB_GATE_REBOOT, &config, &facts, false, SWB_RULE_CLOCK, SECOND);
        facts.uptime_usec = SWB_POLICY_CLOCK_USEC;
        expect(SWB_GATE_REBOOT, &config, &facts, true, SWB_RULE_FREE, SWB_POLICY_POLL_USEC);
}

static void battery_and_load(void **state)
{
        struct swb_config config = defaults();
        struct swb_policy_facts facts = noon();

        (void)state;
        facts.wall_usec += 15 * HOUR;
        facts.load_percent = 51;
        expect(SWB_GATE_REBOOT, &config, &facts, false, SWB_RULE_LOAD, SWB_POLICY_POLL_USEC);
        expect(SWB_GATE_DOWNLOAD, &config, &facts, true, SWB_RULE_FREE, SWB_POLICY_POLL_USEC);
        config.policy.download_load_percent = 50;
        expect(SWB_GATE_DOWNLOAD, &config, &facts, false, SWB_RULE_LOAD, SWB_POLICY_POLL_USEC);
        facts.load_percent = 50;
        facts.is_in_use = true;
        expect(SWB_GATE_REBOOT, &config, &facts, true, SWB_RULE_FREE, SWB_POLICY_POLL_USEC);
        config.reboot.wait_for_users = true;
        expect(SWB_GATE_REBOOT, &config, &facts, false, SWB_RULE_IN_USE, SWB_POLICY_POLL_USEC);
        facts.is_in_use = false;
        expect(SWB_GATE_DOWNLOAD, &config, &facts, true, SWB_RULE_FREE, SWB_POLICY_POLL_USEC);
        facts.on_battery = true;
        facts.battery_percent = 20;
        expect(SWB_GATE_REBOOT, &config, &facts, true, SWB_RULE_FREE, SWB_POLICY_POLL_USEC);
        facts.battery_percent = 19;
        expect(SWB_GATE_REBOOT, &config, &facts, false, SWB_RULE_BATTERY, SWB_POLICY_POLL_USEC);
}

static void texts_that_only_the_policy_understands(void **state)
{
        struct swb_config config = defaults();
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_ok(swb_policy_check_config(&config, &err), &err);
        config.network.metered = (char *)"maybe";
        assert_fault(swb_policy_check_config(&config, &err), &err, SWB_FAULT_CONFIG);
        config = defaults();
        config.network.on_metered = (char *)"maybe";
        assert_fault(swb_policy_check_config(&config, &err), &err, SWB_FAULT_CONFIG);
        config = defaults();
        config.policy.staging = (char *)"1d:50";
        assert_fault(swb_policy_check_config(&config, &err), &err, SWB_FAULT_CONFIG);
}

static void names(void **state)
{
        (void)state;
        for (int i = 0; i < _SWB_GATE_MAX; i++)
                assert_int_equal(swb_gate_from_string(swb_gate_to_string((enum swb_gate)i)), i);
        assert_int_equal(swb_gate_from_string("door"), _SWB_GATE_INVALID);
        for (int i = 0; i < _SWB_RULE_MAX; i++)
                assert_non_null(swb_rule_to_string((enum swb_rule)i));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(by_default_only_the_reboot_waits_for_the_night),
                cmocka_unit_test(what_is_asked_for_is_done),
                cmocka_unit_test(waits_are_until_the_rule_ends),
                cmocka_unit_test(a_deadline_ends_what_is_for_convenience),
                cmocka_unit_test(metered_networks),
                cmocka_unit_test(a_budget_decides_about_the_payload),
                cmocka_unit_test(a_wrong_clock_opens_no_window_and_blocks_nothing_for_ever),
                cmocka_unit_test(battery_and_load),
                cmocka_unit_test(texts_that_only_the_policy_understands),
                cmocka_unit_test(names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
