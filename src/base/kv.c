/* SPDX-License-Identifier: Apache-2.0 */
#include "base/kv.h"

#include <ctype.h>
#include <inttypes.h>

#include "base/text.h"

struct swb_kv {
        char *text;
        size_t n;
        struct {
                const char *key;
                const char *value;
        } entries[SWB_KV_ENTRIES_MAX];
};

static bool is_key(const char *key)
{
        size_t n = strlen(key);

        if (n == 0 || n > SWB_KV_KEY_MAX)
                return false;
        for (const char *p = key; *p; p++)
                if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
                        return false;
        return true;
}

int swb_kv_put(struct swb_buf *buf, const char *key, const char *value)
{
        size_t before = buf->n_bytes;
        int r;

        if (!is_key(key))
                return -EINVAL;
        r = swb_buf_printf(buf, "%s=", key);
        for (const char *p = value; r >= 0 && *p; p++) {
                unsigned char c = (unsigned char)*p;

                if (c == '\\')
                        r = swb_buf_append_str(buf, "\\\\");
                else if (c == '\n')
                        r = swb_buf_append_str(buf, "\\n");
                else if (c < 0x20 || c == 0x7f)
                        r = swb_buf_printf(buf, "\\x%02x", c);
                else
                        r = swb_buf_append(buf, p, 1);
        }
        if (r >= 0)
                r = swb_buf_append_str(buf, "\n");
        if (r < 0)
                buf->n_bytes = before;
        return r;
}

int swb_kv_put_u64(struct swb_buf *buf, const char *key, uint64_t value)
{
        char text[24];

        (void)snprintf(text, sizeof(text), "%" PRIu64, value);
        return swb_kv_put(buf, key, text);
}

int swb_kv_put_i64(struct swb_buf *buf, const char *key, int64_t value)
{
        char text[24];

        (void)snprintf(text, sizeof(text), "%" PRId64, value);
        return swb_kv_put(buf, key, text);
}

/* In place; a value never gets longer. */
static int unescape(char *value)
{
        char *out = value;

        for (const char *p = value; *p; p++) {
                if (*p != '\\') {
                        *out++ = *p;
                        continue;
                }
                p++;
                if (*p == '\\') {
                        *out++ = '\\';
                } else if (*p == 'n') {
                        *out++ = '\n';
                } else if (*p == 'x' && p[1] && p[2]) {
                        char digits[3] = {p[1], p[2], '\0'};
                        uint8_t byte;

                        if (swb_hex_decode(digits, &byte, 1) < 0 || byte == 0)
                                return -EBADMSG;
                        *out++ = (char)byte;
                        p += 2;
                } else {
                        return -EBADMSG;
                }
        }
        *out = '\0';
        return 0;
}

static int parse_line(struct swb_kv *kv, char *line)
{
        char *equals = strchr(line, '=');

        if (!equals)
                return -EBADMSG;
        *equals = '\0';
        if (!is_key(line) || unescape(equals + 1) < 0)
                return -EBADMSG;
        if (swb_kv_str(kv, line, NULL))
                return -EBADMSG;
        if (kv->n == SWB_KV_ENTRIES_MAX)
                return -E2BIG;
        kv->entries[kv->n].key = line;
        kv->entries[kv->n].value = equals + 1;
        kv->n++;
        return 0;
}

int swb_kv_parse(const void *text, size_t n_bytes, struct swb_kv **ret)
{
        _cleanup_(swb_kv_freep) struct swb_kv *kv = NULL;
        char *line, *next;
        int r;

        if (n_bytes > 0 && memchr(text, '\0', n_bytes))
                return -EBADMSG;
        kv = calloc(1, sizeof(*kv));
        if (!kv)
                return -ENOMEM;
        kv->text = malloc(n_bytes + 1);
        if (!kv->text)
                return -ENOMEM;
        if (n_bytes > 0)
                memcpy(kv->text, text, n_bytes);
        kv->text[n_bytes] = '\0';
        for (line = kv->text; *line; line = next) {
                char *end = strchr(line, '\n');

                next = end ? end + 1 : line + strlen(line);
                if (end)
                        *end = '\0';
                if (!*line)
                        continue;
                r = parse_line(kv, line);
                if (r < 0)
                        return r;
        }
        *ret = SWB_TAKE_PTR(kv);
        return 0;
}

struct swb_kv *swb_kv_free(struct swb_kv *kv)
{
        if (kv)
                free(kv->text);
        free(kv);
        return NULL;
}

const char *swb_kv_str(const struct swb_kv *kv, const char *key, const char *otherwise)
{
        for (size_t i = 0; i < kv->n; i++)
                if (strcmp(kv->entries[i].key, key) == 0)
                        return kv->entries[i].value;
        return otherwise;
}

int swb_kv_u64(const struct swb_kv *kv, const char *key, uint64_t *ret)
{
        const char *text = swb_kv_str(kv, key, NULL);

        return text ? swb_parse_u64(text, ret) : -ENOENT;
}

int swb_kv_i64(const struct swb_kv *kv, const char *key, int64_t *ret)
{
        const char *text = swb_kv_str(kv, key, NULL);

        return text ? swb_parse_i64(text, ret) : -ENOENT;
}
