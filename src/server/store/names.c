/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/names.h"

#include <ctype.h>

static bool consists_of(const char *text, size_t max, const char *punctuation)
{
        size_t n = strlen(text);

        if (n == 0 || n > max)
                return false;
        for (; *text; text++)
                if (!(isascii(*text) && isalnum((unsigned char)*text)) &&
                    !strchr(punctuation, *text))
                        return false;
        return true;
}

int swb_name_check(const char *what, const char *name, struct swb_error *err)
{
        if (consists_of(name, SWB_NAME_MAX, "._-"))
                return 0;
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                        "'%.80s' can't be the name of a %s: 1 to %d letters, digits, '.', '_', '-'",
                        name, what, SWB_NAME_MAX);
}

bool swb_is_release_version(const char *version)
{
        return consists_of(version, SWB_VERSION_MAX, "._+~-");
}

bool swb_is_plain_id(const char *text, size_t max)
{
        size_t n = 0;

        for (; text[n]; n++)
                if (n == max || text[n] <= 0x20 || text[n] >= 0x7f)
                        return false;
        return n > 0;
}

void swb_copy_bounded(char *to, const char *from, size_t max)
{
        size_t n = from ? strnlen(from, max + 1) : 0;

        if (n > max)
                for (n = max; n > 0 && ((unsigned char)from[n] & 0xc0) == 0x80; n--)
                        ;
        if (n > 0)
                memcpy(to, from, n);
        to[n] = '\0';
}
