/* SPDX-License-Identifier: Apache-2.0 */
#include "device/sim/fleet.h"

#include "base/text.h"
#include "device/config/ini.h"
#include "os/file.h"

#define FILE_BYTES_MAX (64u << 10)
#define SECOND UINT64_C(1000000)
#define DEVICES_MAX 10000000
#define DAYS_MAX 366

/* No window is ever open. */
static const struct swb_windows never = {.n = 1};

enum kind { TEXT, NUMBER, PERCENT, SIZE, TIME, DATE, ZONE, WINDOWS, YES_NO, CONFIG_FILE };

struct key {
        const char *section, *name;
        enum kind kind;
        size_t offset; /* in the fleet, or in the group */
        uint64_t min, max;
};

#define FLEET(member) offsetof(struct swb_sim_fleet, member)
#define GROUP(member) offsetof(struct swb_sim_group, member)

static const struct key keys[] = {
        {"fleet", "config", CONFIG_FILE, FLEET(config), 0, 0},
        {"fleet", "devices", NUMBER, FLEET(n_devices), 1, DEVICES_MAX},
        {"fleet", "days", NUMBER, FLEET(n_days), 1, DAYS_MAX},
        {"fleet", "start", DATE, FLEET(start_usec), 0, 0},
        {"fleet", "seed", NUMBER, FLEET(seed), 0, UINT64_MAX},
        {"release", "after", TIME, FLEET(release.wall_usec), 0, UINT64_MAX},
        {"release", "delta-size", SIZE, FLEET(release.delta_bytes), 1, UINT64_MAX},
        {"release", "full-size", SIZE, FLEET(release.full_bytes), 1, UINT64_MAX},
        {"release", "deadline", TEXT, FLEET(deadline), 0, 0},
        {"release", "outage-after", TIME, FLEET(release.outage_usec), 0, UINT64_MAX},
        {"release", "outage-length", TIME, FLEET(release.outage_length_usec), 0, UINT64_MAX},
        {"group", "share", NUMBER, GROUP(share), 1, 1000000},
        {"group", "time-zone", ZONE, GROUP(zone), 0, 0},
        {"group", "on", WINDOWS, GROUP(on), 0, 0},
        {"group", "busy", WINDOWS, GROUP(busy), 0, 0},
        {"group", "metered", WINDOWS, GROUP(metered), 0, 0},
        {"group", "battery", WINDOWS, GROUP(battery), 0, 0},
        {"group", "inhibit", WINDOWS, GROUP(inhibit), 0, 0},
        {"group", "rate", SIZE, GROUP(rate_bytes), 1, UINT64_MAX},
        {"group", "delta", PERCENT, GROUP(delta_percent), 0, 100},
        {"group", "failures", PERCENT, GROUP(failure_percent), 0, 100},
        {"group", "no-clock", YES_NO, GROUP(has_no_clock), 0, 0},
};

struct loader {
        struct swb_sim_fleet *fleet;
        const char *path;
};

static int refuse(const char *value, const char *wanted, struct swb_error *err)
{
        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "'%s' is not %s", value, wanted);
}

/* ---- values ---- */

static int take_number(const struct key *key, const char *value, uint64_t *place,
                       struct swb_error *err)
{
        uint64_t number = 0;
        int r;

        if (key->kind == SIZE)
                r = swb_parse_size(value, &number);
        else if (key->kind == TIME)
                r = swb_parse_duration(value, &number);
        else
                r = swb_parse_u64(value, &number);
        if (r < 0 || number < key->min || number > key->max)
                return refuse(value, "a number, size or time within its limits", err);
        *place = number;
        return 0;
}

static int take_date(const char *value, uint64_t *place, struct swb_error *err)
{
        struct tm tm = {0};
        const char *end = strptime(value, "%Y-%m-%d", &tm);
        time_t sec = end && *end == '\0' ? timegm(&tm) : -1;

        if (sec < 0)
                return refuse(value, "a date such as 2026-11-23", err);
        *place = (uint64_t)sec * SECOND;
        return 0;
}

static int take_windows(const char *value, struct swb_windows *place, struct swb_error *err)
{
        if (strcmp(value, "never") != 0)
                return swb_windows_parse(value, place, err);
        *place = never;
        return 0;
}

/* Relative to the fleet's own file. */
static int take_config(const struct loader *loader, const char *value, struct swb_error *err)
{
        const char *slash = strrchr(loader->path, '/');
        int n = value[0] == '/' || !slash ? 0 : (int)(slash - loader->path) + 1;
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%.*s%s", n, loader->path, value) < 0) {
                path = NULL;
                return swb_oom(err);
        }
        if (loader->fleet->config)
                return swb_fail(err, -EEXIST, SWB_FAULT_CONFIG, "the key is given twice");
        return swb_config_load(path, &loader->fleet->config, err);
}

