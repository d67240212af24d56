/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swbctl/screen.h"

#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <sys/ioctl.h>

#include "base/text.h"
#include "bin/swbctl/when.h"

#define BAR_MAX 40u
#define LINE_REST 46u /* what stands beside the bar at most */
#define SECOND UINT64_C(1000000)

enum color { PLAIN, BOLD, GREEN, YELLOW, RED, DIM };

static const char *paint(const struct screen *screen, enum color color)
{
        static const char *const codes[] = {
                [PLAIN] = "\033[0m",   [BOLD] = "\033[1m", [GREEN] = "\033[32m",
                [YELLOW] = "\033[33m", [RED] = "\033[31m", [DIM] = "\033[2m",
        };

        return screen->has_color ? codes[color] : "";
}

void screen_init(struct screen *screen)
{
        const char *term = getenv("TERM");

        *screen = (struct screen){.is_terminal = isatty(STDOUT_FILENO)};
        (void)setlocale(LC_CTYPE, "");
        screen->has_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
        if (!term || strcmp(term, "dumb") == 0)
                screen->is_terminal = false;
        screen->has_color = screen->is_terminal && !getenv("NO_COLOR");
        (void)setvbuf(stdout, NULL, _IOLBF, 0);
}

static void end_live_line(struct screen *screen)
{
        if (screen->has_live_line)
                (void)printf("\r\033[K");
        screen->has_live_line = false;
}

void screen_done(struct screen *screen)
{
        if (screen->has_live_line)
                (void)printf("\n");
        screen->has_live_line = false;
        free(screen->told_state);
        free(screen->told_error);
        screen->told_state = screen->told_error = NULL;
        (void)fflush(stdout);
}

/* ---- parts ---- */

static bool is_state(const struct view *view, const char *state)
{
        return strcmp(view->state, state) == 0;
}

static bool is_moving(const struct view *view)
{
        return is_state(view, "downloading") || is_state(view, "verifying");
}

static enum color state_color(const struct view *view)
{
        if (is_state(view, "idle"))
                return GREEN;
        return is_state(view, "available") && view->last_error[0] != '\0' ? RED : YELLOW;
}

static void print_bar(const struct screen *screen, double progress, unsigned width)
{
        unsigned full = (unsigned)(progress * width + 0.5);

        (void)printf("%s", paint(screen, GREEN));
        for (unsigned i = 0; i < full; i++)
                (void)printf("%s", screen->has_utf8 ? "\u2501" : "#");
        (void)printf("%s%s", paint(screen, PLAIN), paint(screen, DIM));
        for (unsigned i = full; i < width; i++)
                (void)printf("%s", screen->has_utf8 ? "\u2500" : "-");
        (void)printf("%s", paint(screen, PLAIN));
}

/* "12.4 MB of 28.9 MB, 1.2 MB/s, 14 s left" */
static void print_bytes(const struct view *view)
{
        char done[SWB_SIZE_TEXT], total[SWB_SIZE_TEXT], rate[SWB_SIZE_TEXT], span[TIME_TEXT];

        (void)printf("%s of %s", swb_format_size(view->bytes_done, done),
                     swb_format_size(view->bytes_total, total));
        if (view->rate == 0 || view->bytes_done > view->bytes_total)
                return;
        (void)printf("  %s/s", swb_format_size(view->rate, rate));
        (void)printf(
                "  %s left",
                format_span((view->bytes_total - view->bytes_done) / view->rate * SECOND, span));
}

/* ---- the whole ---- */

static void print_row(const struct screen *screen, const char *name)
{
        (void)printf("%s%12s%s  ", paint(screen, DIM), name, paint(screen, PLAIN));
}

static void print_update(const struct screen *screen, const struct view *view)
{
        print_row(screen, "Available");
        if (view->available_version[0] == '\0') {
                (void)printf("-\n");
                return;
        }
        (void)printf("%s%s%s", paint(screen, BOLD), view->available_version, paint(screen, PLAIN));
        (void)printf(view->needs_reboot ? ", in slot %s, waits for the reboot\n"
                                        : ", for slot %s\n",
                     view->other_slot);
        if (!is_moving(view))
                return;
        print_row(screen, "Progress");
        print_bar(screen, view->progress, BAR_MAX / 2);
        (void)printf(" %3u %%  ", (unsigned)(view->progress * 100));
        print_bytes(view);
        (void)printf("\n");
}

static void print_checks(const struct screen *screen, const struct view *view)
{
        char last[TIME_TEXT], next[TIME_TEXT];

        print_row(screen, "Last check");
        (void)printf("%s\n", view->last_check_usec == 0 ? "never"
                                                        : format_when(view->last_check_usec, last));
        print_row(screen, "Next check");
        (void)printf("%s\n", view->next_check_usec != 0 && view->next_check_usec <= wall_usec()
                                     ? "now"
                                     : format_when(view->next_check_usec, next));
}

