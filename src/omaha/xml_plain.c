/* SPDX-License-Identifier: Apache-2.0 */
#include "omaha/xml_plain.h"

#include "base/text.h"
#include "omaha/common.h"

#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"

struct reader {
        struct swb_xml_plain *plain;
        char *at;
        const char *open[SWB_OMAHA_DEPTH_MAX]; /* elements around `at` */
        size_t depth;
};

static bool is_space(char c)
{
        return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void skip_space(struct reader *reader)
{
        while (is_space(*reader->at))
                reader->at++;
}

static bool skip(struct reader *reader, char c)
{
        if (*reader->at != c)
                return false;
        reader->at++;
        return true;
}

static bool starts_name(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The caller ends it with '\0' when it has seen what comes behind it. NULL: there is none. */
static const char *take_name(struct reader *reader)
{
        const char *name = reader->at;

        if (!starts_name(*name))
                return NULL;
        while (starts_name(*reader->at) || (*reader->at >= '0' && *reader->at <= '9') ||
               *reader->at == '-' || *reader->at == '.')
                reader->at++;
        return name;
}

static const char *take_value(struct reader *reader)
{
        char quote = *reader->at;
        const char *value = reader->at + 1;

        if (quote != '"' && quote != '\'')
                return NULL;
        reader->at++;
        while (*reader->at >= 0x20 && *reader->at < 0x7f && *reader->at != quote &&
               *reader->at != '<' && *reader->at != '&')
                reader->at++;
        if (*reader->at != quote || reader->at - value > SWB_OMAHA_ATTRIBUTE_MAX_BYTES)
                return NULL;
        *reader->at++ = '\0';
        return value;
}

static bool has_attribute(const char **attributes, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i += 2)
                if (strcmp(attributes[i], name) == 0)
                        return true;
        return false;
}

/* Up to the end of the tag. The list's NULL takes a place as well. */
static bool take_attributes(struct reader *reader, const char ***ret)
{
        struct swb_xml_plain *plain = reader->plain;
        const char **attributes = plain->texts + plain->n_texts;
        size_t n = 0;

        while (is_space(*reader->at)) {
                const char *name, *value;
                char *end;

                skip_space(reader);
                if (*reader->at == '/' || *reader->at == '>')
                        break;
                name = take_name(reader);
                end = reader->at;
                if (!name || !skip(reader, '='))
                        return false;
                *end = '\0';
                value = take_value(reader);
                if (!value || n == (size_t)2 * SWB_OMAHA_ATTRIBUTES_MAX ||
                    plain->n_texts + n + 3 > SWB_XML_PLAIN_TEXTS_MAX ||
                    has_attribute(attributes, n, name))
                        return false;
                attributes[n++] = name;
                attributes[n++] = value;
        }
        if (plain->n_texts + n + 1 > SWB_XML_PLAIN_TEXTS_MAX)
                return false;
        attributes[n] = NULL;
        plain->n_texts += n + 1;
        *ret = attributes;
        return true;
}

static bool add_tag(struct swb_xml_plain *plain, const char *name, const char **attributes)
{
        if (plain->n_tags == SWB_XML_PLAIN_TAGS_MAX)
                return false;
        plain->tags[plain->n_tags++] = (struct swb_xml_tag){.name = name, .attributes = attributes};
        return true;
}

static bool take_end_tag(struct reader *reader)
{
        const char *name = take_name(reader);
        const char *open = reader->open[reader->depth - 1];
        size_t n = strlen(open);

        if (!name || (size_t)(reader->at - name) != n || memcmp(name, open, n) != 0)
                return false;
        skip_space(reader);
        reader->depth--;
        return skip(reader, '>') && add_tag(reader->plain, NULL, NULL);
}

static bool take_start_tag(struct reader *reader)
{
        const char *name = take_name(reader);
        char *end = reader->at;
        const char **attributes;
        bool is_empty;

        if (!name || reader->depth == SWB_OMAHA_DEPTH_MAX || !take_attributes(reader, &attributes))
                return false;
        is_empty = skip(reader, '/');
        if (!skip(reader, '>'))
                return false;
        *end = '\0';
        reader->open[reader->depth++] = name;
        if (!add_tag(reader->plain, name, attributes))
                return false;
        if (!is_empty)
                return true;
        reader->depth--;
        return add_tag(reader->plain, NULL, NULL);
}

static bool take_tag(struct reader *reader)
{
        if (!skip(reader, '<'))
                return false;
        if (reader->depth > 0 && skip(reader, '/'))
                return take_end_tag(reader);
        return take_start_tag(reader);
}

bool swb_xml_plain_read(struct swb_xml_plain *plain, char *text)
{
        struct reader reader = {.plain = plain, .at = text};

        plain->n_tags = plain->n_texts = 0;
        if (swb_starts_with(text, DECLARATION))
                reader.at += strlen(DECLARATION);
        do {
                skip_space(&reader);
                if (!take_tag(&reader))
                        return false;
        } while (reader.depth > 0);
        skip_space(&reader);
        return *reader.at == '\0';
}
