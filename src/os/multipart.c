/* SPDX-License-Identifier: Apache-2.0 */
#include "os/multipart.h"

#include <inttypes.h>

#include "base/text.h"

static int broken(struct swb_error *err, const char *what)
{
        return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL, "%s", what);
}

/* A number up to one of these characters, or to the end for '\0'. */
static const char *take_number(const char *text, char stop, uint64_t *ret)
{
        size_t n = strspn(text, "0123456789");
        char digits[24];

        if (n == 0 || n >= sizeof(digits) || text[n] != stop)
                return NULL;
        memcpy(digits, text, n);
        digits[n] = '\0';
        if (swb_parse_u64(digits, ret) < 0)
                return NULL;
        return text + n + (stop != '\0');
}

int swb_content_range_parse(const char *text, uint64_t total, uint64_t *ret_start,
                            uint64_t *ret_end, struct swb_error *err)
{
        uint64_t first = 0, last = 0, size = 0;
        const char *p = text;

        if (strncasecmp(p, "bytes ", 6) != 0)
                p = NULL;
        if (p)
                p = take_number(p + 6, '-', &first);
        if (p)
                p = take_number(p, '/', &last);
        if (p)
                p = take_number(p, '\0', &size);
        if (!p || last < first || last >= size || size != total)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "answers with Content-Range '%.60s' of a file of %" PRIu64 " bytes",
                                text, total);
        *ret_start = first;
        *ret_end = last + 1;
        return 0;
}

/* The boundary parameter, quoted or not. */
static size_t find_boundary(const char *content_type, const char **ret)
{
        const char *p = content_type;

        for (; (p = strchr(p, ';')); p++) {
                const char *name = p + 1 + strspn(p + 1, " \t");

                if (strncasecmp(name, "boundary=", 9) != 0)
                        continue;
                name += 9;
                *ret = name + (*name == '"');
                return *name == '"' ? strcspn(name + 1, "\"") : strcspn(name, "; \t");
        }
        return 0;
}

int swb_multipart_init(struct swb_multipart *multipart, const char *content_type, uint64_t total,
                       struct swb_error *err)
{
        const char *boundary = "";
        size_t n;

        if (strncasecmp(content_type, "multipart/byteranges", 20) != 0)
                return broken(err, "answers 206 without Content-Range, and not in parts");
        n = find_boundary(content_type, &boundary);
        if (n == 0 || n > SWB_MULTIPART_BOUNDARY_MAX)
                return broken(err, "answers in parts without a boundary between them");
        *multipart = (struct swb_multipart){.total = total, .stage = SWB_MULTIPART_BETWEEN};
        (void)snprintf(multipart->delimiter, sizeof(multipart->delimiter), "--%.*s", (int)n,
                       boundary);
        return 0;
}

/* A line between two parts: nothing, a delimiter, or a preamble that means nothing. */
static int on_line_between(struct swb_multipart *m)
{
        size_t n = strlen(m->delimiter);
        const char *rest = m->line + n;

        if (strncmp(m->line, m->delimiter, n) != 0)
                return 0;
        if (strncmp(rest, "--", 2) == 0) {
                m->stage = SWB_MULTIPART_END;
                return 0;
        }
        if (rest[strspn(rest, " \t")] != '\0')
                return 0;
        m->stage = SWB_MULTIPART_HEAD;
        m->has_range = false;
        return 0;
}

static int on_line_of_head(struct swb_multipart *m, struct swb_error *err)
{
        static const char name[] = "Content-Range:";
        const char *value = m->line + strlen(name);

        if (m->line[0] == '\0') {
                if (!m->has_range)
                        return broken(err, "answers with a part that does not say where it begins");
                m->stage = SWB_MULTIPART_DATA;
                m->n_head = 0;
                return 0;
        }
        if (strncasecmp(m->line, name, strlen(name)) != 0)
                return 0;
        m->has_range = true;
        return swb_content_range_parse(value + strspn(value, " \t"), m->total, &m->offset, &m->end,
                                       err);
}

/* Takes the bytes of one line, or of a part of it. */
static int feed_line(struct swb_multipart *m, const char **data, size_t *n, struct swb_error *err)
{
        const char *stop = memchr(*data, '\n', *n);
        size_t used = stop ? (size_t)(stop - *data) + 1 : *n;

        m->n_head += used;
        if (m->n_line + used > SWB_MULTIPART_LINE_MAX || m->n_head > SWB_MULTIPART_HEAD_MAX)
                return broken(err, "answers with too much between two parts");
        memcpy(m->line + m->n_line, *data, used);
        m->n_line += used;
        *data += used;
        *n -= used;
        if (!stop)
                return 0;
        m->n_line--;
        if (m->n_line > 0 && m->line[m->n_line - 1] == '\r')
                m->n_line--;
        m->line[m->n_line] = '\0';
        m->n_line = 0;
        return m->stage == SWB_MULTIPART_HEAD ? on_line_of_head(m, err) : on_line_between(m);
}

static int feed_data(struct swb_multipart *m, const char **data, size_t *n, swb_part_sink sink,
                     void *context, struct swb_error *err)
{
        size_t used = (size_t)SWB_MIN((uint64_t)*n, m->end - m->offset);
        int r = sink(context, m->offset, *data, used, err);

        if (r < 0)
                return r;
        m->offset += used;
        *data += used;
        *n -= used;
        if (m->offset == m->end)
                m->stage = SWB_MULTIPART_BETWEEN;
        return 0;
}

int swb_multipart_feed(struct swb_multipart *multipart, const void *data, size_t n_bytes,
                       swb_part_sink sink, void *context, struct swb_error *err)
{
        const char *p = data;
        int r = 0;

        while (n_bytes > 0 && r >= 0 && multipart->stage != SWB_MULTIPART_END) {
                if (multipart->stage == SWB_MULTIPART_DATA)
                        r = feed_data(multipart, &p, &n_bytes, sink, context, err);
                else
                        r = feed_line(multipart, &p, &n_bytes, err);
        }
        return r < 0 ? r : 0; /* what follows the end means nothing */
}

bool swb_multipart_is_whole(const struct swb_multipart *multipart)
{
        return multipart->stage == SWB_MULTIPART_END;
}