static void print_when(const struct screen *screen, const char *name, uint64_t usec)
{
        char when[TIME_TEXT];

        if (usec == 0)
                return;
        print_row(screen, name);
        (void)printf("%s\n", format_when(usec, when));
}

/* What holds the update up, if anything does. */
static void print_policy(const struct screen *screen, const struct view *view)
{
        char when[TIME_TEXT];

        print_when(screen, "Paused", view->paused_until_usec);
        if (view->deferred_until_usec > 0) {
                print_row(screen, "Deferred");
                (void)printf("%s%s%s\n", format_when(view->deferred_until_usec, when),
                             view->deferral_reason[0] ? ", " : "", view->deferral_reason);
        }
        print_when(screen, "Deadline", view->deadline_usec);
        print_when(screen, "Reboot", view->reboot_at_usec);
}

void screen_print(const struct screen *screen, const struct view *view)
{
        print_row(screen, "State");
        (void)printf("%s%s%s\n", paint(screen, state_color(view)), view->state,
                     paint(screen, PLAIN));
        print_row(screen, "Running");
        (void)printf("%s%s%s", paint(screen, BOLD),
                     view->current_version[0] ? view->current_version : "unknown",
                     paint(screen, PLAIN));
        (void)printf(view->current_slot[0] ? " in slot %s\n" : "%s\n", view->current_slot);
        print_update(screen, view);
        print_policy(screen, view);
        print_checks(screen, view);
        if (view->last_error[0] != '\0') {
                print_row(screen, "Error");
                (void)printf("%s%s%s: %s\n", paint(screen, RED), view->last_error,
                             paint(screen, PLAIN), view->last_error_text);
        }
        for (size_t i = 0; i < view->n_failed; i++) {
                print_row(screen, i == 0 ? "Failed here" : "");
                (void)printf("%s  %s\n", view->failed[i].version, view->failed[i].reason);
        }
}

/* ---- follow ---- */

static unsigned bar_width(void)
{
        struct winsize size;

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
                return BAR_MAX / 2;
        if (size.ws_col <= LINE_REST + 22)
                return 8;
        return SWB_MIN(size.ws_col - LINE_REST - 14u, BAR_MAX);
}

static void draw_live_line(struct screen *screen, const struct view *view)
{
        end_live_line(screen);
        if (!is_moving(view))
                return;
        (void)printf("%s%-11s%s ", paint(screen, YELLOW), view->state, paint(screen, PLAIN));
        print_bar(screen, view->progress, bar_width());
        (void)printf(" %3u %%  ", (unsigned)(view->progress * 100));
        print_bytes(view);
        (void)fflush(stdout);
        screen->has_live_line = true;
}

static void tell_state(struct screen *screen, const struct view *view)
{
        bool is_update = view->available_version[0] != '\0' && !is_state(view, "idle") &&
                         !is_state(view, "checking");

        if (screen->told_state && strcmp(screen->told_state, view->state) == 0)
                return;
        free(screen->told_state);
        screen->told_state = strdup(view->state); /* NULL: told once more, no harm */
        screen->told_percent = 0;
        end_live_line(screen);
        if (screen->is_terminal && is_moving(view))
                return; /* the live line says it */
        (void)printf("%s%s%s", paint(screen, state_color(view)), view->state, paint(screen, PLAIN));
        if (is_update)
                (void)printf("  version %s", view->available_version);
        else if (is_state(view, "idle") && view->current_version[0])
                (void)printf("  version %s in slot %s", view->current_version, view->current_slot);
        (void)printf("\n");
}

static void tell_error(struct screen *screen, const struct view *view)
{
        if (screen->told_error && strcmp(screen->told_error, view->last_error_text) == 0)
                return;
        free(screen->told_error);
        screen->told_error = strdup(view->last_error_text);
        if (view->last_error[0] == '\0')
                return;
        end_live_line(screen);
        (void)printf("%serror%s  %s [%s]\n", paint(screen, RED), paint(screen, PLAIN),
                     view->last_error_text, view->last_error);
}

static void tell_progress(struct screen *screen, const struct view *view)
{
        unsigned percent = (unsigned)(view->progress * 100);

        if (!is_moving(view) || percent < screen->told_percent + 10)
                return;
        screen->told_percent = percent / 10 * 10;
        (void)printf("%s  %u %%  ", view->state, percent);
        print_bytes(view);
        (void)printf("\n");
}

void screen_follow(struct screen *screen, const struct view *view)
{
        tell_state(screen, view);
        tell_error(screen, view);
        if (screen->is_terminal)
                draw_live_line(screen, view);
        else
                tell_progress(screen, view);
}
