/* SPDX-License-Identifier: Apache-2.0 */
#include "device/config/ini.h"

#include <ctype.h>

struct parser {
        swb_ini_handler handler;
        void *context;
        unsigned line;
        char section[SWB_INI_LINE_MAX + 1];
        char text[SWB_INI_LINE_MAX + 1]; /* the line in work */
};

/* Cuts white space at both ends, in place. */
static char *trim(char *text)
{
        size_t n;

        while (isspace((unsigned char)*text))
                text++;
        n = strlen(text);
        while (n > 0 && isspace((unsigned char)text[n - 1]))
                n--;
        text[n] = '\0';
        return text;
}

static int take_line(struct parser *parser, const char *start, size_t n, struct swb_error *err)
{
        if (n > SWB_INI_LINE_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_CONFIG, "the line is longer than %d bytes",
                                SWB_INI_LINE_MAX);
        for (size_t i = 0; i < n; i++)
                if (iscntrl((unsigned char)start[i]) && start[i] != '\t' &&
                    !(start[i] == '\r' && i == n - 1))
                        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                        "control character 0x%02x in column %zu",
                                        (unsigned char)start[i], i + 1);
        memcpy(parser->text, start, n);
        parser->text[n] = '\0';
        return 0;
}

static int parse_section(struct parser *parser, char *line, struct swb_error *err)
{
        size_t n = strlen(line);

        if (line[n - 1] != ']')
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "'%s': ']' is missing", line);
        line[n - 1] = '\0';
        (void)snprintf(parser->section, sizeof(parser->section), "%s", trim(line + 1));
        return 0;
}

static int parse_line(struct parser *parser, struct swb_error *err)
{
        char *line = trim(parser->text);
        char *equals;

        if (*line == '\0' || *line == '#' || *line == ';')
                return 0;
        if (*line == '[')
                return parse_section(parser, line, err);
        equals = strchr(line, '=');
        if (!equals || equals == line)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "'%s' is neither KEY=value nor [section]", line);
        *equals = '\0';
        return parser->handler(parser->context, parser->line, parser->section, trim(line),
                               trim(equals + 1), err);
}

int swb_ini_parse(const char *name, const char *text, size_t n_bytes, swb_ini_handler handler,
                  void *context, struct swb_error *err)
{
        struct parser parser = {.handler = handler, .context = context};
        const char *end = text + n_bytes;

        while (text < end) {
                const char *newline = memchr(text, '\n', (size_t)(end - text));
                size_t n = (size_t)((newline ? newline : end) - text);
                int r;

                parser.line++;
                r = take_line(&parser, text, n, err);
                if (r >= 0)
                        r = parse_line(&parser, err);
                if (r < 0)
                        return swb_wrap(err, r, "%s:%u", name, parser.line);
                text += n + (newline != NULL);
        }
        return 0;
}
