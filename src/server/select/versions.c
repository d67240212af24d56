/* SPDX-License-Identifier: Apache-2.0 */
#include "server/select/versions.h"

#include "base/text.h"
#include "omaha/common.h"
#include "server/store/names.h"

#define RANGE ".."

/* One element of the list; a range has ends that may be "". */
struct item {
        bool is_range, is_prefix;
        char low[SWB_VERSION_MAX + 1], high[SWB_VERSION_MAX + 1];
};

static bool copy(char *to, const char *from, size_t n)
{
        if (n > SWB_VERSION_MAX)
                return false;
        memcpy(to, from, n);
        to[n] = '\0';
        return true;
}

/* Moves on behind the element. False: it is none. */
static bool read_item(const char **rule, struct item *ret)
{
        const char *text = *rule;
        size_t n = strcspn(text, ",");
        const char *dots = memmem(text, n, RANGE, strlen(RANGE));
        size_t n_low = dots ? (size_t)(dots - text) : n;

        *ret = (struct item){.is_range = dots != NULL};
        *rule = text + n;
        if (dots && !copy(ret->high, dots + strlen(RANGE), n - n_low - strlen(RANGE)))
                return false;
        ret->is_prefix = !dots && n > 2 && memcmp(text + n - 2, ".*", 2) == 0;
        if (ret->is_prefix)
                n_low -= 2;
        return copy(ret->low, text, n_low) && (*ret->low || *ret->high);
}

static bool is_version(const char *text, bool may_be_empty)
{
        return (may_be_empty && !*text) || swb_is_release_version(text);
}

int swb_versions_check(const char *rule, struct swb_error *err)
{
        struct item item;

        for (const char *rest = rule; *rule; rest++) {
                if (!read_item(&rest, &item) || !is_version(item.low, item.is_range) ||
                    strstr(item.high, RANGE) || !is_version(item.high, true))
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "'%.160s' is no rule for versions: write 1.2, 1.2.*, "
                                        "1.2..1.4, 1.2.. or ..1.4, several with commas between",
                                        rule);
                if (!*rest)
                        break;
        }
        return 0;
}

static bool item_fits(const struct item *item, const char *version)
{
        if (item->is_prefix)
                return swb_omaha_version_has_prefix(version, item->low);
        if (!item->is_range)
                return swb_version_compare(version, item->low) == 0;
        return (!*item->low || swb_version_compare(version, item->low) >= 0) &&
               (!*item->high || swb_version_compare(version, item->high) <= 0);
}

bool swb_versions_fit(const char *rule, const char *version)
{
        struct item item;

        if (!*rule)
                return true;
        for (;; rule++) {
                if (read_item(&rule, &item) && item_fits(&item, version))
                        return true;
                if (!*rule)
                        return false;
        }
}
