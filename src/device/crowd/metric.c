/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "device/crowd/crowd.h"

#define LINE_MAX_BYTES 1024

/* "name{labels} value" */
static bool line_matches(const char *line, const char *name, const char *const *labels)
{
        size_t n = strlen(name);

        if (strncmp(line, name, n) != 0 || (line[n] != '{' && line[n] != ' '))
                return false;
        for (; *labels; labels++)
                if (!strstr(line + n, *labels))
                        return false;
        return true;
}

uint64_t swb_crowd_metric(const char *text, const char *name, const char *const *labels)
{
        uint64_t sum = 0, value;

        while (*text) {
                size_t n = strcspn(text, "\n");
                char line[LINE_MAX_BYTES];

                if (n < sizeof(line)) {
                        char *space;

                        memcpy(line, text, n);
                        line[n] = '\0';
                        space = strrchr(line, ' ');
                        if (space && line_matches(line, name, labels) &&
                            swb_parse_u64(space + 1, &value) >= 0)
                                sum += value;
                }
                text += n + (text[n] == '\n');
        }
        return sum;
}
