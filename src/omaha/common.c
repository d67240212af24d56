/* SPDX-License-Identifier: Apache-2.0 */
#include "omaha/common.h"

#include <ctype.h>
#include <inttypes.h>

#include "base/text.h"

struct named {
        int number;
        const char *name;
};

static const char *name_of(const struct named *table, size_t n, int number, const char *otherwise)
{
        for (size_t i = 0; i < n; i++)
                if (table[i].number == number)
                        return table[i].name;
        return otherwise;
}

const char *swb_omaha_event_type_to_string(int type)
{
        static const struct named names[] = {
                {0, "unknown"},
                {1, "download complete"},
                {2, "install complete"},
                {3, "update complete"},
                {4, "uninstalled"},
                {5, "download started"},
                {6, "install started"},
                {12, "update started"},
                {13, "download started"},
                {14, "download finished"},
                {15, "install started"},
                {50, "check failed"},
                {54, "rebooted after update"},
                {800, "installed, held back"},
        };

        return name_of(names, SWB_ELEMENTS(names), type, "other");
}

const char *swb_omaha_event_result_to_string(int result)
{
        static const struct named names[] = {
                {0, "error"},
                {1, "success"},
                {2, "success, rebooted"},
                {3, "success, restarted"},
                {4, "cancelled"},
                {5, "installer error"},
                {6, "installer error"},
                {7, "no update"},
                {8, "installer error"},
                {9, "deferred"},
                {10, "hand-off error"},
        };

        return name_of(names, SWB_ELEMENTS(names), result, "other");
}

bool swb_omaha_event_result_is_failure(int result)
{
        return result == 0 || result == 5 || result == 6 || result == 8 || result == 10;
}

int32_t swb_omaha_errorcode_base(int32_t errorcode)
{
        /* Bit 31 is a flag too, but a small negative number is a negative number. */
        if (errorcode < 0 && errorcode >= -0xffff)
                return errorcode;
        return errorcode & 0x0fffffff;
}

const char *swb_omaha_errorcode_describe(int32_t errorcode, char *text)
{
        static const struct named names[] = {
                {0, "no error"},
                {1, "error"},
                {2, "error in the request"},
                {3, "error in the answer"},
                {4, "copying to the slot failed"},
                {5, "postinstall failed"},
                {6, "payload of the wrong type"},
                {7, "slot can't be opened"},
                {8, "kernel slot can't be opened"},
                {9, "download failed"},
                {10, "payload hash mismatch"},
                {11, "payload size mismatch"},
                {12, "payload verification failed"},
                {15, "new system is wrong after writing"},
                {16, "new kernel is wrong after writing"},
                {17, "payload can't be opened"},
                {18, "public key can't verify the payload"},
                {20, "source slot is not what the delta needs"},
                {21, "payload metadata is invalid"},
                {22, "unsupported payload"},
                {23, "payload signature is missing"},
                {24, "payload hash is missing"},
                {25, "payload metadata size is wrong"},
                {26, "payload metadata signature is wrong"},
                {27, "payload manifest can't be parsed"},
                {28, "operation of unknown type"},
                {29, "operation failed"},
                {30, "empty answer from the server"},
                {31, "answer is not XML"},
                {34, "invalid answer from the server"},
                {35, "update ignored by policy"},
                {36, "update deferred by policy"},
                {37, "HTTP error"},
                {40, "update deferred by back-off"},
                {44, "fell back to the old system"},
                {47, "verification of the slot failed"},
                {48, "cancelled by the user"},
                {51, "payload is older than what runs"},
                {52, "installed but not active"},
                {54, "rollback is not possible"},
                {60, "no space left"},
                {61, "device is corrupted"},
                {62, "package excluded"},
        };
        int32_t base = swb_omaha_errorcode_base(errorcode);
        const char *name = name_of(names, SWB_ELEMENTS(names), base, NULL);

        if (name)
                (void)snprintf(text, SWB_OMAHA_ERRORCODE_TEXT, "%s", name);
        else if (base >= 2100 && base < 2600)
                (void)snprintf(text, SWB_OMAHA_ERRORCODE_TEXT, "HTTP status %" PRId32, base - 2000);
        else
                (void)snprintf(text, SWB_OMAHA_ERRORCODE_TEXT, "error %" PRId32, base);
        return text;
}

