/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-pack/progress.h"

#include <inttypes.h>

#include "base/json_writer.h"

#define BAR_WIDTH 40u
#define INTERVAL_USEC 200000u
#define LINE_MAX_BYTES ((size_t)512)

int swb_progress_view_init(struct swb_progress_view *view, const char *name, struct swb_error *err)
{
        static const struct {
                const char *name;
                enum swb_progress_form form;
        } table[] = {
                {"plain", SWB_PROGRESS_PLAIN},
                {"json", SWB_PROGRESS_JSON},
                {"none", SWB_PROGRESS_NONE},
        };

        *view = (struct swb_progress_view){0};
        if (strcmp(name, "auto") == 0) {
                view->form = isatty(STDERR_FILENO) ? SWB_PROGRESS_BAR : SWB_PROGRESS_PLAIN;
                return 0;
        }
        for (size_t i = 0; i < SWB_ELEMENTS(table); i++)
                if (strcmp(name, table[i].name) == 0) {
                        view->form = table[i].form;
                        return 0;
                }
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                        "option --progress: '%s' is not auto, plain, json or none", name);
}

static uint64_t now_usec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* ", ETA 1 min 20 s", or nothing. */
#define ETA_TEXT (SWB_ETA_TEXT + 8)

static const char *eta_text(uint64_t eta, char text[static ETA_TEXT])
{
        char number[SWB_ETA_TEXT];

        *text = '\0';
        if (eta != SWB_ETA_UNKNOWN)
                (void)snprintf(text, ETA_TEXT, ", ETA %s", swb_eta_format(eta, number));
        return text;
}

static void show_plain(const char *stage, unsigned percent, uint64_t eta)
{
        char text[ETA_TEXT];

        (void)fprintf(stderr, "%s: %u %%%s\n", stage, percent, eta_text(eta, text));
}

/* The bar before may have been longer: the rest of its line is cleared. */
static void show_bar(struct swb_progress_view *view, const char *stage, unsigned percent,
                     uint64_t eta)
{
        char text[ETA_TEXT];
        char bar[BAR_WIDTH + 1];

        for (unsigned i = 0; i < BAR_WIDTH; i++)
                bar[i] = i * 100 < percent * BAR_WIDTH ? '#' : ' ';
        bar[BAR_WIDTH] = '\0';
        (void)fprintf(stderr, "\r%-10s [%s] %3u %%%s\033[K", stage, bar, percent,
                      eta_text(eta, text));
        (void)fflush(stderr);
        view->bar_open = true;
}

static void show_json(const char *stage, uint64_t done, uint64_t total, unsigned percent,
                      uint64_t eta)
{
        _cleanup_(swb_buf_done) struct swb_buf line = SWB_BUF_INIT(LINE_MAX_BYTES);
        struct swb_json json = SWB_JSON(&line, false);

        swb_json_open_object(&json, NULL);
        swb_json_str(&json, "event", "progress");
        swb_json_str(&json, "stage", stage);
        swb_json_u64(&json, "done", done);
        swb_json_u64(&json, "total", total);
        swb_json_u64(&json, "percent", percent);
        if (eta != SWB_ETA_UNKNOWN)
                swb_json_u64(&json, "eta_seconds", eta);
        swb_json_close_object(&json);
        if (swb_json_end(&json) == 0)
                (void)fwrite(line.data, 1, line.n_bytes, stdout);
        (void)fflush(stdout);
}

/* People and logs want few lines: a stage's start and every tenth of it. */
static bool is_due(const struct swb_progress_view *view, bool is_new_stage, unsigned percent)
{
        if (is_new_stage || (percent == 100 && view->percent != 100))
                return true;
        if (view->form == SWB_PROGRESS_PLAIN)
                return percent / 10 > view->percent / 10;
        return percent != view->percent && now_usec() - view->shown_usec >= INTERVAL_USEC;
}

void swb_progress_view_expect(struct swb_progress_view *view, const struct swb_eta_stage *stages)
{
        view->eta.stages = stages;
}

void swb_progress_view_report(void *object, const char *stage, uint64_t done, uint64_t total)
{
        struct swb_progress_view *view = object;
        bool is_new_stage = strcmp(view->stage, stage) != 0;
        unsigned percent = total ? (unsigned)((double)done * 100.0 / (double)total) : 100;
        uint64_t eta = swb_eta_next(&view->eta, stage, done, total, now_usec());

        if (view->form == SWB_PROGRESS_NONE || !is_due(view, is_new_stage, percent))
                return;
        if (is_new_stage)
                swb_progress_view_end(view);
        switch (view->form) {
        case SWB_PROGRESS_PLAIN:
                show_plain(stage, percent, eta);
                break;
        case SWB_PROGRESS_BAR:
                show_bar(view, stage, percent, eta);
                break;
        case SWB_PROGRESS_JSON:
                show_json(stage, done, total, percent, eta);
                break;
        case SWB_PROGRESS_NONE:
                break;
        }
        (void)snprintf(view->stage, sizeof(view->stage), "%s", stage);
        view->percent = percent;
        view->shown_usec = now_usec();
}

void swb_progress_view_end(struct swb_progress_view *view)
{
        if (view->bar_open)
                (void)fputc('\n', stderr);
        view->bar_open = false;
}