static int take_value(const struct loader *loader, const struct key *key, void *place,
                      const char *value, struct swb_error *err)
{
        switch (key->kind) {
        case CONFIG_FILE:
                return take_config(loader, value, err);
        case TEXT:
                if (strlen(value) >= sizeof(loader->fleet->deadline))
                        return refuse(value, "that short", err);
                memcpy(place, value, strlen(value) + 1);
                return 0;
        case NUMBER:
        case PERCENT:
        case SIZE:
        case TIME:
                return take_number(key, value, place, err);
        case DATE:
                return take_date(value, place, err);
        case ZONE:
                return swb_zone_parse(value, place, err);
        case WINDOWS:
                return take_windows(value, place, err);
        case YES_NO:
                return swb_parse_bool(value, place) < 0 ? refuse(value, "yes or no", err) : 0;
        default:
                swb_assert(false);
                return -EINVAL;
        }
}

/* ---- sections ---- */

static struct swb_sim_group *find_group(struct swb_sim_fleet *fleet, const char *name,
                                        struct swb_error *err)
{
        struct swb_sim_group *group;

        for (size_t i = 0; i < fleet->n_groups; i++)
                if (strcmp(fleet->groups[i].name, name) == 0)
                        return &fleet->groups[i];
        if (fleet->n_groups == SWB_SIM_GROUPS_MAX || strlen(name) >= sizeof(group->name)) {
                (void)swb_fail(err, -E2BIG, SWB_FAULT_CONFIG,
                               "more than %d groups, or a name of more than %zu bytes",
                               SWB_SIM_GROUPS_MAX, sizeof(group->name) - 1);
                return NULL;
        }
        group = &fleet->groups[fleet->n_groups++];
        *group = (struct swb_sim_group){.share = 1,
                                        .busy = never,
                                        .metered = never,
                                        .battery = never,
                                        .inhibit = never,
                                        .rate_bytes = 1 << 20,
                                        .delta_percent = 100};
        (void)snprintf(group->name, sizeof(group->name), "%s", name);
        return group;
}

static int take_key(void *context, unsigned line, const char *section, const char *name,
                    const char *value, struct swb_error *err)
{
        const struct loader *loader = context;
        bool is_group = swb_starts_with(section, "group.");
        char *base = (char *)loader->fleet;
        int r;

        (void)line;
        if (is_group) {
                base = (char *)find_group(loader->fleet, section + strlen("group."), err);
                if (!base)
                        return -E2BIG;
        }
        for (size_t i = 0; i < SWB_ELEMENTS(keys); i++) {
                if (strcmp(keys[i].section, is_group ? "group" : section) != 0 ||
                    strcmp(keys[i].name, name) != 0)
                        continue;
                r = take_value(loader, &keys[i], base + keys[i].offset, value, err);
                return r < 0 ? swb_wrap(err, r, "[%s] %s", section, name) : 0;
        }
        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "[%s] %s: unknown key", section, name);
}

static int check(const struct swb_sim_fleet *fleet, const char *path, struct swb_error *err)
{
        if (!fleet->config)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "%s: [fleet] config is not there",
                                path);
        if (fleet->n_groups == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "%s: there is no [group.NAME]",
                                path);
        return swb_policy_check_config(fleet->config, err);
}

int swb_sim_fleet_load(const char *path, struct swb_sim_fleet **ret, struct swb_error *err)
{
        _cleanup_(swb_sim_fleet_freep) struct swb_sim_fleet *fleet = calloc(1, sizeof(*fleet));
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(FILE_BYTES_MAX);
        struct loader loader = {fleet, path};
        int r;

        if (!fleet)
                return swb_oom(err);
        fleet->n_devices = 1000;
        fleet->n_days = 14;
        fleet->start_usec = UINT64_C(1795392000) * SECOND; /* Monday 2026-11-23 */
        fleet->seed = 1;
        fleet->release = (struct swb_sim_release){
                .delta_bytes = 10 << 20, .full_bytes = 200 << 20, .deadline = fleet->deadline};
        r = swb_read_file(path, &text, err);
        if (r >= 0)
                r = swb_ini_parse(path, (const char *)text.data, text.n_bytes, take_key, &loader,
                                  err);
        if (r >= 0)
                r = check(fleet, path, err);
        if (r < 0)
                return r;
        fleet->release.wall_usec += fleet->start_usec;
        fleet->release.outage_usec += fleet->start_usec;
        *ret = SWB_TAKE_PTR(fleet);
        return 0;
}

struct swb_sim_fleet *swb_sim_fleet_free(struct swb_sim_fleet *fleet)
{
        if (!fleet)
                return NULL;
        fleet->config = swb_config_free(fleet->config);
        free(fleet);
        return NULL;
}
