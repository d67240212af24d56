/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/costs.h"

#include <inttypes.h>

#define WIDTH 1200.0
#define HEIGHT 800.0
#define FILES_MAX 2000u /* the dearest ones; the rest is one rectangle */
#define TEXT_MIN_WIDTH 60.0
#define TEXT_MIN_HEIGHT 12.0
#define STACK_MAX 64 /* halves of halves of FILES_MAX */

struct area {
        size_t first, end; /* items */
        double x, y, w, h;
};

static int put_escaped(struct swb_buf *buf, const char *text)
{
        int r = 0;

        for (; *text && r == 0; text++) {
                switch (*text) {
                case '<':
                        r = swb_buf_append(buf, "&lt;", 4);
                        break;
                case '&':
                        r = swb_buf_append(buf, "&amp;", 5);
                        break;
                default: /* what is no text in XML, or no ASCII, is shown as a mark */
                        r = swb_buf_append(buf, *text >= 0x20 && *text < 0x7f ? text : "?", 1);
                }
        }
        return r;
}

/* By transform, or, where an estimate knows of none, by folder: files that lie together look alike.
 */
static unsigned hue(const struct swb_file_cost *cost, const char *path)
{
        static const unsigned hues[_SWB_TRANSFORM_MAX] = {
                [SWB_TRANSFORM_COPIED] = 0,   [SWB_TRANSFORM_PACKED] = 0,
                [SWB_TRANSFORM_BYTES] = 45,   [SWB_TRANSFORM_PREDICTED] = 120,
                [SWB_TRANSFORM_OPENED] = 200, [SWB_TRANSFORM_OPENED_PREDICTED] = 165,
                [SWB_TRANSFORM_NESTED] = 280,
        };
        const char *slash = strrchr(path, '/');
        unsigned hash = 5381;

        if (cost)
                return hues[swb_cost_transform(cost)];
        for (const char *c = path; slash && c < slash; c++)
                hash = hash * 33 + (uint8_t)*c;
        return hash % 360;
}

/* cost NULL: coloured by the name alone. */
static int put_file(struct swb_buf *buf, const struct area *a, const struct swb_file_cost *cost,
                    const char *name, uint64_t bytes)
{
        const char *slash = strrchr(name, '/');
        int r = swb_buf_printf(buf, "<g><title>%" PRIu64 " bytes%s%s: ", bytes, cost ? ", " : "",
                               cost ? swb_transform_to_string(swb_cost_transform(cost)) : "");

        if (r == 0)
                r = put_escaped(buf, name);
        if (r == 0)
                r = swb_buf_printf(buf,
                                   "</title><rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
                                   "height=\"%.2f\" fill=\"hsl(%u,45%%,72%%)\"/>",
                                   a->x, a->y, a->w, a->h, hue(cost, name));
        if (r == 0 && a->w >= TEXT_MIN_WIDTH && a->h >= TEXT_MIN_HEIGHT) {
                r = swb_buf_printf(buf,
                                   "<svg x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\">"
                                   "<text x=\"2\" y=\"10\">",
                                   a->x, a->y, a->w, a->h);
                if (r == 0)
                        r = put_escaped(buf, slash && slash[1] ? slash + 1 : name);
                if (r == 0)
                        r = swb_buf_printf(buf, "</text></svg>");
        }
        return r < 0 ? r : swb_buf_printf(buf, "</g>\n");
}

static double sum(const struct swb_file_cost *items, size_t first, size_t end)
{
        double total = 0;

        for (size_t i = first; i < end; i++)
                total += (double)items[i].bytes;
        return total;
}

/* Cuts the longer side where the two parts weigh about the same. */
static void halve(const struct swb_file_cost *items, const struct area *a, struct area *left,
                  struct area *right)
{
        double total = sum(items, a->first, a->end), part = 0, ratio;
        size_t middle = a->first;

        do
                part += (double)items[middle++].bytes;
        while (middle + 1 < a->end && part + (double)items[middle].bytes / 2 < total / 2);
        ratio = total > 0 ? part / total : 0.5;
        *left = *right = *a;
        left->end = right->first = middle;
        if (a->w >= a->h) {
                left->w = a->w * ratio;
                right->x = a->x + left->w;
                right->w = a->w - left->w;
        } else {
                left->h = a->h * ratio;
                right->y = a->y + left->h;
                right->h = a->h - left->h;
        }
}

/* The half with fewer files is done first, so that the stack stays shallow. */
static int put_files(struct swb_buf *buf, const struct swb_file_cost *items, size_t n, double width,
                     bool by_transform)
{
        struct area stack[STACK_MAX] = {{0, n, 0, 0, width, HEIGHT}};
        size_t depth = n > 0;
        int r = 0;

        while (depth > 0 && r == 0) {
                struct area a = stack[--depth], left, right;

                if (a.end - a.first == 1) {
                        r = put_file(buf, &a, by_transform ? &items[a.first] : NULL,
                                     swb_cost_name(items[a.first].file), items[a.first].bytes);
                        continue;
                }
                swb_assert(depth + 2 <= STACK_MAX);
                halve(items, &a, &left, &right);
                stack[depth++] = left.end - left.first < right.end - right.first ? right : left;
                stack[depth++] = left.end - left.first < right.end - right.first ? left : right;
        }
        return r;
}

int swb_costs_svg(const struct swb_costs *costs, const char *title, struct swb_buf *buf)
{
        size_t n = 0;
        double shown, width;
        int r;

        while (n < costs->n && n < FILES_MAX && costs->items[n].bytes > 0)
                n++;
        shown = sum(costs->items, 0, n);
        width = costs->bytes ? WIDTH * shown / (double)costs->bytes : WIDTH;
        r = swb_buf_printf(buf,
                           "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
                           "font-family=\"sans-serif\" font-size=\"10\" stroke=\"white\" "
                           "stroke-width=\"0.5\">\n<style>text{stroke:none}</style>\n<title>",
                           WIDTH, HEIGHT);
        if (r == 0)
                r = put_escaped(buf, title);
        if (r == 0)
                r = swb_buf_printf(buf, "</title>\n");
        if (r == 0)
                r = put_files(buf, costs->items, n, width, costs->device.total_bytes > 0);
        if (r == 0 && width < WIDTH) {
                const struct area rest = {.x = width, .w = WIDTH - width, .h = HEIGHT};

                r = put_file(buf, &rest, NULL, "(all other files)", costs->bytes - (uint64_t)shown);
        }
        return r < 0 ? r : swb_buf_printf(buf, "</svg>\n");
}
