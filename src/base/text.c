/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>

static const char base64_digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void swb_hex_encode(const void *data, size_t n_bytes, char *text)
{
        static const char digits[] = "0123456789abcdef";
        const uint8_t *bytes = data;

        for (size_t i = 0; i < n_bytes; i++) {
                *text++ = digits[bytes[i] >> 4];
                *text++ = digits[bytes[i] & 15];
        }
        *text = '\0';
}

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -EINVAL;
}

int swb_hex_decode(const char *text, void *data, size_t n_bytes)
{
        uint8_t *out = data;

        if (strlen(text) != n_bytes * 2)
                return -EINVAL;
        for (size_t i = 0; i < n_bytes * 2; i++)
                if (hex_value(text[i]) < 0)
                        return -EINVAL;
        for (size_t i = 0; i < n_bytes; i++)
                out[i] = (uint8_t)(hex_value(text[2 * i]) * 16 + hex_value(text[2 * i + 1]));
        return 0;
}

void swb_base64_encode(const void *data, size_t n_bytes, char *text)
{
        const uint8_t *in = data;

        for (size_t i = 0; i < n_bytes; i += 3) {
                uint32_t v = (uint32_t)in[i] << 16;

                if (i + 1 < n_bytes)
                        v |= (uint32_t)in[i + 1] << 8;
                if (i + 2 < n_bytes)
                        v |= in[i + 2];
                *text++ = base64_digits[v >> 18];
                *text++ = base64_digits[v >> 12 & 63];
                *text++ = i + 1 < n_bytes ? base64_digits[v >> 6 & 63] : '=';
                *text++ = i + 2 < n_bytes ? base64_digits[v & 63] : '=';
        }
        *text = '\0';
}

static int base64_value(char c)
{
        const char *p = c ? strchr(base64_digits, c) : NULL;

        return p ? (int)(p - base64_digits) : -EINVAL;
}

int swb_base64_decode(const char *text, void *data, size_t max_bytes, size_t *ret_n_bytes)
{
        size_t n_text = strlen(text), n_pad = 0, n_out;
        uint8_t *out = data;

        if (n_text % 4 != 0)
                return -EINVAL;
        while (n_pad < 2 && n_pad < n_text && text[n_text - 1 - n_pad] == '=')
                n_pad++;
        n_out = n_text / 4 * 3 - n_pad;
        if (n_out > max_bytes)
                return -E2BIG;
        for (size_t i = 0; i < n_text - n_pad; i++)
                if (base64_value(text[i]) < 0)
                        return -EINVAL;
        for (size_t i = 0, o = 0; i < n_text; i += 4) {
                uint32_t v = 0;

                for (size_t k = 0; k < 4; k++)
                        v = v << 6 |
                            (i + k < n_text - n_pad ? (uint32_t)base64_value(text[i + k]) : 0);
                for (size_t k = 0; k < 3 && o < n_out; k++)
                        out[o++] = (uint8_t)(v >> (16 - 8 * k));
        }
        *ret_n_bytes = n_out;
        return 0;
}

int swb_parse_u64(const char *text, uint64_t *ret)
{
        uint64_t value = 0;

        if (!*text)
                return -EINVAL;
        for (const char *p = text; *p; p++) {
                unsigned digit = (unsigned)(*p - '0');

                if (*p < '0' || *p > '9')
                        return -EINVAL;
                if (value > (UINT64_MAX - digit) / 10)
                        return -ERANGE;
                value = value * 10 + digit;
        }
        *ret = value;
        return 0;
}

int swb_parse_i64(const char *text, int64_t *ret)
{
        bool minus = *text == '-';
        uint64_t value;
        int r;

        r = swb_parse_u64(text + minus, &value);
        if (r < 0)
                return r;
        if (value > (uint64_t)INT64_MAX + minus)
                return -ERANGE;
        *ret = minus ? (int64_t)(0 - value) : (int64_t)value;
        return 0;
}

/* Number, then one suffix out of `suffixes`; its factor is at the same place in `factors`. */
static int parse_scaled(const char *text, const char *suffixes, const uint64_t *factors,
                        uint64_t plain_factor, uint64_t *ret)
{
        char number[24];
        size_t n = strlen(text);
        uint64_t factor = plain_factor, value;
        const char *suffix;
        int r;

        if (n == 0 || n >= sizeof(number))
                return -EINVAL;
        memcpy(number, text, n + 1);
        suffix = strchr(suffixes, number[n - 1]);
        if (suffix) {
                factor = factors[suffix - suffixes];
                number[n - 1] = '\0';
        }
        r = swb_parse_u64(number, &value);
        if (r < 0)
                return r;
        if (value > UINT64_MAX / factor)
                return -ERANGE;
        *ret = value * factor;
        return 0;
}

