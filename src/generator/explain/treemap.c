/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/costs.h"

#include <inttypes.h>

#define WIDTH 1200.0
#define HEIGHT 800.0
#define FILES_MAX 2000u /* the dearest ones; the rest is one rectangle */
#define TEXT_MIN_WIDTH 60.0
#define TEXT_MIN_HEIGHT 12.0
#define CLASS_MIN_WIDTH 120.0
#define CLASS_MIN_HEIGHT 40.0
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

/* Cuts the longer side where the two parts weigh about the same. */
static void halve(const double *weights, const struct area *a, struct area *left,
                  struct area *right)
{
        double total = 0, part = 0, ratio;
        size_t middle = a->first;

        for (size_t i = a->first; i < a->end; i++)
                total += weights[i];
        do
                part += weights[middle++];
        while (middle + 1 < a->end && part + weights[middle] / 2 < total / 2);
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

/* Puts the area of each item into ret_areas. The half with fewer items is done first, so that the
 * stack stays shallow. */
static void lay_out(const double *weights, const struct area *whole, struct area *ret_areas)
{
        struct area stack[STACK_MAX] = {*whole};
        size_t depth = whole->end > whole->first;

        while (depth > 0) {
                struct area a = stack[--depth], left, right;

                if (a.end - a.first == 1) {
                        ret_areas[a.first] = a;
                        continue;
                }
                swb_assert(depth + 2 <= STACK_MAX);
                halve(weights, &a, &left, &right);
                stack[depth++] = left.end - left.first < right.end - right.first ? right : left;
                stack[depth++] = left.end - left.first < right.end - right.first ? left : right;
        }
}

/* ---- classes: the files of each lie together */

struct map {
        const struct swb_costs *costs;
        size_t n;
        const struct swb_file_cost **files; /* by class, then as they were */
        double *weights;
        struct area *areas;
        size_t ends[_SWB_CLASS_MAX]; /* of each class's files */
};

static void map_done(struct map *map)
{
        free(map->files);
        free(map->weights);
        free(map->areas);
}

static int sort_files(struct map *map)
{
        size_t n = 0;

        map->files = calloc(map->n + 1, sizeof(*map->files));
        map->weights = calloc(map->n + 1, sizeof(*map->weights));
        map->areas = calloc(map->n + 1, sizeof(*map->areas));
        if (!map->files || !map->weights || !map->areas)
                return -ENOMEM;
        for (int class = 0; class < _SWB_CLASS_MAX; class ++) {
                for (size_t i = 0; i < map->n; i++) {
                        const struct swb_file_cost *file = &map->costs->items[i];

                        if ((int)file->class != class)
                                continue;
                        map->weights[n] = (double)file->bytes;
                        map->files[n++] = file;
                }
                map->ends[class] = n;
        }
        return 0;
}

static size_t first_of(const struct map *map, int class)
{
        return class > 0 ? map->ends[class - 1] : 0;
}

/* A frame around the class, and its name where there is room. */
static int put_class(struct swb_buf *buf, const struct area *a, enum swb_class class, double bytes)
{
        const char *name = swb_class_to_string(class);
        int r = swb_buf_printf(buf,
                               "<rect class=\"class\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
                               "height=\"%.2f\" fill=\"none\" stroke=\"#333\" "
                               "stroke-width=\"1.5\"><title>%.0f bytes: %s</title></rect>\n",
                               a->x, a->y, a->w, a->h, bytes, name);

        if (r < 0 || a->w < CLASS_MIN_WIDTH || a->h < CLASS_MIN_HEIGHT)
                return r;
        return swb_buf_printf(buf,
                              "<text class=\"class\" x=\"%.2f\" y=\"%.2f\" font-size=\"16\" "
                              "font-weight=\"bold\" opacity=\"0.6\" "
                              "pointer-events=\"none\">%s %.0f</text>\n",
                              a->x + 4, a->y + a->h - 6, name, bytes);
}

static int put_classes(struct swb_buf *buf, const struct map *map, double width)
{
        const struct area whole = {0, _SWB_CLASS_MAX, 0, 0, width, HEIGHT};
        struct area areas[_SWB_CLASS_MAX];
        double weights[_SWB_CLASS_MAX] = {0};
        bool by_transform = map->costs->account != NULL;
        int r = 0;

        for (int i = 0; i < _SWB_CLASS_MAX; i++)
                for (size_t k = first_of(map, i); k < map->ends[i]; k++)
                        weights[i] += map->weights[k];
        lay_out(weights, &whole, areas);
        for (int i = 0; i < _SWB_CLASS_MAX; i++) {
                areas[i].first = first_of(map, i);
                areas[i].end = map->ends[i];
                lay_out(map->weights, &areas[i], map->areas);
        }
        for (size_t i = 0; i < map->n && r == 0; i++)
                r = put_file(buf, &map->areas[i], by_transform ? map->files[i] : NULL,
                             swb_cost_name(map->files[i]->file), map->files[i]->bytes);
        for (int i = 0; i < _SWB_CLASS_MAX && r == 0; i++)
                if (weights[i] > 0)
                        r = put_class(buf, &areas[i], (enum swb_class)i, weights[i]);
        return r;
}

int swb_costs_svg(const struct swb_costs *costs, const char *title, struct swb_buf *buf)
{
        _cleanup_(map_done) struct map map = {.costs = costs};
        double shown = 0, width;
        int r;

        for (; map.n < costs->n && map.n < FILES_MAX && costs->items[map.n].bytes > 0; map.n++)
                shown += (double)costs->items[map.n].bytes;
        r = sort_files(&map);
        width = costs->bytes ? WIDTH * shown / (double)costs->bytes : WIDTH;
        if (r == 0)
                r = swb_buf_printf(buf,
                                   "<svg xmlns=\"http://www.w3.org/2000/svg\" "
                                   "viewBox=\"0 0 %.0f %.0f\" "
                                   "font-family=\"sans-serif\" font-size=\"10\" "
                                   "stroke=\"white\" stroke-width=\"0.5\">\n"
                                   "<style>text{stroke:none}</style>\n<title>",
                                   WIDTH, HEIGHT);
        if (r == 0)
                r = put_escaped(buf, title);
        if (r == 0)
                r = swb_buf_printf(buf, "</title>\n");
        if (r == 0)
                r = put_classes(buf, &map, width);
        if (r == 0 && width < WIDTH) {
                const struct area rest = {.x = width, .w = WIDTH - width, .h = HEIGHT};

                r = put_file(buf, &rest, NULL, "(all other files)", costs->bytes - (uint64_t)shown);
        }
        return r < 0 ? r : swb_buf_printf(buf, "</svg>\n");
}
