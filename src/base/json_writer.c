/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_writer.h"

#include <inttypes.h>
#include <math.h>

static void put(struct swb_json *json, const char *text)
{
        int r;

        if (json->error < 0)
                return;
        r = swb_buf_append_str(json->buf, text);
        if (r < 0)
                json->error = r;
}

static void put_break(struct swb_json *json)
{
        if (!json->indent)
                return;
        put(json, "\n");
        for (unsigned i = 0; i < json->depth; i++)
                put(json, "  ");
}

/* Length of the well-formed UTF-8 sequence at p, 0 if there is none. */
static size_t utf8_length(const unsigned char *p)
{
        size_t n = p[0] < 0x80                   ? 1
                   : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                   : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                   : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                                 : 0;

        for (size_t i = 1; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
            (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
                return 0;
        return n;
}

static void put_quoted(struct swb_json *json, const char *text)
{
        const unsigned char *p = (const unsigned char *)text;
        char piece[8];

        put(json, "\"");
        while (*p && json->error >= 0) {
                size_t n = utf8_length(p);

                if (n == 0) {
                        put(json, "\xef\xbf\xbd");
                        p++;
                        continue;
                }
                if (*p == '"' || *p == '\\')
                        (void)snprintf(piece, sizeof(piece), "\\%c", *p);
                else if (*p == '\n')
                        (void)snprintf(piece, sizeof(piece), "\\n");
                else if (*p < 0x20 || *p == 0x7f)
                        (void)snprintf(piece, sizeof(piece), "\\u%04x", *p);
                else
                        (void)snprintf(piece, sizeof(piece), "%.*s", (int)n, (const char *)p);
                put(json, piece);
                p += n;
        }
        put(json, "\"");
}

static void begin_element(struct swb_json *json, const char *name)
{
        if (json->depth > 0) {
                if (json->has_elements[json->depth - 1])
                        put(json, ",");
                json->has_elements[json->depth - 1] = true;
                put_break(json);
        }
        if (name) {
                put_quoted(json, name);
                put(json, json->indent ? ": " : ":");
        }
}

static void open_bracket(struct swb_json *json, const char *name, const char *bracket)
{
        begin_element(json, name);
        put(json, bracket);
        if (json->depth == SWB_JSON_DEPTH_MAX) {
                json->error = json->error < 0 ? json->error : -EINVAL;
                return;
        }
        json->has_elements[json->depth++] = false;
}

static void close_bracket(struct swb_json *json, const char *bracket)
{
        if (json->depth == 0) {
                json->error = json->error < 0 ? json->error : -EINVAL;
                return;
        }
        json->depth--;
        if (json->has_elements[json->depth])
                put_break(json);
        put(json, bracket);
}

void swb_json_open_object(struct swb_json *json, const char *name)
{
        open_bracket(json, name, "{");
}

void swb_json_close_object(struct swb_json *json)
{
        close_bracket(json, "}");
}

void swb_json_open_array(struct swb_json *json, const char *name)
{
        open_bracket(json, name, "[");
}

void swb_json_close_array(struct swb_json *json)
{
        close_bracket(json, "]");
}

void swb_json_str(struct swb_json *json, const char *name, const char *value)
{
        if (!value) {
                swb_json_null(json, name);
                return;
        }
        begin_element(json, name);
        put_quoted(json, value);
}

void swb_json_raw(struct swb_json *json, const char *name, const char *text)
{
        begin_element(json, name);
        put(json, text);
}

void swb_json_u64(struct swb_json *json, const char *name, uint64_t value)
{
        char text[24];

        begin_element(json, name);
        (void)snprintf(text, sizeof(text), "%" PRIu64, value);
        put(json, text);
}

void swb_json_i64(struct swb_json *json, const char *name, int64_t value)
{
        char text[24];

        begin_element(json, name);
        (void)snprintf(text, sizeof(text), "%" PRId64, value);
        put(json, text);
}

void swb_json_bool(struct swb_json *json, const char *name, bool value)
{
        begin_element(json, name);
        put(json, value ? "true" : "false");
}

void swb_json_double(struct swb_json *json, const char *name, double value)
{
        char text[32];

        if (!isfinite(value)) {
                swb_json_null(json, name);
                return;
        }
        begin_element(json, name);
        (void)snprintf(text, sizeof(text), "%.10g", value);
        put(json, text);
}

void swb_json_null(struct swb_json *json, const char *name)
{
        begin_element(json, name);
        put(json, "null");
}

int swb_json_end(struct swb_json *json)
{
        put(json, "\n");
        if (json->error >= 0 && json->depth != 0)
                json->error = -EINVAL;
        return json->error;
}
