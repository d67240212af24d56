/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-install/wants.h"

#include <sys/stat.h>

#include "os/file.h"

int wants_init(struct wants *wants, int fd, const char *name, struct swb_error *err)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return swb_fail_errno(err, errno, "look at %s", name);
        if (!S_ISREG(st.st_mode) && !S_ISSOCK(st.st_mode))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --pieces: %s is neither a file nor a socket", name);
        *wants = (struct wants){.fd = fd, .name = name, .is_file = S_ISREG(st.st_mode)};
        return 0;
}

/* That nobody reads it any more shows when we read: then the bytes end. */
static int say(const struct wants *wants, const void *text, size_t n, struct swb_error *err)
{
        int r;

        if (wants->is_file)
                return 0;
        r = swb_write_all(wants->fd, wants->name, text, n, err);
        return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

int wants_begin(struct wants *wants, const struct swb_installer *installer, struct swb_error *err)
{
        const char *how = swb_installer_is_by_pieces(installer) ? "pieces\n" : "stream\n";

        return say(wants, how, strlen(how), err);
}

static int send_line(struct wants *wants, const struct swb_range *ranges, size_t n,
                     struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf line = SWB_BUF_INIT(SWB_RANGES_TEXT_MAX + 16);

        if (swb_buf_append_str(&line, "get ") < 0 || swb_ranges_put(&line, ranges, n) < 0 ||
            swb_buf_append_str(&line, "\n") < 0)
                return swb_oom(err);
        return say(wants, line.data, line.n_bytes, err);
}

static int ask_once(struct wants *wants, struct swb_installer *installer, struct swb_error *err)
{
        struct swb_range ranges[SWB_RANGES_MAX];
        size_t n;
        int r;

        r = swb_installer_wants(installer, ranges, SWB_RANGES_MAX, &n, err);
        if (r < 0)
                return r;
        if (n == 0) {
                wants->all_asked = true;
                return 0;
        }
        for (size_t i = 0; i < n; i++)
                wants->asked += ranges[i].end - ranges[i].start;
        wants->line_ends[wants->n_lines++] = wants->asked;
        if (!wants->is_file)
                return send_line(wants, ranges, n, err);
        memcpy(wants->ranges, ranges, sizeof(ranges));
        wants->n_ranges = n;
        wants->at = 0;
        return 0;
}

static void forget_answered(struct wants *wants)
{
        size_t n = 0;

        while (n < wants->n_lines && wants->line_ends[n] <= wants->got)
                n++;
        wants->n_lines -= n;
        memmove(wants->line_ends, wants->line_ends + n, wants->n_lines * sizeof(uint64_t));
}

int wants_ask(struct wants *wants, struct swb_installer *installer, struct swb_error *err)
{
        size_t max = wants->is_file ? 1 : WANTS_LINES;
        int r = 0;

        forget_answered(wants);
        while (!wants->all_asked && wants->n_lines < max && r >= 0)
                r = ask_once(wants, installer, err);
        return r < 0 ? r : wants->got < wants->asked;
}

/* Of a file, the next bytes of its ranges. */
static ssize_t read_range(struct wants *wants, uint8_t *data, size_t n_bytes, struct swb_error *err)
{
        struct swb_range *range = &wants->ranges[wants->at];
        size_t n = (size_t)SWB_MIN((uint64_t)n_bytes, range->end - range->start);
        int r;

        r = swb_pread(wants->fd, wants->name, data, n, range->start, err);
        if (r < 0)
                return r;
        range->start += n;
        wants->at += range->start == range->end;
        return (ssize_t)n;
}

ssize_t wants_read(struct wants *wants, bool by_pieces, uint8_t *data, size_t n_bytes,
                   struct swb_error *err)
{
        ssize_t n;

        if (by_pieces && wants->is_file)
                n = read_range(wants, data, n_bytes, err);
        else
                n = swb_read_some(wants->fd, wants->name, data, n_bytes, err);
        if (n == -ECONNRESET)
                n = 0; /* the other end went without having heard all: no other end than any */
        if (n > 0 && by_pieces)
                wants->got += (uint64_t)n;
        return n;
}

void wants_end(const struct wants *wants)
{
        (void)say(wants, "end\n", 4, NULL); /* whoever is gone needs no telling */
}
