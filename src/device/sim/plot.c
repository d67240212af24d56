/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet's days as an SVG picture: four panels below each other, one time axis. */
#include <inttypes.h>
#include <stdarg.h>

#include "device/sim/tally.h"

#define LEFT 90
#define WIDTH 900
#define TOP 50
#define PANEL 120
#define GAP 40

struct panel {
        const char *title, *color;
        uint64_t *values; /* by hour */
        uint64_t most;
};

struct sink {
        struct swb_buf *buf;
        int error;
};

static void put(struct sink *sink, const char *format, ...) _printf_(2, 3);
static void put(struct sink *sink, const char *format, ...)
{
        char text[512];
        va_list list;

        va_start(list, format);
        (void)vsnprintf(text, sizeof(text), format, list);
        va_end(list);
        if (sink->error >= 0)
                sink->error = swb_buf_append_str(sink->buf, text);
}

static double x_of(const struct swb_sim_tally *tally, size_t hour)
{
        return LEFT + (double)hour * WIDTH / (double)tally->n_hours;
}

/* A line at each midnight, its day at the bottom, and the release. */
static void put_axis(struct sink *sink, const struct swb_sim_tally *tally, int bottom)
{
        size_t every = tally->n_hours / 24 > 20 ? tally->n_hours / 24 / 10 : 1;
        uint64_t release = (tally->fleet->release.wall_usec - tally->fleet->start_usec) /
                           (3600 * UINT64_C(1000000));

        for (size_t day = 0; day * 24 <= tally->n_hours; day += every) {
                put(sink, "<line x1='%.1f' x2='%.1f' y1='%d' y2='%d' class='grid'/>\n",
                    x_of(tally, day * 24), x_of(tally, day * 24), TOP, bottom);
                put(sink, "<text x='%.1f' y='%d' text-anchor='middle'>day %zu</text>\n",
                    x_of(tally, day * 24), bottom + 16, day);
        }
        put(sink, "<line x1='%.1f' x2='%.1f' y1='%d' y2='%d' class='release'/>\n",
            x_of(tally, release), x_of(tally, release), TOP, bottom);
        put(sink, "<text x='%.1f' y='%d'>release</text>\n", x_of(tally, release) + 4, TOP - 22);
}

static void put_panel(struct sink *sink, const struct swb_sim_tally *tally,
                      const struct panel *panel, int top)
{
        double scale = panel->most > 0 ? (double)PANEL / (double)panel->most : 0;
        int bottom = top + PANEL;

        put(sink, "<text x='%d' y='%d' class='title'>%s</text>\n", LEFT, top - 8, panel->title);
        put(sink, "<text x='%d' y='%d' text-anchor='end'>%" PRIu64 "</text>\n", LEFT - 6, top + 10,
            panel->most);
        put(sink, "<text x='%d' y='%d' text-anchor='end'>0</text>\n", LEFT - 6, bottom);
        put(sink, "<path fill='%s' d='M%d %d", panel->color, LEFT, bottom);
        for (size_t h = 0; h < tally->n_hours; h++) {
                double y = bottom - (double)panel->values[h] * scale;

                put(sink, " L%.1f %.1f L%.1f %.1f", x_of(tally, h), y, x_of(tally, h + 1), y);
        }
        put(sink, " L%d %d Z'/>\n", LEFT + WIDTH, bottom);
        put(sink, "<line x1='%d' x2='%d' y1='%d' y2='%d' class='axis'/>\n", LEFT, LEFT + WIDTH,
            bottom, bottom);
}

static void find_most(struct panel *panel, size_t n)
{
        for (size_t h = 0; h < n; h++)
                panel->most = SWB_MAX(panel->most, panel->values[h]);
}

static void fill(const struct swb_sim_tally *tally, struct panel *panels)
{
        uint64_t n_updated = 0;

        for (size_t h = 0; h < tally->n_hours; h++) {
                n_updated += tally->updated[h];
                panels[0].values[h] = n_updated;
                panels[1].values[h] = tally->events[SWB_SIM_CHECK][h];
                panels[2].values[h] = tally->events[SWB_SIM_DOWNLOAD][h];
                panels[3].values[h] = tally->events[SWB_SIM_REBOOT][h];
        }
        for (int i = 0; i < 4; i++)
                find_most(&panels[i], tally->n_hours);
        panels[0].most = tally->fleet->n_devices;
}

int swb_sim_plot(const struct swb_sim_tally *tally, struct swb_buf *buf)
{
        _cleanup_free_ uint64_t *values = calloc(tally->n_hours * 4, sizeof(uint64_t));
        const size_t n = tally->n_hours;
        struct sink sink = {.buf = buf};
        struct panel panels[4] = {
                {"Devices updated", "#2a7f62", values, 0},
                {"Checks an hour", "#4a6fa5", values + n, 0},
                {"Downloads begun or resumed an hour", "#b5762a", values + 2 * n, 0},
                {"Reboots an hour", "#a23b4a", values + 3 * n, 0}};
        int bottom = TOP + 4 * (PANEL + GAP) - GAP;

        if (!values)
                return -ENOMEM;
        fill(tally, panels);
        put(&sink,
            "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' "
            "font-family='sans-serif' font-size='11' fill='#333'>\n",
            LEFT + WIDTH + 40, bottom + 30);
        put(&sink, "<style>.grid{stroke:#e4e4e4}.axis{stroke:#888}.release{stroke:#333;"
                   "stroke-dasharray:4 3}.title{font-size:13px;font-weight:bold}</style>\n");
        put(&sink, "<rect width='100%%' height='100%%' fill='white'/>\n");
        put_axis(&sink, tally, bottom);
        for (int i = 0; i < 4; i++)
                put_panel(&sink, tally, &panels[i], TOP + i * (PANEL + GAP));
        put(&sink, "</svg>\n");
        return sink.error;
}
