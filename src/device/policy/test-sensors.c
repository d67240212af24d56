/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <sys/stat.h>

#include "device/policy/sensors.h"
#include "os/file.h"

static char folder[] = "/tmp/swb-sensors-XXXXXX";

static void put(const char *supply, const char *name, const char *value)
{
        struct swb_error err = SWB_ERROR_INIT;
        char path[128];

        (void)snprintf(path, sizeof(path), "%s/%s", folder, supply);
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        (void)snprintf(path, sizeof(path), "%s/%s/%s", folder, supply, name);
        assert_ok(swb_write_file_durable(path, value, strlen(value), 0600, &err), &err);
}

static void power_supplies_are_read(void **state)
{
        struct swb_policy_facts facts = {.on_battery = true};

        (void)state;
        swb_sense_power("/nonexistent", &facts);
        assert_false(facts.on_battery);
        put("mouse", "type", "Battery\n");
        put("mouse", "scope", "Device\n");
        put("mouse", "capacity", "3\n");
        swb_sense_power(folder, &facts);
        assert_false(facts.on_battery);
        put("BAT0", "type", "Battery\n");
        put("BAT0", "capacity", "17\n");
        put("BAT0", "status", "Discharging\n");
        swb_sense_power(folder, &facts);
        assert_true(facts.on_battery);
        assert_int_equal(facts.battery_percent, 17);
        put("AC", "type", "Mains\n");
        put("AC", "online", "1\n");
        swb_sense_power(folder, &facts);
        assert_false(facts.on_battery);
        put("AC", "online", "0\n");
        put("BAT0", "capacity", "garbage\n");
        swb_sense_power(folder, &facts);
        assert_false(facts.on_battery);
        put("BAT0", "capacity", "90");
        put("BAT0", "status", "Charging");
        swb_sense_power(folder, &facts);
        assert_false(facts.on_battery);
}

static void load_is_of_all_processors(void **state)
{
        struct swb_policy_facts facts = {0};
        char path[128];

        (void)state;
        put("proc", "loadavg", "1.53 0.80 0.40 2/300 4711\n");
        (void)snprintf(path, sizeof(path), "%s/proc/loadavg", folder);
        swb_sense_load(path, 2, &facts);
        assert_int_equal(facts.load_percent, 76);
        put("proc", "loadavg", "nonsense");
        swb_sense_load(path, 2, &facts);
        assert_int_equal(facts.load_percent, 0);
        swb_sense_load("/nonexistent", 0, &facts);
        assert_int_equal(facts.load_percent, 0);
}

static int set_up(void **state)
{
        (void)state;
        return mkdtemp(folder) ? 0 : -1;
}

static int clean_up(void **state)
{
        static const char *const files[] = {"mouse/type",
                                            "mouse/scope",
                                            "mouse/capacity",
                                            "mouse",
                                            "BAT0/type",
                                            "BAT0/capacity",
                                            "BAT0/status",
                                            "BAT0",
                                            "AC/type",
                                            "AC/online",
                                            "AC",
                                            "proc/loadavg",
                                            "proc",
                                            ""};
        char path[128];

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(files); i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
                (void)remove(path);
        }
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(power_supplies_are_read),
                cmocka_unit_test(load_is_of_all_processors),
        };

        return cmocka_run_group_tests(tests, set_up, clean_up);
}
