/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/wanted.h"

#include <inttypes.h>
#include <poll.h>

#include "os/file.h"
#include "payload/peek.h"

#define LINE_MAX_BYTES (SWB_RANGES_TEXT_MAX + 16)
#define WAIT_MSEC 1000

enum stage {
        STAGE_MODE,  /* "stream" or "pieces" is to come */
        STAGE_HEAD,  /* the first bytes are being got, to see what it is */
        STAGE_LINES, /* "get" or "end" is to come */
        STAGE_REST,  /* all the rest is being got */
        STAGE_END,
};

struct swb_wanted {
        struct swb_wanted_config config;
        enum stage stage;
        struct swb_range ranges[SWB_RANGES_MAX];
        size_t n, first;
        bool is_abandoned;
        uint8_t head[SWB_PAYLOAD_PEEK_BYTES];
        size_t n_head;
        char line[LINE_MAX_BYTES];
        size_t n_line;
};

int swb_wanted_new(const struct swb_wanted_config *config, struct swb_wanted **ret,
                   struct swb_error *err)
{
        struct swb_wanted *wanted = calloc(1, sizeof(*wanted));

        if (!wanted)
                return swb_oom(err);
        wanted->config = *config;
        *ret = wanted;
        return 0;
}

struct swb_wanted *swb_wanted_free(struct swb_wanted *wanted)
{
        free(wanted);
        return NULL;
}

bool swb_wanted_is_abandoned(const struct swb_wanted *wanted)
{
        return wanted->is_abandoned;
}

/* ---- lines ---- */

static int wait_for_line(struct swb_wanted *w)
{
        struct pollfd fd = {.fd = w->config.socket, .events = POLLIN};
        int r;

        while ((r = poll(&fd, 1, WAIT_MSEC)) <= 0) {
                if (r < 0 && errno != EINTR)
                        return -errno;
                w->config.waiting(w->config.context);
        }
        return 0;
}

static int read_more(struct swb_wanted *w, struct swb_error *err)
{
        ssize_t n;
        int r;

        if (w->n_line + 1 >= sizeof(w->line))
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "swb-install asks with a line of more than %u bytes",
                                (unsigned)sizeof(w->line));
        r = wait_for_line(w);
        if (r < 0)
                return swb_fail_errno(err, -r, "wait for swb-install");
        n = swb_read_some(w->config.socket, "what swb-install asks", w->line + w->n_line,
                          sizeof(w->line) - 1 - w->n_line, err);
        if (n == 0)
                return swb_fail(err, -ECANCELED, SWB_FAULT_CANCELLED,
                                "swb-install went without an end");
        if (n < 0)
                return (int)n;
        w->n_line += (size_t)n;
        return 0;
}

/* One line, without its end; what follows stays. `text` has room for LINE_MAX_BYTES. */
static int read_line(struct swb_wanted *w, char *text, struct swb_error *err)
{
        const char *stop;
        size_t n;
        int r;

        while (!(stop = memchr(w->line, '\n', w->n_line))) {
                r = read_more(w, err);
                if (r < 0) {
                        w->is_abandoned = true;
                        return r;
                }
        }
        n = (size_t)(stop - w->line);
        memcpy(text, w->line, n);
        text[n] = '\0';
        w->n_line -= n + 1;
        memmove(w->line, stop + 1, w->n_line);
        return 0;
}

static int fail_line(struct swb_wanted *w, const char *text, struct swb_error *err)
{
        w->is_abandoned = true;
        return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL, "swb-install asks '%.60s', not for bytes",
                        text);
}

static void want(struct swb_wanted *w, uint64_t start, uint64_t end)
{
        w->ranges[0] = (struct swb_range){start, end};
        w->first = 0;
        w->n = start < end;
}

/* "get RANGES": 1; "end": 0. */
static int hear_line(struct swb_wanted *w, struct swb_error *err)
{
        char text[LINE_MAX_BYTES];
        int r;

        r = read_line(w, text, err);
        if (r < 0)
                return r;
        w->first = w->n = 0;
        if (strcmp(text, "end") == 0) {
                w->stage = STAGE_END;
                return 0;
        }
        if (strncmp(text, "get ", 4) != 0 ||
            swb_ranges_parse(text + 4, w->ranges, SWB_RANGES_MAX, &w->n) < 0 ||
            w->ranges[w->n - 1].end > w->config.total) {
                w->n = 0;
                return fail_line(w, text, err);
        }
        return 1;
}

