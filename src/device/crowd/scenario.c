/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/text.h"
#include "device/config/ini.h"
#include "device/crowd/crowd.h"
#include "os/file.h"

#define FILE_MAX_BYTES ((size_t)64 << 10)
#define RELEASE_PREFIX "release "

static int bad_value(const char *key, const char *value, struct swb_error *err)
{
        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "%s: '%.80s' is not a value of it", key,
                        value);
}

static int store_text(char *to, size_t size, const char *key, const char *value,
                      struct swb_error *err)
{
        if (!*value || strlen(value) >= size)
                return bad_value(key, value, err);
        memcpy(to, value, strlen(value) + 1);
        return 0;
}

static int store_number(uint64_t *to, uint64_t max, const char *key, const char *value,
                        struct swb_error *err)
{
        uint64_t n;

        if (swb_parse_u64(value, &n) < 0 || n > max)
                return bad_value(key, value, err);
        *to = n;
        return 0;
}

/* "2%" or "2". */
static int store_percent(uint32_t *to, const char *key, const char *value, struct swb_error *err)
{
        char digits[8];
        size_t n = strcspn(value, "%");
        uint64_t percent;

        if (n >= sizeof(digits) || strlen(value + n) > 1)
                return bad_value(key, value, err);
        memcpy(digits, value, n);
        digits[n] = '\0';
        if (swb_parse_u64(digits, &percent) < 0 || percent > 100)
                return bad_value(key, value, err);
        *to = (uint32_t)percent * 10000;
        return 0;
}

static int take_fleet_key(struct swb_crowd_scenario *s, const char *key, const char *value,
                          struct swb_error *err)
{
        if (strcmp(key, "app-id") == 0)
                return store_text(s->app_id, sizeof(s->app_id), key, value, err);
        if (strcmp(key, "version") == 0)
                return store_text(s->version, sizeof(s->version), key, value, err);
        if (strcmp(key, "channel") == 0)
                return store_text(s->channel, sizeof(s->channel), key, value, err);
        if (strcmp(key, "hardware-class") == 0)
                return store_text(s->hardware_class, sizeof(s->hardware_class), key, value, err);
        if (strcmp(key, "reads") == 0)
                return store_text(s->reads, sizeof(s->reads), key, value, err);
        if (strcmp(key, "reads-share") == 0)
                return store_percent(&s->reads_ppm, key, value, err);
        if (strcmp(key, "devices") == 0)
                return store_number(&s->devices, 1000000, key, value, err);
        if (strcmp(key, "rounds") == 0)
                return store_number(&s->rounds, 1000000, key, value, err);
        if (strcmp(key, "seed") == 0)
                return store_number(&s->seed, UINT32_MAX, key, value, err);
        if (strcmp(key, "threads") == 0)
                return store_number(&s->threads, 64, key, value, err);
        if (strcmp(key, "pause-msec") == 0)
                return store_number(&s->pause_msec, 3600000, key, value, err);
        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "unknown key '%.40s'", key);
}

static int find_fate(struct swb_crowd_scenario *s, const char *version, struct swb_crowd_fate **ret,
                     struct swb_error *err)
{
        for (size_t i = 0; i < s->n_fates; i++)
                if (strcmp(s->fates[i].version, version) == 0) {
                        *ret = &s->fates[i];
                        return 0;
                }
        if (s->n_fates == SWB_CROWD_RELEASES_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_CONFIG, "more than %d releases",
                                SWB_CROWD_RELEASES_MAX);
        *ret = &s->fates[s->n_fates++];
        return store_text((*ret)->version, sizeof((*ret)->version), "release", version, err);
}

static int take_key(void *context, unsigned line, const char *section, const char *key,
                    const char *value, struct swb_error *err)
{
        struct swb_crowd_scenario *s = context;
        struct swb_crowd_fate *fate = NULL;
        int r;

        (void)line;
        if (strcmp(section, "fleet") == 0)
                return take_fleet_key(s, key, value, err);
        if (!swb_starts_with(section, RELEASE_PREFIX))
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "unknown section");
        r = find_fate(s, section + strlen(RELEASE_PREFIX), &fate, err);
        if (r < 0)
                return r;
        if (strcmp(key, "fall-back") == 0)
                return store_percent(&fate->fall_back_ppm, key, value, err);
        if (strcmp(key, "fail") == 0)
                return store_percent(&fate->fail_ppm, key, value, err);
        if (strcmp(key, "silent") == 0)
                return store_percent(&fate->silent_ppm, key, value, err);
        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "unknown key '%.40s'", key);
}

int swb_crowd_scenario_read(const char *path, struct swb_crowd_scenario *ret, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(FILE_MAX_BYTES);
        struct swb_crowd_scenario s = {.version = "1.0",
                                       .reads_ppm = 1000000,
                                       .devices = 100,
                                       .rounds = 10,
                                       .threads = 4,
                                       .pause_msec = 100};
        int r;

        r = swb_read_file(path, &text, err);
        if (r >= 0)
                r = swb_ini_parse(path, (const char *)text.data, text.n_bytes, take_key, &s, err);
        if (r < 0)
                return r;
        if (!*s.app_id || s.devices == 0 || s.threads == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: [fleet] needs app-id, and at least one device and thread",
                                path);
        *ret = s;
        return 0;
}
