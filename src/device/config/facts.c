/* SPDX-License-Identifier: Apache-2.0 */
#include "device/config/facts.h"

#include <ctype.h>
#include <pwd.h>

#include "base/text.h"
#include "os/file.h"

#define NOBODY "65534"
#define FILE_MAX_BYTES (64u << 10)

/* Whole file as text, owned by the caller. */
static int read_text(const char *path, char **ret, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(FILE_MAX_BYTES);
        int r;

        r = swb_read_file(path, &buf, err);
        if (r < 0)
                return r;
        if (buf.n_bytes > 0 && memchr(buf.data, '\0', buf.n_bytes))
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "%s: holds a NUL byte", path);
        if (swb_buf_append_str(&buf, "") < 0)
                return swb_oom(err);
        *ret = swb_buf_take_str(&buf);
        return *ret ? 0 : swb_oom(err);
}

/* Copies n characters that may stand in a request: printable ASCII, not empty. */
static int copy_plain(const char *value, size_t n, char *ret, size_t max, const char *path,
                      const char *what, struct swb_error *err)
{
        if (n == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "%s: %s is empty", path, what);
        if (n > max)
                return swb_fail(err, -E2BIG, SWB_FAULT_CONFIG, "%s: %s is longer than %zu", path,
                                what, max);
        for (size_t i = 0; i < n; i++)
                if (value[i] < 0x20 || value[i] > 0x7e)
                        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "%s: %s is not plain ASCII",
                                        path, what);
        memcpy(ret, value, n);
        ret[n] = '\0';
        return 0;
}

static int load_device_id(const char *path, struct swb_facts *facts, struct swb_error *err)
{
        _cleanup_free_ char *text = NULL;
        size_t n;
        int r;

        r = read_text(path, &text, err);
        if (r < 0)
                return r;
        n = strcspn(text, "\r\n");
        while (n > 0 && isblank((unsigned char)text[n - 1]))
                n--;
        return copy_plain(text, n, facts->device_id, SWB_DEVICE_ID_MAX, path, "the device id", err);
}

/* The value of KEY= in the form of os-release(5): bare, or in single or double quotes. */
static bool find_release_key(const char *text, const char *key, const char **ret, size_t *ret_n)
{
        size_t n_key = strlen(key);

        for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                const char *value = line + n_key + 1;
                size_t n;

                if (strncmp(line, key, n_key) != 0 || line[n_key] != '=')
                        continue;
                n = strcspn(value, "\r\n");
                if (n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n - 1] == value[0]) {
                        value++;
                        n -= 2;
                }
                *ret = value;
                *ret_n = n;
                return true;
        }
        return false;
}

static int load_version(const char *path, struct swb_facts *facts, struct swb_error *err)
{
        _cleanup_free_ char *text = NULL;
        const char *value;
        size_t n;
        int r;

        r = read_text(path, &text, err);
        if (r < 0)
                return r;
        if (!find_release_key(text, "SWB_VERSION", &value, &n) &&
            !find_release_key(text, "VERSION_ID", &value, &n))
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: neither SWB_VERSION= nor VERSION_ID= is in it", path);
        return copy_plain(value, n, facts->version, SWB_DEVICE_VERSION_MAX, path, "the version",
                          err);
}

/* The last one wins, as the kernel does with its own parameters. NULL if there is none. */
static const char *find_parameter(char **words, size_t n_words, const char *prefix)
{
        for (size_t i = n_words; i > 0; i--)
                if (swb_starts_with(words[i - 1], prefix))
                        return words[i - 1] + strlen(prefix);
        return NULL;
}

static size_t split_words(char *text, char **words, size_t max)
{
        size_t n = 0;

        for (char *p = text + strspn(text, " \t\n"); *p && n < max; p += strspn(p, " \t\n")) {
                words[n++] = p;
                p += strcspn(p, " \t\n");
                if (*p)
                        *p++ = '\0';
        }
        return n;
}

static int load_cmdline(const char *path, struct swb_facts *facts, struct swb_error *err)
{
        _cleanup_free_ char *text = NULL;
        char *words[512];
        const char *slot, *contract;
        size_t n_words;
        int r;

        r = read_text(path, &text, err);
        if (r < 0)
                return r;
        n_words = split_words(text, words, SWB_ELEMENTS(words));
        slot = find_parameter(words, n_words, "swb.slot=");
        contract = find_parameter(words, n_words, "swb.boot=");
        if (!slot)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: swb.slot= is missing; the boot loader must put swb.slot=A or "
                                "swb.slot=B on the kernel's command line",
                                path);
        facts->slot = swb_slot_from_string(slot);
        if ((int)facts->slot < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: swb.slot=%s is neither A nor B", path, slot);
        facts->boot_contract = 0;
        if (contract && swb_parse_u64(contract, &facts->boot_contract) < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "%s: swb.boot=%s is not a number",
                                path, contract);
        return 0;
}

int swb_facts_load(const struct swb_config *config, struct swb_facts *ret, struct swb_error *err)
{
        struct swb_facts facts = {0};
        int r;

        r = load_device_id(config->device.device_id_file, &facts, err);
        if (r >= 0)
                r = load_version(config->device.release_file, &facts, err);
        if (r >= 0)
                r = load_cmdline(config->device.cmdline_file, &facts, err);
        if (r < 0)
                return r;
        *ret = facts;
        return 0;
}

const char *swb_fetch_user(const struct swb_config *config)
{
        const char *name = config->workers.fetch_user;

        if (strcmp(name, SWB_CONFIG_SELF) == 0)
                return "";
        return getpwnam(name) ? name : NOBODY;
}
