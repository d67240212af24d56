/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/config/config.h"
#include "device/config/settings.h"

#define REQUIRED                                                                                   \
        "[device]\napp-id=app\n[server]\nurl=http://x/\n[boot]\nplace=/dev/x:0:0x1000:0x1000\n"
#define SLOTS "[slot.A]\nroot=/dev/a\n[slot.B]\nroot=/dev/b\n"

static int load_text(const char *text, struct swb_config **ret, struct swb_error *err)
{
        char path[] = "/tmp/swb-config-XXXXXX";
        int fd = mkstemp(path), r;

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        (void)close(fd);
        *err = SWB_ERROR_INIT;
        r = swb_config_load(path, ret, err);
        (void)unlink(path);
        return r;
}

static void fills_in_the_defaults(void **state)
{
        _cleanup_(swb_config_freep) struct swb_config *config = NULL;
        struct swb_error err;

        (void)state;
        assert_ok(load_text(REQUIRED SLOTS, &config, &err), &err);
        assert_string_equal(config->device.app_id, "app");
        assert_string_equal(config->device.channel, "stable");
        assert_string_equal(config->device.board, "");
        assert_string_equal(config->device.device_id_file, "/etc/machine-id");
        assert_int_equal(config->server.connect_timeout_usec, 30000000);
        assert_int_equal(config->server.first_check_usec, 7 * 60000000ull);
        assert_int_equal(config->server.check_interval_usec, 45 * 60000000ull);
        assert_int_equal(config->server.max_interval_usec, 4 * 3600000000ull);
        assert_string_equal(config->boot.backend, "uboot");
        assert_int_equal(config->boot.tries, 3);
        assert_true(config->update.auto_download && config->update.auto_install);
        assert_int_equal(config->update.max_rate_bytes, 0);
        assert_string_equal(config->reboot.command, "");
        assert_int_equal(config->health.min_uptime_usec, 45000000);
        assert_int_equal(config->health.n_checks, 0);
        assert_int_equal(config->n_partitions, 1);
        assert_string_equal(config->partitions[0].path[SWB_SLOT_B], "/dev/b");
}

static void takes_what_is_written(void **state)
{
        static const char text[] =
                "; a comment\r\n  # another\r\n" REQUIRED "tries = 6\r\n"
                "[slot.B]\nkernel=/dev/b1\nroot=/dev/b2\n[slot.A]\nroot=/dev/a2\nkernel=/dev/a1\n"
                "[health]\n"
                "check.web = curl -f http://127.0.0.1/ ; echo \"a = b\" # not a comment\n"
                "\tcheck.disk=test -w /data\n"
                "unit.boot = boot-complete.target\n"
                "dbus.app = com.example.App /com/example/App com.example.App IsWell\n"
                "server = yes\n"
                "[update]\ndelta=off\nmax-rate=512K\n[server]\nca-file=/etc/ca.pem\n";
        _cleanup_(swb_config_freep) struct swb_config *config = NULL;
        struct swb_error err;

        (void)state;
        assert_ok(load_text(text, &config, &err), &err);
        assert_int_equal(config->boot.tries, 6);
        assert_int_equal(config->n_partitions, 2);
        assert_string_equal(config->partitions[0].name, "kernel");
        assert_string_equal(config->partitions[0].path[SWB_SLOT_A], "/dev/a1");
        assert_string_equal(config->partitions[1].path[SWB_SLOT_B], "/dev/b2");
        assert_int_equal(config->health.n_checks, 5);
        assert_int_equal(config->health.checks[1].kind, SWB_CHECK_COMMAND);
        assert_int_equal(config->health.checks[2].kind, SWB_CHECK_UNIT);
        assert_string_equal(config->health.checks[2].what, "boot-complete.target");
        assert_int_equal(config->health.checks[3].kind, SWB_CHECK_DBUS);
        assert_int_equal(config->health.checks[4].kind, SWB_CHECK_SERVER);
        assert_string_equal(config->health.checks[4].name, "server");
        assert_string_equal(config->health.checks[0].name, "web");
        assert_string_equal(config->health.checks[0].what,
                            "curl -f http://127.0.0.1/ ; echo \"a = b\" # not a comment");
        assert_string_equal(config->health.checks[1].what, "test -w /data");
        assert_false(config->update.delta);
        assert_int_equal(config->update.max_rate_bytes, 512 << 10);
        assert_string_equal(config->server.ca_file, "/etc/ca.pem");
}

