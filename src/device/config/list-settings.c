/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the table of keys of device.conf, a line each, for tools/make-config-reference: section,
 * key, type, default ("!" when it is required), least and largest number, with tabs between. */
#include <inttypes.h>

#include "device/config/settings.h"

static const char *name_of(enum swb_setting_type type)
{
        static const char *const names[] = {
                [SWB_SETTING_TEXT] = "text",         [SWB_SETTING_PATH] = "path",
                [SWB_SETTING_URL] = "url",           [SWB_SETTING_BOOL] = "bool",
                [SWB_SETTING_NUMBER] = "number",     [SWB_SETTING_SIZE] = "size",
                [SWB_SETTING_DURATION] = "duration", [SWB_SETTING_WINDOWS] = "windows",
        };

        return names[type];
}

int main(void)
{
        const struct swb_setting *setting;

        for (size_t i = 0; (setting = swb_setting_at(i)); i++)
                (void)printf("%s\t%s\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\n", setting->section,
                             setting->key, name_of(setting->type),
                             setting->fallback ? setting->fallback : "!", setting->min,
                             setting->max);
        return 0;
}
