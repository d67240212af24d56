/* SPDX-License-Identifier: Apache-2.0 */
#include "device/config/settings.h"

#include <inttypes.h>

#include "base/text.h"
#include "os/keyring.h"

#define AT(member) offsetof(struct swb_config, member)
#define DAYS 86400ull /* upper bounds of times are there to catch slips of a unit */

static const struct swb_setting table[] = {
        {"device", "app-id", SWB_SETTING_TEXT, NULL, AT(device.app_id)},
        {"device", "device-id-file", SWB_SETTING_PATH, "/etc/machine-id",
         AT(device.device_id_file)},
        {"device", "hardware-class", SWB_SETTING_TEXT, "", AT(device.hardware_class)},
        {"device", "board", SWB_SETTING_TEXT, "", AT(device.board)},
        {"device", "channel", SWB_SETTING_TEXT, "stable", AT(device.channel)},
        {"device", "release-file", SWB_SETTING_PATH, "/etc/os-release", AT(device.release_file)},
        {"device", "cmdline-file", SWB_SETTING_PATH, "/proc/cmdline", AT(device.cmdline_file)},
        {"device", "boot-id-file", SWB_SETTING_PATH, "/proc/sys/kernel/random/boot_id",
         AT(device.boot_id_file)},
        {"device", "state-dir", SWB_SETTING_PATH, "/var/lib/switchback", AT(device.state_dir)},
        {"device", "keys-dir", SWB_SETTING_PATH, "/etc/switchback/keys", AT(device.keys_dir)},
        {"device", "time-zone-file", SWB_SETTING_PATH, "/etc/localtime", AT(device.time_zone_file)},
        {"device", "power-dir", SWB_SETTING_PATH, "/sys/class/power_supply", AT(device.power_dir)},
        {"device", "load-file", SWB_SETTING_PATH, "/proc/loadavg", AT(device.load_file)},
        {"device", "chromium-dbus", SWB_SETTING_BOOL, "no", AT(device.chromium_dbus)},
        {"device", "build-timestamp", SWB_SETTING_NUMBER, "0", AT(device.build_timestamp)},

        {"server", "url", SWB_SETTING_URL, NULL, AT(server.url)},
        {"server", "ca-file", SWB_SETTING_PATH, "", AT(server.ca_file)},
        {"server", "answer-keys-dir", SWB_SETTING_PATH, "", AT(server.answer_keys_dir)},
        {"server", "connect-timeout", SWB_SETTING_DURATION, "30s", AT(server.connect_timeout_usec),
         1, 600},
        {"server", "first-check", SWB_SETTING_DURATION, "7m", AT(server.first_check_usec), 0,
         30 * DAYS},
        {"server", "first-check-jitter", SWB_SETTING_DURATION, "5m",
         AT(server.first_check_jitter_usec), 0, 30 * DAYS},
        {"server", "check-interval", SWB_SETTING_DURATION, "45m", AT(server.check_interval_usec), 1,
         30 * DAYS},
        {"server", "check-jitter", SWB_SETTING_DURATION, "5m", AT(server.check_jitter_usec), 0,
         30 * DAYS},
        {"server", "max-interval", SWB_SETTING_DURATION, "4h", AT(server.max_interval_usec), 1,
         30 * DAYS},

        {"boot", "backend", SWB_SETTING_TEXT, "uboot", AT(boot.backend)},
        {"boot", "place", SWB_SETTING_TEXT, NULL, AT(boot.place)},
        {"boot", "tries", SWB_SETTING_NUMBER, "3", AT(boot.tries), 1, SWB_BOOT_TRIES_MAX},

        {"update", "auto-download", SWB_SETTING_BOOL, "yes", AT(update.auto_download)},
        {"update", "auto-install", SWB_SETTING_BOOL, "yes", AT(update.auto_install)},
        {"update", "delta", SWB_SETTING_BOOL, "yes", AT(update.delta)},
        {"update", "required-signatures", SWB_SETTING_NUMBER, "1", AT(update.required_signatures),
         1, SWB_KEYS_MAX},
        {"update", "max-delta-failures", SWB_SETTING_NUMBER, "3", AT(update.max_delta_failures), 1,
         100},
        {"update", "second-try", SWB_SETTING_DURATION, "1d", AT(update.second_try_usec), 0,
         366 * DAYS},
        {"update", "max-rate", SWB_SETTING_SIZE, "0", AT(update.max_rate_bytes)},
        {"update", "by-hand-cores", SWB_SETTING_NUMBER, "2", AT(update.by_hand_cores), 1, 2},
        {"update", "open-memory", SWB_SETTING_SIZE, "26M", AT(update.open_memory_bytes), 0,
         1 << 30},
        {"update", "open-scratch", SWB_SETTING_SIZE, "1G", AT(update.open_scratch_bytes)},

        {"policy", "download-windows", SWB_SETTING_WINDOWS, "always", AT(policy.download_windows)},
        {"policy", "install-windows", SWB_SETTING_WINDOWS, "always", AT(policy.install_windows)},
        {"policy", "deadline", SWB_SETTING_DURATION, "14d", AT(policy.deadline_usec), 0,
         366 * DAYS},
        {"policy", "max-deferral", SWB_SETTING_DURATION, "7d", AT(policy.max_deferral_usec), 0,
         366 * DAYS},
        {"policy", "max-inhibit", SWB_SETTING_DURATION, "12h", AT(policy.max_inhibit_usec), 0,
         7 * DAYS},
        {"policy", "scatter", SWB_SETTING_DURATION, "0s", AT(policy.scatter_usec), 0, 28 * DAYS},
        {"policy", "staging", SWB_SETTING_TEXT, "", AT(policy.staging)},
        {"policy", "download-max-load", SWB_SETTING_NUMBER, "0", AT(policy.download_load_percent),
         0, 10000},
        {"policy", "min-battery", SWB_SETTING_NUMBER, "20", AT(policy.min_battery_percent), 0, 99},

        {"network", "metered", SWB_SETTING_TEXT, "auto", AT(network.metered)},
        {"network", "on-metered", SWB_SETTING_TEXT, "deadline", AT(network.on_metered)},
        {"network", "day-limit", SWB_SETTING_SIZE, "0", AT(network.day_limit_bytes)},
        {"network", "month-limit", SWB_SETTING_SIZE, "0", AT(network.month_limit_bytes)},
        {"network", "metered-month-limit", SWB_SETTING_SIZE, "0",
         AT(network.metered_month_limit_bytes)},

        {"reboot", "windows", SWB_SETTING_WINDOWS, "02:00-05:00", AT(reboot.windows)},
        {"reboot", "wait-for-users", SWB_SETTING_BOOL, "yes", AT(reboot.wait_for_users)},
        {"reboot", "max-load", SWB_SETTING_NUMBER, "50", AT(reboot.load_percent), 0, 10000},
        {"reboot", "automatic", SWB_SETTING_BOOL, "yes", AT(reboot.automatic)},
        {"reboot", "command", SWB_SETTING_TEXT, "", AT(reboot.command)},
        {"reboot", "delay", SWB_SETTING_DURATION, "1m", AT(reboot.delay_usec), 0, 30 * DAYS},

        {"health", "timeout", SWB_SETTING_DURATION, "5m", AT(health.timeout_usec), 1, DAYS},
        {"health", "min-uptime", SWB_SETTING_DURATION, "45s", AT(health.min_uptime_usec), 0, DAYS},
        {"health", "interval", SWB_SETTING_DURATION, "10s", AT(health.interval_usec), 1, DAYS},
        {"health", "check-timeout", SWB_SETTING_DURATION, "1m", AT(health.check_timeout_usec), 1,
         DAYS},
        {"health", "server", SWB_SETTING_BOOL, "no", AT(health.server)},
        {"health", "watchdog", SWB_SETTING_PATH, "", AT(health.watchdog)},
        {"health", "watchdog-timeout", SWB_SETTING_DURATION, "1m", AT(health.watchdog_timeout_usec),
         3, 3600},

        {"post-install", "program", SWB_SETTING_PATH, "", AT(post_install.program)},
        {"post-install", "partition", SWB_SETTING_TEXT, "root", AT(post_install.partition)},
        {"post-install", "timeout", SWB_SETTING_DURATION, "5m", AT(post_install.timeout_usec), 1,
         DAYS},
        {"post-install", "optional", SWB_SETTING_BOOL, "no", AT(post_install.optional)},

        {"workers", "fetch", SWB_SETTING_PATH, "/usr/sbin/swb-fetch", AT(workers.fetch)},
        {"workers", "install", SWB_SETTING_PATH, "/usr/sbin/swb-install", AT(workers.install)},
        {"workers", "post-install", SWB_SETTING_PATH, "/usr/sbin/swb-post-install",
         AT(workers.post_install)},
        {"workers", "fetch-user", SWB_SETTING_TEXT, "swb-fetch", AT(workers.fetch_user)},
        {"workers", "silence-limit", SWB_SETTING_DURATION, "30m", AT(workers.silence_limit_usec), 1,
         DAYS},
};