static void refuses_with_place_and_reason(void **state)
{
        static const struct {
                const char *text, *want;
        } cases[] = {
                {"", "[device] app-id: the key is required"},
                {"[device]\napp-id=a\n", "[server] url: the key is required"},
                {REQUIRED, "[slot.A]: no partition"},
                {REQUIRED "[slot.A]\nroot=/dev/a\n", "[slot.B] root: the other slot has it"},
                {REQUIRED "[slot.A]\nroot=/dev/a\n[slot.B]\nroot=/dev/a\n",
                 ":10: [slot.B] root: '/dev/a' is already root of slot A"},
                {REQUIRED "[slot.A]\nroot=/dev/a\nroot=/dev/b\n",
                 ":9: [slot.A] root: the key is given"},
                {REQUIRED "[slot.A]\nroot=dev/a\n",
                 ":8: [slot.A] root: 'dev/a' is not an absolute"},
                {REQUIRED "[slot.A]\nroot file=/dev/a\n", "is not the name of a partition"},
                {"[device]\napp-di=x\n", ":2: [device] app-di: unknown key; is 'app-id' meant?"},
                {"[device]\nzzzzzzzzzzzzzzzz=x\n", ":2: [device] zzzzzzzzzzzzzzzz: unknown key"},
                {"[sever]\nurl=x\n", ":2: [sever] url: unknown section; is [server] meant?"},
                {"[slot.C]\nroot=/x\n", "unknown section; is [slot.A] meant?"},
                {"app-id=x\n", ":1: [] app-id: the key stands before any section"},
                {"[device]\napp-id=x\napp-id=y\n",
                 ":3: [device] app-id: the key is given twice, first on "
                 "line 2"},
                {"[device]\napp-id=\n", ":2: [device] app-id: the value is empty"},
                {"[device]\napp-id\n", ":2: 'app-id' is neither KEY=value nor [section]"},
                {"[device]\n=x\n", ":2: '=x' is neither"},
                {"[device\napp-id=x\n", ":1: '[device': ']' is missing"},
                {"[device]\napp-id=a\033b\n", ":2: control character 0x1b in column 9"},
                {"[device]\nstate-dir=var\n", "'var' is not an absolute path"},
                {"[server]\nurl=ftp://x/\n", ":2: [server] url: 'ftp://x/' is not a URL"},
                {"[server]\nurl=https://\n", "is not a URL"},
                {"[server]\nurl=https:///x\n", "is not a URL"},
                {"[server]\nurl=http://a b/\n", "is not a URL"},
                {"[server]\nfirst-check=7 minutes\n", "'7 minutes' is not a time such as"},
                {"[server]\ncheck-interval=0\n", "'0' is outside 1 .. 2592000 seconds"},
                {"[server]\ncheck-interval=31d\n", "outside"},
                {"[boot]\ntries=16\n", ":2: [boot] tries: '16' is outside 1 .. 15"},
                {"[boot]\ntries=-1\n", "is not a whole number"},
                {"[boot]\ntries=\n", "'' is not a whole number"},
                {"[update]\ndelta=maybe\n", "'maybe' is not yes or no"},
                {"[update]\nmax-rate=fast\n", "'fast' is not a size"},
                {"[health]\ncheck.=x\n", "is not the name of a check"},
                {"[health]\ncheck.a=\n", "the value is empty"},
                {"[health]\nunit.a=app\n", "not the name of a unit"},
                {"[health]\nunit.a=--all.x\n", "not the name of a unit"},
                {"[health]\nunit.a=a.service b.service\n", "not the name of a unit"},
                {"[health]\ndbus.a=com.example.App /com/example/App com.example.App\n",
                 "is not SERVICE PATH INTERFACE METHOD"},
                {"[health]\ndbus.a=com.example.App App com.example.App IsWell\n", "is not SERVICE"},
                {"[health]\ndbus.a=com.example.App /A $(reboot) IsWell\n", "is not SERVICE"},
                {"[health]\ndbus.a=--user /A com.example.App IsWell\n", "is not SERVICE"},
                {"[health]\nthing.a=x\n", "unknown key"},
                {"[health]\nunit=app.service\n", "unknown key"},
                {"[health]\nunit.a=a.service\ncheck.a=y\n", "given twice"},
                {REQUIRED SLOTS "[health]\nserver=yes\ncheck.server=true\n",
                 "a check is called 'server'"},
                {"[health]\nwatchdog=watchdog0\n", "is not an absolute path"},
                {"[health]\nwatchdog-timeout=2s\n", "outside 3 .. 3600"},
                {"[health]\ncheck.a=x\ncheck.a=y\n",
                 ":3: [health] check.a: the name of this check is given twice"},
                {REQUIRED SLOTS "[server]\nfirst-check=1m\n",
                 "first-check-jitter: must not be above"},
                {REQUIRED SLOTS "[server]\ncheck-jitter=45m\n", "check-jitter: must be below"},
                {REQUIRED SLOTS "[server]\nmax-interval=1m\n", "max-interval: must not be below"},
                {REQUIRED SLOTS "[post-install]\nprogram=/x\npartition=system\n",
                 "[post-install] partition: the slots have no partition 'system'"},
        };
        struct swb_error err;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                struct swb_config *config = NULL;

                assert_fault(load_text(cases[i].text, &config, &err), &err, SWB_FAULT_CONFIG);
                assert_null(config);
                if (!strstr(err.text, cases[i].want))
                        fail_msg("case %zu: '%s' lacks '%s'", i, err.text, cases[i].want);
                assert_non_null(strstr(err.text, "/tmp/swb-config-"));
        }
}

