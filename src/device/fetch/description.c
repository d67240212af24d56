/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/description.h"

#include "base/text.h"

#define NUMBER_TEXT 24

struct scanner {
        const char *at, *end;
};

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next character that is no space; 0 at the end. */
static char peek(struct scanner *s)
{
        while (s->at < s->end && is_space(*s->at))
                s->at++;
        return s->at < s->end ? *s->at : '\0';
}

static bool take(struct scanner *s, char c)
{
        if (peek(s) != c)
                return false;
        s->at++;
        return true;
}

/* Steps over a string; its text is between the two, escapes and all. */
static bool take_string(struct scanner *s, const char **ret_start, size_t *ret_n)
{
        if (!take(s, '"'))
                return false;
        *ret_start = s->at;
        while (s->at < s->end && *s->at != '"')
                s->at += *s->at == '\\' && s->end - s->at > 1 ? 2 : 1;
        if (s->at >= s->end)
                return false;
        *ret_n = (size_t)(s->at - *ret_start);
        s->at++;
        return true;
}

/* A string without escapes that fits. */
static bool take_text(struct scanner *s, char *text, size_t room)
{
        const char *start;
        size_t n;

        if (!take_string(s, &start, &n) || n >= room || memchr(start, '\\', n) ||
            memchr(start, '\0', n))
                return false;
        memcpy(text, start, n);
        text[n] = '\0';
        return true;
}

/* A number, true, false or null. */
static bool take_word(struct scanner *s, char *text, size_t room)
{
        size_t n = 0;

        (void)peek(s);
        while (s->at < s->end && !is_space(*s->at) && !strchr(",:\"{}[]", *s->at) && n + 1 < room)
                text[n++] = *s->at++;
        text[n] = '\0';
        return n > 0;
}

/* Any value, however deep: only the brackets are counted. */
static bool skip_value(struct scanner *s)
{
        size_t depth = 0;

        do {
                char c = peek(s), word[NUMBER_TEXT];
                const char *start;
                size_t n;

                if (c == '"') {
                        if (!take_string(s, &start, &n))
                                return false;
                } else if (c == '{' || c == '[') {
                        depth++;
                        s->at++;
                } else if (depth > 0 && (c == '}' || c == ']')) {
                        depth--;
                        s->at++;
                } else if (depth > 0 && (c == ',' || c == ':')) {
                        s->at++;
                } else if (!take_word(s, word, sizeof(word))) {
                        return false;
                }
        } while (depth > 0);
        return true;
}

static bool take_size(struct scanner *s, uint64_t *ret)
{
        char text[NUMBER_TEXT];

        return take_word(s, text, sizeof(text)) && swb_parse_u64(text, ret) >= 0;
}

static bool take_bool(struct scanner *s, bool *ret)
{
        char text[NUMBER_TEXT];

        return take_word(s, text, sizeof(text)) && swb_parse_bool(text, ret) >= 0;
}

/* Base64, in spite of the member's name. */
static bool take_hash(struct scanner *s, uint8_t *hash)
{
        char text[SWB_BASE64_SIZE(32)];
        size_t n;

        return take_text(s, text, sizeof(text)) && swb_base64_decode(text, hash, 32, &n) >= 0 &&
               n == 32;
}

static bool take_member(struct scanner *s, struct swb_description *d, bool *has_hash)
{
        const char *key;
        size_t n;

        if (!take_string(s, &key, &n) || !take(s, ':'))
                return false;
#define IS(name) (n == strlen(name) && memcmp(key, name, n) == 0)
        if (IS("appid"))
                return take_text(s, d->app_id, sizeof(d->app_id));
        if (IS("target_version"))
                return take_text(s, d->version, sizeof(d->version));
        if (IS("source_version"))
                return take_text(s, d->source_version, sizeof(d->source_version));
        if (IS("size"))
                return take_size(s, &d->payload_bytes);
        if (IS("is_delta"))
                return take_bool(s, &d->is_delta);
        if (IS("sha256_hex"))
                return *has_hash = take_hash(s, d->payload_hash);
#undef IS
        return skip_value(s);
}

int swb_description_parse(const void *text, size_t n_bytes, struct swb_description *ret,
                          struct swb_error *err)
{
        struct scanner s = {text, (const char *)text + n_bytes};
        struct swb_description d = {0};
        bool has_hash = false, ok = take(&s, '{');

        while (ok && peek(&s) != '}')
                ok = take_member(&s, &d, &has_hash) && (take(&s, ',') || peek(&s) == '}');
        if (!ok || !take(&s, '}') || peek(&s) != '\0')
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "this is no description of a payload (byte %td)",
                                s.at - (const char *)text);
        if (!has_hash || d.payload_bytes == 0 || d.version[0] == '\0')
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "the description does not name the payload's version, size and "
                                "hash");
        *ret = d;
        return 0;
}