static int hear_mode(struct swb_wanted *w, struct swb_error *err)
{
        char text[LINE_MAX_BYTES];
        int r;

        r = read_line(w, text, err);
        if (r < 0)
                return r;
        if (strcmp(text, "pieces") == 0) {
                w->stage = STAGE_LINES;
                return hear_line(w, err);
        }
        if (strcmp(text, "stream") != 0)
                return fail_line(w, text, err);
        w->stage = STAGE_REST;
        want(w, w->config.offset, w->config.total);
        if (w->config.offset == 0 && w->config.total >= SWB_PIECES_MIN_BYTES) {
                w->stage = STAGE_HEAD;
                want(w, 0, sizeof(w->head));
        }
        return 1;
}

/* The first bytes are there. */
static int look_at_head(struct swb_wanted *w, struct swb_error *err)
{
        struct swb_payload_peek peek = {0};
        int r;

        if (swb_payload_peek(w->head, w->n_head, &peek) && peek.minor == SWB_MINOR_PIECES &&
            peek.metadata_bytes <= w->config.total) {
                w->stage = STAGE_LINES;
                want(w, w->n_head, peek.metadata_bytes);
        } else {
                w->stage = STAGE_REST;
                want(w, w->n_head, w->config.total);
        }
        r = w->config.put(w->config.context, w->head,
                          w->stage == STAGE_LINES
                                  ? (size_t)SWB_MIN((uint64_t)w->n_head, peek.metadata_bytes)
                                  : w->n_head,
                          err);
        return r < 0 ? r : 1;
}

int swb_wanted_next(struct swb_wanted *wanted, struct swb_error *err)
{
        switch (wanted->stage) {
        case STAGE_MODE:
                return hear_mode(wanted, err);
        case STAGE_HEAD:
                return look_at_head(wanted, err);
        case STAGE_LINES:
                return hear_line(wanted, err);
        case STAGE_REST:
        case STAGE_END:
                break;
        }
        return 0;
}

/* ---- bytes ---- */

size_t swb_wanted_ranges(const struct swb_wanted *wanted, struct swb_range *ranges)
{
        size_t n = wanted->n - wanted->first;

        if (n > 0)
                memcpy(ranges, wanted->ranges + wanted->first, n * sizeof(*ranges));
        return n;
}

static int put(struct swb_wanted *w, const uint8_t *data, size_t n, struct swb_error *err)
{
        struct swb_range *range = &w->ranges[w->first];
        int r = 0;

        if (w->stage == STAGE_HEAD) {
                memcpy(w->head + w->n_head, data, n); /* the range is as long as the room */
                w->n_head += n;
        } else {
                r = w->config.put(w->config.context, data, n, err);
        }
        if (r < 0)
                return r;
        range->start += n;
        w->first += range->start == range->end;
        return 0;
}

/*
 * All that was asked for is here, and the answer goes on: so it is the whole file, and whatever is
 * wanted next comes by if we stay. Return: 1 to end the request, 0 to go on.
 */
static int stay(struct swb_wanted *w, uint64_t offset, struct swb_error *err)
{
        int r;

        if (w->stage == STAGE_REST)
                return 1;
        r = swb_wanted_next(w, err);
        if (r < 0)
                return r;
        return w->first == w->n || w->ranges[w->first].start < offset;
}

int swb_wanted_take(struct swb_wanted *w, uint64_t offset, const void *data, size_t n_bytes,
                    struct swb_error *err)
{
        const uint8_t *p = data;
        int r = 0;

        while (n_bytes > 0 && r == 0) {
                struct swb_range *range = &w->ranges[w->first];
                size_t n;

                if (w->first == w->n) {
                        r = stay(w, offset, err);
                        continue;
                }
                if (offset > range->start)
                        return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                        "the server leaves out byte %" PRIu64, range->start);
                n = (size_t)SWB_MIN((uint64_t)n_bytes, offset < range->start
                                                               ? range->start - offset
                                                               : range->end - range->start);
                if (offset == range->start)
                        r = put(w, p, n, err);
                p += n;
                offset += n;
                n_bytes -= n;
        }
        return r;
}