static void bounds_lines_lists_and_size(void **state)
{
        struct swb_config *config = NULL;
        struct swb_error err;
        char *text = calloc(1, 200000);
        size_t n;

        (void)state;
        assert_non_null(text);
        n = (size_t)snprintf(text, 100, "[device]\napp-id=");
        memset(text + n, 'x', 5000);
        assert_fault(load_text(text, &config, &err), &err, SWB_FAULT_CONFIG);
        assert_non_null(strstr(err.text, "longer than"));
        n = (size_t)snprintf(text, 100, "[health]\n");
        for (int i = 0; i <= SWB_CONFIG_CHECKS_MAX; i++)
                n += (size_t)snprintf(text + n, 100, "check.c%d=true\n", i);
        assert_fault(load_text(text, &config, &err), &err, SWB_FAULT_CONFIG);
        assert_non_null(strstr(err.text, "more than 16 checks"));
        n = (size_t)snprintf(text, 100, "[slot.A]\n");
        for (int i = 0; i <= SWB_CONFIG_PARTITIONS_MAX; i++)
                n += (size_t)snprintf(text + n, 100, "p%d=/dev/p%d\n", i, i);
        assert_fault(load_text(text, &config, &err), &err, SWB_FAULT_CONFIG);
        assert_non_null(strstr(err.text, "more than 16 partitions"));
        memset(text, '\n', 100000);
        text[100000] = '\0';
        assert_fault(load_text(text, &config, &err), &err, SWB_FAULT_LIMIT);
        assert_fault(swb_config_load("/nonexistent/device.conf", &config, &err), &err,
                     SWB_FAULT_NOT_FOUND);
        free(text);
}

static char *read_source(const char *name)
{
        char path[4096];
        FILE *file;
        char *text = calloc(1, 100000);

        assert_non_null(text);
        (void)snprintf(path, sizeof(path), "%s/%s", SWB_SOURCE, name);
        file = fopen(path, "r");
        if (!file)
                fail_msg("%s: %s", path, strerror(errno));
        assert_true(fread(text, 1, 99999, file) > 0);
        (void)fclose(file);
        return text;
}

/* Does the text of `section` hold a line that begins so? */
static bool has_line(const char *text, const char *section, const char *line)
{
        const char *start = strstr(text, section);
        const char *end = start ? strstr(start + 1, "\n[") : NULL;
        const char *found = start ? strstr(start, line) : NULL;

        return found && (!end || found < end);
}

static void the_sample_has_every_key_and_loads(void **state)
{
        _cleanup_(swb_config_freep) struct swb_config *config = NULL;
        char *text = read_source("data/device.conf"), *plain;
        const struct swb_setting *setting;
        struct swb_error err;
        size_t n = 0;

        (void)state;
        for (size_t i = 0; (setting = swb_setting_at(i)); i++) {
                char section[64], line[128];

                (void)snprintf(section, sizeof(section), "\n[%s]\n", setting->section);
                if (!setting->fallback)
                        (void)snprintf(line, sizeof(line), "\n%s = ", setting->key);
                else
                        (void)snprintf(line, sizeof(line), "\n#%s =%s%s\n", setting->key,
                                       *setting->fallback ? " " : "", setting->fallback);
                if (!has_line(text, section, line))
                        fail_msg("data/device.conf lacks '%s' in [%s]", line + 1, setting->section);
        }
        assert_ok(load_text(text, &config, &err), &err);
        config = swb_config_free(config);
        /* and with every default written out */
        plain = strdup(text);
        assert_non_null(plain);
        for (const char *p = text; *p; p++)
                if (!(*p == '#' && p[1] != ' ' && p[1] != '\n'))
                        plain[n++] = *p;
        plain[n] = '\0';
        assert_ok(load_text(plain, &config, &err), &err);
        assert_int_equal(config->health.n_checks, 2);
        free(plain);
        free(text);
}

/* "``key``", and its default behind it. */
static void the_manual_has_every_key(void **state)
{
        char *text = read_source("docs/man/device.conf.5.rst");
        const struct swb_setting *setting;

        (void)state;
        for (size_t i = 0; (setting = swb_setting_at(i)); i++) {
                char line[160], section[64];

                (void)snprintf(section, sizeof(section), "\n[%s]\n", setting->section);
                if (!setting->fallback)
                        (void)snprintf(line, sizeof(line), "\n``%s`` (required)\n", setting->key);
                else if (*setting->fallback)
                        (void)snprintf(line, sizeof(line), "\n``%s`` = ``%s``\n", setting->key,
                                       setting->fallback);
                else
                        (void)snprintf(line, sizeof(line), "\n``%s``\n", setting->key);
                if (!has_line(text, section, line))
                        fail_msg("device.conf.5.rst lacks '%s' in [%s]", line + 1,
                                 setting->section);
        }
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fills_in_the_defaults),
                cmocka_unit_test(takes_what_is_written),
                cmocka_unit_test(refuses_with_place_and_reason),
                cmocka_unit_test(bounds_lines_lists_and_size),
                cmocka_unit_test(the_sample_has_every_key_and_loads),
                cmocka_unit_test(the_manual_has_every_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
