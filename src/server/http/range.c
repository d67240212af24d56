/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/range.h"

#include "base/text.h"

static const char *skip_spaces(const char *p)
{
        return p + strspn(p, " \t");
}

/* A number without a sign; NULL when there is none or it is too large. */
static const char *read_number(const char *p, uint64_t *ret)
{
        char digits[24];
        size_t n = strspn(p, "0123456789");

        if (n == 0 || n >= sizeof(digits))
                return NULL;
        memcpy(digits, p, n);
        digits[n] = '\0';
        return swb_parse_u64(digits, ret) == 0 ? p + n : NULL;
}

static enum swb_range_kind suffix(const char *p, uint64_t n_file_bytes, uint64_t *ret_offset,
                                  uint64_t *ret_bytes)
{
        uint64_t n;

        p = read_number(p, &n);
        if (!p || *skip_spaces(p))
                return SWB_RANGE_WHOLE;
        if (n == 0 || n_file_bytes == 0)
                return SWB_RANGE_UNSATISFIABLE;
        n = SWB_MIN(n, n_file_bytes);
        *ret_offset = n_file_bytes - n;
        *ret_bytes = n;
        return SWB_RANGE_PART;
}

enum swb_range_kind swb_range_parse(const char *header, uint64_t n_file_bytes, uint64_t *ret_offset,
                                    uint64_t *ret_bytes)
{
        uint64_t first, last = UINT64_MAX;
        const char *p = header;

        if (!p || strncasecmp(p, "bytes=", 6) != 0)
                return SWB_RANGE_WHOLE;
        p = skip_spaces(p + 6);
        if (*p == '-')
                return suffix(p + 1, n_file_bytes, ret_offset, ret_bytes);
        p = read_number(p, &first);
        if (!p || *p++ != '-')
                return SWB_RANGE_WHOLE;
        if (*skip_spaces(p)) {
                p = read_number(p, &last);
                if (!p || *skip_spaces(p) || last < first)
                        return SWB_RANGE_WHOLE;
        }
        if (first >= n_file_bytes)
                return SWB_RANGE_UNSATISFIABLE;
        last = SWB_MIN(last, n_file_bytes - 1);
        *ret_offset = first;
        *ret_bytes = last - first + 1;
        return SWB_RANGE_PART;
}

bool swb_etag_in_list(const char *header, const char *etag)
{
        size_t n_etag = strlen(etag);

        if (!header)
                return false;
        for (const char *p = skip_spaces(header); *p;) {
                const char *end;

                if (*p == '*')
                        return true;
                if (swb_starts_with(p, "W/"))
                        p += 2;
                if (*p != '"' || !(end = strchr(p + 1, '"')))
                        return false;
                end++;
                if ((size_t)(end - p) == n_etag && memcmp(p, etag, n_etag) == 0)
                        return true;
                p = skip_spaces(end);
                if (*p == ',')
                        p = skip_spaces(p + 1);
        }
        return false;
}