const struct swb_setting *swb_setting_at(size_t index)
{
        return index < SWB_ELEMENTS(table) ? &table[index] : NULL;
}

const struct swb_setting *swb_setting_find(const char *section, const char *key)
{
        for (size_t i = 0; i < SWB_ELEMENTS(table); i++)
                if (strcmp(table[i].section, section) == 0 && strcmp(table[i].key, key) == 0)
                        return &table[i];
        return NULL;
}

#define NAME_MAX_COMPARED 32
#define NEAR 3 /* slips that still count as "meant this one" */

/* Levenshtein's distance; NAME_MAX_COMPARED for names too long to be a slip of one of ours. */
static size_t distance(const char *a, const char *b)
{
        size_t row[NAME_MAX_COMPARED + 1];
        size_t n_a = strlen(a), n_b = strlen(b);

        if (n_a > NAME_MAX_COMPARED || n_b > NAME_MAX_COMPARED)
                return NAME_MAX_COMPARED;
        for (size_t k = 0; k <= n_b; k++)
                row[k] = k;
        for (size_t i = 1; i <= n_a; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t k = 1; k <= n_b; k++) {
                        size_t replaced = diagonal + (a[i - 1] != b[k - 1]);

                        diagonal = row[k];
                        row[k] = SWB_MIN(replaced, SWB_MIN(row[k], row[k - 1]) + 1);
                }
        }
        return row[n_b];
}

