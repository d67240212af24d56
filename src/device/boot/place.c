/* SPDX-License-Identifier: Apache-2.0 */
#include "device/boot/place.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/text.h"
#include "os/file.h"

#define CONFIG_MAX_BYTES (64u << 10)
#define FIELDS_MAX 4 /* numbers behind the device: two offsets, size, sector */

static int parse_hex(const char *digits, uint64_t *ret)
{
        uint64_t value = 0;
        size_t n = strlen(digits);

        if (n == 0 || n > 16)
                return -EINVAL;
        for (size_t i = 0; i < n; i++) {
                char pair[3] = {'0', digits[i], '\0'};
                uint8_t digit;

                if (swb_hex_decode(pair, &digit, 1) < 0)
                        return -EINVAL;
                value = value << 4 | digit;
        }
        *ret = value;
        return 0;
}

/* Decimal, or hex behind 0x. */
static int parse_number(const char *text, uint64_t *ret)
{
        if (swb_starts_with(text, "0x") || swb_starts_with(text, "0X"))
                return parse_hex(text + 2, ret);
        return swb_parse_u64(text, ret);
}

static int check_copy(const char *place, const struct swb_uboot_copy *copy, struct swb_error *err)
{
        if (copy->n_bytes < SWB_UBOOT_ENV_MIN || copy->n_bytes > SWB_UBOOT_ENV_MAX)
                return swb_fail(err, -ERANGE, SWB_FAULT_CONFIG,
                                "boot place '%s': size 0x%" PRIx64 " is outside 0x%x .. 0x%x",
                                place, copy->n_bytes, SWB_UBOOT_ENV_MIN, SWB_UBOOT_ENV_MAX);
        if (copy->offset > INT64_MAX - copy->n_bytes)
                return swb_fail(err, -ERANGE, SWB_FAULT_CONFIG,
                                "boot place '%s': offset 0x%" PRIx64 " is too large", place,
                                copy->offset);
        return 0;
}

static int check_copies(const char *place, const struct swb_uboot_copy *copies,
                        struct swb_error *err)
{
        const struct swb_uboot_copy *first = &copies[0], *second = &copies[1];
        int r;

        for (size_t i = 0; i < SWB_UBOOT_COPIES; i++) {
                r = check_copy(place, &copies[i], err);
                if (r < 0)
                        return r;
        }
        if (first->n_bytes != second->n_bytes)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "boot place '%s': the copies' sizes differ", place);
        if (strcmp(first->device, second->device) == 0 &&
            first->offset < second->offset + second->n_bytes &&
            second->offset < first->offset + first->n_bytes)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "boot place '%s': the two copies overlap", place);
        return 0;
}

static int set_device(struct swb_uboot_copy *copy, const char *name, size_t n, const char *place,
                      struct swb_error *err)
{
        if (n == 0 || n >= sizeof(copy->device))
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "boot place '%s': the device's name is empty or too long", place);
        memcpy(copy->device, name, n);
        copy->device[n] = '\0';
        return 0;
}

/* Takes numbers off the end, because device names may hold colons. Return: how many. */
static size_t split_numbers(char *text, uint64_t *numbers)
{
        size_t n = 0;

        while (n < FIELDS_MAX) {
                char *colon = strrchr(text, ':');
                uint64_t number;

                if (!colon || parse_number(colon + 1, &number) < 0)
                        break;
                *colon = '\0';
                memmove(numbers + 1, numbers, n * sizeof(*numbers));
                numbers[0] = number;
                n++;
        }
        return n;
}

static int parse_inline(const char *place, const char *device, const uint64_t *numbers, size_t n,
                        struct swb_uboot_copy *copies, struct swb_error *err)
{
        if (n < 3)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "boot place '%s' is not FILE:OFFSET1:OFFSET2:SIZE[:SECTOR]", place);
        for (size_t i = 0; i < SWB_UBOOT_COPIES; i++) {
                int r = set_device(&copies[i], device, strlen(device), place, err);

                if (r < 0)
                        return r;
                copies[i].offset = numbers[i];
                copies[i].n_bytes = numbers[2];
                copies[i].sector_bytes = n > 3 ? numbers[3] : 0;
        }
        return 0;
}

/* The next word of a line; empty at its end. */
static size_t next_word(const char **p)
{
        *p += strspn(*p, " \t\r");
        return strcspn(*p, " \t\r");
}

static int parse_line(const char *line, const char *path, struct swb_uboot_copy *copy,
                      struct swb_error *err)
{
        uint64_t *const numbers[] = {&copy->offset, &copy->n_bytes, &copy->sector_bytes,
                                     &copy->n_sectors};
        size_t n = next_word(&line), n_numbers = 0;
        int r;

        r = set_device(copy, line, n, path, err);
        for (line += n; r >= 0 && n_numbers < SWB_ELEMENTS(numbers); line += n) {
                char word[24];
                bool has_prefix;

                n = next_word(&line);
                if (n == 0)
                        break;
                (void)snprintf(word, sizeof(word), "%.*s", (int)SWB_MIN(n, sizeof(word) - 1), line);
                has_prefix = swb_starts_with(word, "0x") || swb_starts_with(word, "0X");
                if (n >= sizeof(word) ||
                    (n_numbers == 0 || has_prefix ? parse_number(word, numbers[n_numbers])
                                                  : parse_hex(word, numbers[n_numbers])) < 0)
                        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "%s: '%s' is not a number",
                                        path, word);
                n_numbers++;
        }
        if (r >= 0 && n_numbers < 2)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: a line has no offset or no size", path);
        return r;
}

static int parse_config(const char *path, struct swb_uboot_copy *copies, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(CONFIG_MAX_BYTES);
        _cleanup_free_ char *text = NULL;
        char *rest, *line;
        size_t n = 0;
        int r;

        r = swb_read_file(path, &buf, err);
        if (r < 0)
                return r;
        if (swb_buf_append_str(&buf, "") < 0)
                return swb_oom(err);
        text = swb_buf_take_str(&buf);
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                if (line[strspn(line, " \t\r")] == '\0' || *line == '#')
                        continue;
                if (n == SWB_UBOOT_COPIES)
                        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                        "%s: more than two copies are named", path);
                r = parse_line(line, path, &copies[n++], err);
                if (r < 0)
                        return r;
        }
        if (n < SWB_UBOOT_COPIES)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: names %zu copy; a torn write is only survived with two", path,
                                n);
        return 0;
}

int swb_uboot_place_parse(const char *place, struct swb_uboot_copy copies[SWB_UBOOT_COPIES],
                          struct swb_error *err)
{
        struct swb_uboot_copy found[SWB_UBOOT_COPIES] = {0};
        uint64_t numbers[FIELDS_MAX] = {0};
        _cleanup_free_ char *device = strdup(place);
        size_t n;
        int r;

        if (!device)
                return swb_oom(err);
        n = split_numbers(device, numbers);
        if (n > 0)
                r = parse_inline(place, device, numbers, n, found, err);
        else
                r = parse_config(place, found, err);
        if (r >= 0)
                r = check_copies(place, found, err);
        if (r < 0)
                return r;
        memcpy(copies, found, sizeof(found));
        return 0;
}
