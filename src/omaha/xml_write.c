/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "omaha/common.h"
#include "omaha/xml.h"

#define REPLACEMENT 0xfffdu

static void add(struct swb_xml_writer *w, const void *data, size_t n_bytes)
{
        if (w->error == 0)
                w->error = swb_buf_append(w->buf, data, n_bytes);
}

static void add_text(struct swb_xml_writer *w, const char *text)
{
        add(w, text, strlen(text));
}

static void end_tag(struct swb_xml_writer *w)
{
        if (w->in_tag)
                add_text(w, ">");
        w->in_tag = false;
}

void swb_xml_begin(struct swb_xml_writer *w, struct swb_buf *buf)
{
        *w = (struct swb_xml_writer){.buf = buf};
        add_text(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

void swb_xml_open(struct swb_xml_writer *w, const char *element)
{
        end_tag(w);
        add_text(w, "<");
        add_text(w, element);
        w->in_tag = true;
}

void swb_xml_close(struct swb_xml_writer *w, const char *element)
{
        if (w->in_tag) {
                add_text(w, "/>");
                w->in_tag = false;
                return;
        }
        add_text(w, "</");
        add_text(w, element);
        add_text(w, ">");
}

/* Length of a UTF-8 sequence by its first byte, and that byte's payload; 0: it can't start one. */
static size_t sequence_length(uint8_t first, uint32_t *ret_bits)
{
        static const struct {
                uint8_t mask, value;
        } forms[] = {{0x80, 0x00}, {0xe0, 0xc0}, {0xf0, 0xe0}, {0xf8, 0xf0}};

        for (size_t i = 0; i < SWB_ELEMENTS(forms); i++)
                if ((first & forms[i].mask) == forms[i].value) {
                        *ret_bits = first & (uint8_t)~forms[i].mask;
                        return i + 1;
                }
        return 0;
}

static bool is_xml_character(uint32_t c)
{
        return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0xd800) ||
               (c >= 0xe000 && c < 0xfffe) || (c >= 0x10000 && c < 0x110000);
}

/* The next character and steps over it; one byte of what is not UTF-8 is one U+FFFD. */
static uint32_t next_character(const uint8_t **p)
{
        static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
        uint32_t c = 0;
        size_t n = sequence_length(**p, &c);

        for (size_t i = 1; i < n; i++) {
                if (((*p)[i] & 0xc0) != 0x80) { /* also the terminating NUL */
                        n = 0;
                        break;
                }
                c = c << 6 | ((*p)[i] & 0x3f);
        }
        if (n == 0 || c < smallest[n]) {
                (*p)++;
                return REPLACEMENT;
        }
        *p += n;
        return is_xml_character(c) ? c : REPLACEMENT;
}

static bool is_plain(uint8_t c)
{
        return c >= 0x20 && c < 0x7f && c != '<' && c != '>' && c != '&' && c != '"' && c != '\'';
}

static void add_reference(struct swb_xml_writer *w, uint32_t c)
{
        static const struct {
                uint32_t c;
                const char *text;
        } named[] = {
                {'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {'\'', "&apos;"}};

        for (size_t i = 0; i < SWB_ELEMENTS(named); i++)
                if (named[i].c == c) {
                        add_text(w, named[i].text);
                        return;
                }
        if (w->error == 0)
                w->error = swb_buf_printf(w->buf, "&#%" PRIu32 ";", c);
}

static void add_escaped(struct swb_xml_writer *w, const char *text)
{
        const uint8_t *p = (const uint8_t *)text;

        while (*p && w->error == 0) {
                const uint8_t *start = p;

                while (is_plain(*p))
                        p++;
                add(w, start, (size_t)(p - start));
                if (*p)
                        add_reference(w, next_character(&p));
        }
}

void swb_xml_put(struct swb_xml_writer *w, const char *name, const char *value)
{
        swb_assert(w->in_tag);
        add_text(w, " ");
        add_text(w, name);
        add_text(w, "=\"");
        add_escaped(w, value);
        add_text(w, "\"");
}

void swb_xml_put_u64(struct swb_xml_writer *w, const char *name, uint64_t value)
{
        char text[24];

        (void)snprintf(text, sizeof(text), "%" PRIu64, value);
        swb_xml_put(w, name, text);
}

static void put_i32(struct swb_xml_writer *w, const char *name, int32_t value)
{
        char text[16];

        (void)snprintf(text, sizeof(text), "%" PRId32, value);
        swb_xml_put(w, name, text);
}

static void put_field(struct swb_xml_writer *w, const struct swb_xml_field *field, const char *at)
{
        const char *text;

        switch (field->type) {
        case SWB_XML_TEXT:
                text = *(const char *const *)at;
                if (text && *text)
                        swb_xml_put(w, field->name, text);
                break;
        case SWB_XML_OPTIONAL:
                text = *(const char *const *)at;
                if (text)
                        swb_xml_put(w, field->name, text);
                break;
        case SWB_XML_TRUE:
                swb_xml_put(w, field->name, *(const bool *)at ? "true" : "false");
                break;
        case SWB_XML_TRUE_ONLY:
                if (*(const bool *)at)
                        swb_xml_put(w, field->name, "true");
                break;
        case SWB_XML_ONE:
                swb_xml_put(w, field->name, *(const bool *)at ? "1" : "0");
                break;
        case SWB_XML_I32:
                put_i32(w, field->name, *(const int32_t *)at);
                break;
        case SWB_XML_DAYS:
                if (*(const int32_t *)at != SWB_OMAHA_DAYS_UNKNOWN)
                        put_i32(w, field->name, *(const int32_t *)at);
                break;
        case SWB_XML_U64:
                if (*(const uint64_t *)at != 0)
                        swb_xml_put_u64(w, field->name, *(const uint64_t *)at);
                break;
        default:
                swb_assert(false);
        }
}

void swb_xml_put_fields(struct swb_xml_writer *w, const struct swb_xml_field *fields, size_t n,
                        const void *object)
{
        for (size_t i = 0; i < n; i++)
                put_field(w, &fields[i], (const char *)object + fields[i].offset);
}

int swb_xml_finish(struct swb_xml_writer *w, struct swb_error *err)
{
        add_text(w, "\n");
        if (w->error == -E2BIG)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "message is larger than %zu bytes",
                                w->buf->max_bytes);
        if (w->error < 0)
                return swb_oom(err);
        return 0;
}