int swb_parse_size(const char *text, uint64_t *ret_bytes)
{
        static const uint64_t factors[] = {1ull << 10, 1ull << 20, 1ull << 30, 1ull << 40};

        return parse_scaled(text, "KMGT", factors, 1, ret_bytes);
}

int swb_parse_duration(const char *text, uint64_t *ret_usec)
{
        static const uint64_t factors[] = {1000000ull, 60000000ull, 3600000000ull, 86400000000ull};

        return parse_scaled(text, "smhd", factors, 1000000ull, ret_usec);
}

int swb_parse_bool(const char *text, bool *ret)
{
        static const char *const names[][2] = {
                {"no", "yes"}, {"false", "true"}, {"off", "on"}, {"0", "1"}};

        for (size_t i = 0; i < SWB_ELEMENTS(names); i++)
                for (int value = 0; value < 2; value++)
                        if (strcmp(text, names[i][value]) == 0) {
                                *ret = value;
                                return 0;
                        }
        return -EINVAL;
}

const char *swb_format_size(uint64_t n_bytes, char *text)
{
        static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
        double value = (double)n_bytes / 1000;
        size_t unit = 0;

        if (n_bytes < 1000) {
                (void)snprintf(text, SWB_SIZE_TEXT, "%" PRIu64 " B", n_bytes);
                return text;
        }
        while (value >= 999.95 && unit + 1 < SWB_ELEMENTS(units)) {
                value /= 1000;
                unit++;
        }
        (void)snprintf(text, SWB_SIZE_TEXT, "%.1f %s", value, units[unit]);
        return text;
}

bool swb_secret_equal(const char *a, const char *b)
{
        size_t n = strlen(a);
        unsigned char difference = 0;

        if (strlen(b) != n)
                return false;
        for (size_t i = 0; i < n; i++)
                difference |= (unsigned char)a[i] ^ (unsigned char)b[i];
        return difference == 0;
}

bool swb_starts_with(const char *text, const char *prefix)
{
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool swb_ends_with(const char *text, const char *suffix)
{
        size_t n = strlen(text), k = strlen(suffix);

        return n >= k && memcmp(text + n - k, suffix, k) == 0;
}

bool swb_has_word(const char *list, const char *word)
{
        size_t n = strlen(word);

        for (const char *at = strstr(list, word); n > 0 && at; at = strstr(at + 1, word))
                if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
                        return true;
        return false;
}

bool swb_next_word(const char **list, char *word, size_t size)
{
        const char *begin = *list + strspn(*list, " ");
        size_t n = strcspn(begin, " ");

        (void)snprintf(word, size, "%.*s", (int)SWB_MIN(n, (size_t)INT_MAX), begin);
        *list = begin + n;
        return n > 0;
}

/* One part of a version: [*p, end of part). Steps over it and the dot behind. */
struct part {
        const char *start;
        size_t n;
        bool numeric;
};

static bool at_end(const char *p)
{
        return *p == '\0' || *p == '-' || *p == '+';
}

static struct part next_part(const char **p)
{
        struct part part = {.start = *p, .numeric = true};

        while (!at_end(*p) && **p != '.') {
                if (!isdigit((unsigned char)**p))
                        part.numeric = false;
                (*p)++;
                part.n++;
        }
        if (**p == '.')
                (*p)++;
        if (part.numeric)
                while (part.n > 0 && *part.start == '0') {
                        part.start++;
                        part.n--;
                }
        return part;
}

static int compare_parts(const struct part *a, const struct part *b)
{
        int c;

        if (a->numeric != b->numeric)
                return a->numeric ? 1 : -1;
        if (a->numeric && a->n != b->n)
                return a->n < b->n ? -1 : 1;
        c = memcmp(a->start, b->start, SWB_MIN(a->n, b->n));
        if (c != 0)
                return c;
        return a->n == b->n ? 0 : a->n < b->n ? -1 : 1;
}

static int compare_dotted(const char **a, const char **b)
{
        while (!at_end(*a) || !at_end(*b)) {
                struct part pa = next_part(a), pb = next_part(b);
                int c = compare_parts(&pa, &pb);

                if (c != 0)
                        return c;
        }
        return 0;
}

int swb_version_compare(const char *a, const char *b)
{
        int c = compare_dotted(&a, &b);

        if (c != 0)
                return c;
        if ((*a == '-') != (*b == '-'))
                return *a == '-' ? -1 : 1;
        while (*a == '-' && *b == '-') {
                a++;
                b++;
                c = compare_dotted(&a, &b);
                if (c != 0)
                        return c;
                if ((*a == '-') != (*b == '-'))
                        return *a == '-' ? 1 : -1;
        }
        return 0;
}
