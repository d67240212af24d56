/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/json_writer.h"
#include "base/log.h"
#include "base/text.h"
#include "bin/swb-pack/commands.h"
#include "bin/swb-pack/processors.h"
#include "bin/swb-pack/progress.h"
#include "generator/generate.h"
#include "generator/report/report.h"
#include "os/file.h"

#define JSON_MAX_BYTES ((size_t)256 << 20)
#define SVG_MAX_BYTES ((size_t)16 << 20)

static const char *svg_path, *progress = "auto";
static uint64_t top = 40, jobs, memory = (uint64_t)1 << 30;
static bool as_json;

const struct swb_opt swb_diff_report_options[] = {
        {0, "top", SWB_OPT_U64, &top, "N", false, "list so many files (default 40)"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "as one JSON object, with all files"},
        {0, "svg", SWB_OPT_STRING, &svg_path, "FILE", false, "draw a tree map of all files"},
        {'j', "jobs", SWB_OPT_U64, &jobs, "N", false, "threads (default: one a processor)"},
        {0, "memory", SWB_OPT_SIZE, &memory, "SIZE", false,
         "memory to stay below, about (default 1G, at least 256M)"},
        {0, "progress", SWB_OPT_STRING, &progress, "FORM", false,
         "auto (default), plain, json or none"},
        {0},
};

/* Where a file's content comes from, for people: "", or in brackets. */
static void print_origin(const struct swb_report *report, const struct swb_file *file)
{
        const struct swb_report_file *facts = swb_report_file_of(report, file);
        const char *like = facts->like ? swb_cost_name(facts->like) : NULL;
        bool is_new = report->old && !like && file->kind == SWB_FILE_REGULAR;
        bool is_other = like && strcmp(like, swb_cost_name(file)) != 0;

        if (is_new)
                (void)printf("  [nothing old is like it]");
        if (is_other)
                (void)printf("  [from %s]", like);
        if (facts->packed)
                (void)printf("  [%s]", facts->packed->name);
}

static void print_files(const struct swb_report *report)
{
        const struct swb_costs *costs = &report->costs;

        (void)printf("%12s %7s %9s  %s\n", "estimate", "share", "blocks", "file");
        for (size_t i = 0; i < SWB_MIN(costs->n, top) && costs->items[i].bytes > 0; i++) {
                const struct swb_file_cost *c = &costs->items[i];

                (void)printf("%12" PRIu64 " %6.2f%% %9" PRIu64 "  %s", c->bytes,
                             100.0 * (double)c->bytes / (double)costs->bytes, c->fresh_blocks,
                             swb_cost_name(c->file));
                print_origin(report, c->file);
                (void)putchar('\n');
        }
}

static void print_sum(const struct swb_report *report)
{
        char size[SWB_SIZE_TEXT];

        (void)printf("about %s in all: of %" PRIu64 " blocks %" PRIu64
                     " are new or changed, %" PRIu64 " copied, %" PRIu64 " zeros\n",
                     swb_format_size(report->costs.bytes, size), report->new->n_blocks,
                     report->fresh_blocks, report->copied_blocks, report->zero_blocks);
}

/* One line a kind of compressed content that takes bytes. */
static void print_advice(const struct swb_report *report)
{
        const struct swb_costs *costs = &report->costs;

        for (size_t i = 0; i < costs->n; i++) {
                const struct swb_packed *packed =
                        swb_report_file_of(report, costs->items[i].file)->packed;
                uint64_t bytes = 0, n = 0;
                bool is_first = true;

                for (size_t k = 0; packed && k < costs->n; k++)
                        if (swb_report_file_of(report, costs->items[k].file)->packed == packed) {
                                is_first &= k >= i;
                                bytes += costs->items[k].bytes;
                                n += costs->items[k].bytes > 0;
                        }
                if (bytes > 0 && is_first)
                        (void)printf("advice: %" PRIu64 " of %s take %.1f %%: %s\n", n,
                                     packed->name, 100.0 * (double)bytes / (double)costs->bytes,
                                     packed->advice);
        }
}

static void json_file(struct swb_json *json, const struct swb_report *report,
                      const struct swb_file_cost *cost)
{
        const struct swb_report_file *facts = swb_report_file_of(report, cost->file);

        swb_json_open_object(json, NULL);
        swb_json_str(json, "path", cost->file->kind == SWB_FILE_REST ? NULL : cost->file->path);
        swb_json_u64(json, "estimate", cost->bytes);
        swb_json_u64(json, "blocks", cost->fresh_blocks);
        swb_json_str(json, "from", facts->like ? facts->like->path : NULL);
        swb_json_str(json, "packed", facts->packed ? facts->packed->name : NULL);
        swb_json_close_object(json);
}

static int print_json(const struct swb_report *report, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(JSON_MAX_BYTES);
        struct swb_json json = SWB_JSON(&text, true);
        int r;

        swb_json_open_object(&json, NULL);
        swb_json_u64(&json, "estimate", report->costs.bytes);
        swb_json_u64(&json, "blocks", report->new->n_blocks);
        swb_json_u64(&json, "changed_blocks", report->fresh_blocks);
        swb_json_u64(&json, "copied_blocks", report->copied_blocks);
        swb_json_u64(&json, "zero_blocks", report->zero_blocks);
        swb_json_open_array(&json, "files");
        for (size_t i = 0; i < report->costs.n; i++)
                if (report->costs.items[i].bytes > 0)
                        json_file(&json, report, &report->costs.items[i]);
        swb_json_close_array(&json);
        swb_json_close_object(&json);
        r = swb_json_end(&json);
        if (r < 0)
                return swb_fail_errno(err, r, "write the report");
        (void)fwrite(text.data, 1, text.n_bytes, stdout);
        return 0;
}

static int draw(const struct swb_report *report, const char *title, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf svg = SWB_BUF_INIT(SVG_MAX_BYTES);
        int r = swb_costs_svg(&report->costs, title, &svg);

        if (r < 0)
                return swb_fail_errno(err, r, "draw the tree map");
        return swb_write_file_durable(svg_path, svg.data, svg.n_bytes, 0644, err);
}

static int show(const struct swb_report *report, const char *title, struct swb_error *err)
{
        if (svg_path) {
                int r = draw(report, title, err);

                if (r < 0)
                        return r;
        }
        if (as_json)
                return print_json(report, err);
        print_files(report);
        print_sum(report);
        print_advice(report);
        return 0;
}

static int make(struct swb_report *report, const char *old_path, const char *new_path,
                struct swb_error *err)
{
        struct swb_progress_view view;
        struct swb_pool pool = {.memory_bytes = memory};
        int r = swb_progress_view_init(&view, progress, err);

        if (r == 0)
                r = swb_choose_threads(jobs, &pool.n_threads, err);
        if (r == 0 && memory < SWB_GENERATE_MEMORY_MIN)
                r = swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                             "memory of %" PRIu64 " bytes is too little: at least 256M", memory);
        if (r < 0)
                return r;
        pool.progress = (struct swb_progress){.report = swb_progress_view_report, .context = &view};
        r = swb_report_make(old_path, new_path, &pool, report, err);
        swb_progress_view_end(&view);
        if (*report->note)
                swb_log(SWB_LOG_NOTICE, "%s", report->note);
        return r;
}

int swb_cmd_diff_report(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(swb_report_done) struct swb_report report = {0};
        const char *new_path = args[n_args - 1];
        int r = make(&report, n_args > 1 ? args[0] : NULL, new_path, err);

        return r < 0 ? r : show(&report, new_path, err);
}