/* Keeps `candidate` when it is nearer than what *best holds. */
static void prefer(const char *name, const char *candidate, const char **best,
                   size_t *best_distance)
{
        size_t d = distance(name, candidate);

        if (d < *best_distance) {
                *best_distance = d;
                *best = candidate;
        }
}

const char *swb_setting_nearest_section(const char *section)
{
        const char *best = NULL;
        size_t best_distance = NEAR + 1;

        for (size_t i = 0; i < SWB_ELEMENTS(table); i++)
                prefer(section, table[i].section, &best, &best_distance);
        prefer(section, "slot.A", &best, &best_distance);
        prefer(section, "slot.B", &best, &best_distance);
        return best;
}

const char *swb_setting_nearest_key(const char *section, const char *key)
{
        const char *best = NULL;
        size_t best_distance = NEAR + 1;

        for (size_t i = 0; i < SWB_ELEMENTS(table); i++)
                if (strcmp(table[i].section, section) == 0)
                        prefer(key, table[i].key, &best, &best_distance);
        return best;
}

static int refuse(struct swb_error *err, const char *value, const char *wanted)
{
        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "'%s' is not %s", value, wanted);
}

static bool is_url(const char *value)
{
        const char *host = strstr(value, "://");

        return (swb_starts_with(value, "http://") || swb_starts_with(value, "https://")) &&
               host[3] != '\0' && host[3] != '/' && !strpbrk(value, " \t\"<>\\");
}

static int store_text(const struct swb_setting *setting, char **place, const char *value,
                      struct swb_error *err)
{
        bool empty_allowed = setting->fallback && !*setting->fallback;
        char *copy;

        if (!*value && !empty_allowed)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "the value is empty");
        if (*value && setting->type == SWB_SETTING_PATH && *value != '/')
                return refuse(err, value, "an absolute path");
        if (*value && setting->type == SWB_SETTING_URL && !is_url(value))
                return refuse(err, value, "a URL that begins with http:// or https://");
        copy = strdup(value);
        if (!copy)
                return swb_oom(err);
        free(*place);
        *place = copy;
        return 0;
}

static int store_number(const struct swb_setting *setting, uint64_t *place, const char *value,
                        struct swb_error *err)
{
        bool is_duration = setting->type == SWB_SETTING_DURATION;
        uint64_t unit = is_duration ? 1000000 : 1;
        uint64_t number = 0;
        const char *form;
        int r;

        if (is_duration) {
                r = swb_parse_duration(value, &number);
                form = "a time such as 30s, 5m, 2h or 1d";
        } else if (setting->type == SWB_SETTING_SIZE) {
                r = swb_parse_size(value, &number);
                form = "a size such as 4096, 64K, 16M or 1G";
        } else {
                r = swb_parse_u64(value, &number);
                form = "a whole number";
        }
        if (r < 0)
                return refuse(err, value, form);
        if (number < setting->min * unit || (setting->max && number > setting->max * unit))
                return swb_fail(err, -ERANGE, SWB_FAULT_CONFIG,
                                "'%s' is outside %" PRIu64 " .. %" PRIu64 "%s", value, setting->min,
                                setting->max, is_duration ? " seconds" : "");
        *place = number;
        return 0;
}

int swb_setting_store(const struct swb_setting *setting, struct swb_config *config,
                      const char *value, struct swb_error *err)
{
        void *place = (char *)config + setting->offset;

        switch (setting->type) {
        case SWB_SETTING_TEXT:
        case SWB_SETTING_PATH:
        case SWB_SETTING_URL:
                return store_text(setting, place, value, err);
        case SWB_SETTING_BOOL:
                if (swb_parse_bool(value, place) < 0)
                        return refuse(err, value, "yes or no");
                return 0;
        case SWB_SETTING_WINDOWS:
                return swb_windows_parse(value, place, err);
        case SWB_SETTING_NUMBER:
        case SWB_SETTING_SIZE:
        case SWB_SETTING_DURATION:
                return store_number(setting, place, value, err);
        default:
                swb_assert(false);
                return -EINVAL;
        }
}
