/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/sensors.h"

#include "base/text.h"
#include "os/file.h"

#define SUPPLIES_MAX 64
#define VALUE_TEXT 32

/* The first line; "" when there is none. */
static void read_value(const char *dir, const char *supply, const char *name,
                       char value[static VALUE_TEXT])
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(4096);
        _cleanup_free_ char *path = NULL;

        value[0] = '\0';
        if (asprintf(&path, "%s/%s/%s", dir, supply, name) < 0) {
                path = NULL;
                return;
        }
        if (swb_read_file(path, &buf, NULL) < 0 || swb_buf_append(&buf, "", 1) < 0)
                return;
        (void)snprintf(value, VALUE_TEXT, "%.*s", (int)strcspn((const char *)buf.data, "\n"),
                       (const char *)buf.data);
}

struct supplies {
        bool has_battery, is_supplied;
        unsigned percent;
};

static void look_at_battery(const char *dir, const char *supply, struct supplies *ret)
{
        char value[VALUE_TEXT];
        uint64_t percent;

        read_value(dir, supply, "scope", value);
        if (strcmp(value, "Device") == 0) /* of a mouse or the like */
                return;
        read_value(dir, supply, "capacity", value);
        if (swb_parse_u64(value, &percent) < 0 || percent > 100)
                return;
        ret->has_battery = true;
        ret->percent = SWB_MAX(ret->percent, (unsigned)percent);
        read_value(dir, supply, "status", value);
        if (strcmp(value, "Charging") == 0 || strcmp(value, "Full") == 0)
                ret->is_supplied = true;
}

static void look_at(const char *dir, const char *supply, struct supplies *ret)
{
        char value[VALUE_TEXT];

        read_value(dir, supply, "type", value);
        if (strcmp(value, "Battery") == 0) {
                look_at_battery(dir, supply, ret);
                return;
        }
        read_value(dir, supply, "online", value);
        if (value[0] != '\0' && value[0] != '0')
                ret->is_supplied = true;
}

void swb_sense_power(const char *dir, struct swb_policy_facts *ret)
{
        DIR *folder = opendir(dir);
        struct supplies all = {0};
        struct dirent *entry;

        for (int i = 0; folder && i < SUPPLIES_MAX && (entry = readdir(folder)); i++)
                if (entry->d_name[0] != '.')
                        look_at(dir, entry->d_name, &all);
        if (folder)
                (void)closedir(folder);
        ret->on_battery = all.has_battery && !all.is_supplied;
        ret->battery_percent = all.percent;
}

void swb_sense_load(const char *path, unsigned n_processors, struct swb_policy_facts *ret)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(4096);
        unsigned whole = 0, hundredths = 0;

        ret->load_percent = 0;
        if (swb_read_file(path, &buf, NULL) < 0 || swb_buf_append(&buf, "", 1) < 0)
                return;
        if (sscanf((const char *)buf.data, "%5u.%2u", &whole, &hundredths) == 2)
                ret->load_percent = (whole * 100 + hundredths) / SWB_MAX(n_processors, 1u);
}