int32_t swb_omaha_errorcode_from_fault(enum swb_fault fault, int http_status)
{
        switch (fault) {
        case SWB_FAULT_NONE:
                return 0;
        case SWB_FAULT_HTTP:
                return http_status > 0 ? 2000 + http_status : 37;
        case SWB_FAULT_IO:
                return 4;
        case SWB_FAULT_NETWORK:
        case SWB_FAULT_TIMEOUT:
                return 9;
        case SWB_FAULT_HASH:
                return 10;
        case SWB_FAULT_READBACK:
                return 47;
        case SWB_FAULT_SOURCE:
                return 20;
        case SWB_FAULT_FORMAT:
        case SWB_FAULT_LIMIT:
                return 21;
        case SWB_FAULT_UNSUPPORTED:
                return 22;
        case SWB_FAULT_SIGNATURE:
                return 26;
        case SWB_FAULT_PROTOCOL:
                return 34;
        case SWB_FAULT_FELL_BACK:
        case SWB_FAULT_HEALTH:
        case SWB_FAULT_POST_INSTALL:
                return 44;
        case SWB_FAULT_CANCELLED:
                return 48;
        case SWB_FAULT_DOWNGRADE:
                return 51;
        case SWB_FAULT_BOOT:
                return 52;
        case SWB_FAULT_NO_SPACE:
                return 60;
        case SWB_FAULT_INTERNAL:
        case SWB_FAULT_USAGE:
        case SWB_FAULT_CONFIG:
        case SWB_FAULT_NO_MEMORY:
        case SWB_FAULT_NOT_FOUND:
        case SWB_FAULT_BUSY:
        case SWB_FAULT_DENIED:
        case _SWB_FAULT_MAX:
        case _SWB_FAULT_INVALID:
        default:
                return 1;
        }
}

/* The id without one pair of braces. */
static const char *strip_braces(const char *appid, size_t *ret_n)
{
        size_t n = strlen(appid);

        if (n >= 2 && appid[0] == '{' && appid[n - 1] == '}') {
                *ret_n = n - 2;
                return appid + 1;
        }
        *ret_n = n;
        return appid;
}

int swb_omaha_appid_normalize(const char *appid, char *text, size_t size)
{
        size_t n;

        appid = strip_braces(appid, &n);
        if (n == 0)
                return -EINVAL;
        if (n >= size)
                return -E2BIG;
        for (size_t i = 0; i < n; i++)
                text[i] = (char)(appid[i] >= 'A' && appid[i] <= 'Z' ? appid[i] - 'A' + 'a'
                                                                    : appid[i]);
        text[n] = '\0';
        return 0;
}

bool swb_omaha_appid_equal(const char *a, const char *b)
{
        size_t n_a, n_b;

        a = strip_braces(a, &n_a);
        b = strip_braces(b, &n_b);
        return n_a == n_b && strncasecmp(a, b, n_a) == 0;
}

static bool ends_version(char c)
{
        return c == '\0' || c == '.' || c == '-' || c == '+';
}

/* Steps over a component; leading zeros of a number are taken off. */
static size_t next_component(const char **p, const char **ret_start)
{
        const char *start = *p, *end = *p;

        while (!ends_version(*end))
                end++;
        *p = end;
        while (end - start > 1 && *start == '0' && isdigit((unsigned char)start[1]))
                start++;
        *ret_start = start;
        return (size_t)(end - start);
}

static bool matches_components(const char *version, const char *prefix)
{
        for (;;) {
                const char *a, *b;
                size_t n_a = next_component(&version, &a), n_b = next_component(&prefix, &b);

                if (n_a != n_b || memcmp(a, b, n_a) != 0)
                        return false;
                if (*prefix == '.' && prefix[1] != '\0') {
                        if (*version != '.')
                                return false;
                        prefix++;
                        version++;
                        continue;
                }
                return true;
        }
}

bool swb_omaha_version_has_prefix(const char *version, const char *prefix)
{
        size_t n = strlen(prefix);

        if (n == 0)
                return true;
        if (prefix[n - 1] == '$') {
                _cleanup_free_ char *exact = strndup(prefix, n - 1);

                return exact && swb_version_compare(version, exact) == 0;
        }
        /* A pre-release or build part names one version, there is nothing left to be a prefix of.
         */
        if (strpbrk(prefix, "-+"))
                return swb_version_compare(version, prefix) == 0;
        return matches_components(version, prefix);
}

bool swb_omaha_version_is_zero(const char *version)
{
        return version[strspn(version, "0.")] == '\0';
}

void swb_omaha_daystart(int64_t unix_seconds, uint64_t *ret_elapsed_seconds,
                        uint64_t *ret_elapsed_days)
{
        /* 2007-01-01T00:00:00Z */
        const int64_t epoch = 1167609600, day = 86400;
        int64_t since = unix_seconds > epoch ? unix_seconds - epoch : 0;

        *ret_elapsed_seconds = (uint64_t)(since % day);
        *ret_elapsed_days = (uint64_t)(since / day);
}
