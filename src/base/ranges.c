/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ranges.h"

#include <inttypes.h>

#include "base/text.h"

int swb_ranges_put(struct swb_buf *buf, const struct swb_range *ranges, size_t n)
{
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = swb_buf_printf(buf, "%s%" PRIu64 "-%" PRIu64, i ? "," : "", ranges[i].start,
                                   ranges[i].end - 1);
        return r;
}

/* Digits up to `stop` or the text's end. Returns what follows them, NULL when they are no number.
 */
static const char *take_number(const char *text, uint64_t *ret)
{
        size_t n = strspn(text, "0123456789");
        char digits[24];

        if (n == 0 || n >= sizeof(digits))
                return NULL;
        memcpy(digits, text, n);
        digits[n] = '\0';
        return swb_parse_u64(digits, ret) == 0 ? text + n : NULL;
}

static const char *take_range(const char *text, struct swb_range *ret)
{
        uint64_t first, last;

        text = take_number(text, &first);
        if (!text || *text != '-')
                return NULL;
        text = take_number(text + 1, &last);
        if (!text || last < first || last == UINT64_MAX)
                return NULL;
        *ret = (struct swb_range){first, last + 1};
        return text;
}

int swb_ranges_parse(const char *text, struct swb_range *ranges, size_t max, size_t *ret_n)
{
        size_t n = 0;

        for (;; text++) {
                if (n == max)
                        return -E2BIG;
                text = take_range(text, &ranges[n]);
                if (!text || (n > 0 && ranges[n].start < ranges[n - 1].end))
                        return -EBADMSG;
                n++;
                if (*text == '\0')
                        break;
                if (*text != ',')
                        return -EBADMSG;
        }
        *ret_n = n;
        return 0;
}
