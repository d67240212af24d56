/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_writer.h"
#include "bin/swb-pack/build_time.h"
#include "bin/swb-pack/commands.h"
#include "generator/layout/audit.h"
#include "os/file.h"

#define JSON_MAX_BYTES ((size_t)4 << 20)
#define EXIT_FLAWS 3

static bool as_json;
static const char *cmdline_path;
static uint64_t built;
static struct swb_opt_list writable, allow_setuid, ignore;

const struct swb_opt swb_check_image_options[] = {
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "as one JSON object"},
        {0, "writable", SWB_OPT_LIST, &writable, "FOLDER", false,
         "is mounted writable on the device, though the image does not say so"},
        {0, "cmdline", SWB_OPT_STRING, &cmdline_path, "FILE", false,
         "holds the kernel's command line, if the image does not"},
        {0, "allow-setuid", SWB_OPT_LIST, &allow_setuid, "PATH", false,
         "may have the set-user-ID or set-group-ID bit"},
        {0, "timestamp", SWB_OPT_U64, &built, "SECONDS", false,
         "time of the build (default: SOURCE_DATE_EPOCH, else now)"},
        {0, "ignore", SWB_OPT_LIST, &ignore, "NAME", false, "leave out findings of this name"},
        {0},
};

static int read_cmdline(char **ret, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(65536);
        int r;

        if (!cmdline_path)
                return 0;
        r = swb_read_file(cmdline_path, &buf, err);
        if (r < 0)
                return r;
        if (swb_buf_append_str(&buf, "") < 0)
                return swb_oom(err);
        *ret = swb_buf_take_str(&buf);
        return *ret ? 0 : swb_oom(err);
}

static bool is_ignored(enum swb_flaw_kind kind)
{
        for (size_t i = 0; i < ignore.n; i++)
                if (strcmp(ignore.items[i], swb_flaw_text(kind)->name) == 0)
                        return true;
        return false;
}

static int check_ignored(struct swb_error *err)
{
        for (size_t i = 0; i < ignore.n; i++) {
                bool is_known = false;

                for (int k = 0; k < _SWB_FLAW_MAX; k++)
                        if (strcmp(ignore.items[i], swb_flaw_text((enum swb_flaw_kind)k)->name) ==
                            0)
                                is_known = true;
                if (!is_known)
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "option --ignore: no finding has the name '%s'",
                                        ignore.items[i]);
        }
        return 0;
}

static int print_json(const char *image, const struct swb_flaws *flaws, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(JSON_MAX_BYTES);
        struct swb_json json = SWB_JSON(&buf, true);
        int r;

        swb_json_open_object(&json, NULL);
        swb_json_str(&json, "image", image);
        swb_json_u64(&json, "left_out", flaws->n_left_out);
        swb_json_open_array(&json, "findings");
        for (size_t i = 0; i < flaws->n; i++) {
                const struct swb_flaw_text *text = swb_flaw_text(flaws->items[i].kind);

                if (is_ignored(flaws->items[i].kind))
                        continue;
                swb_json_open_object(&json, NULL);
                swb_json_str(&json, "name", text->name);
                swb_json_str(&json, "text", flaws->items[i].text);
                swb_json_str(&json, "why", text->why);
                swb_json_str(&json, "mend", text->mend);
                swb_json_close_object(&json);
        }
        swb_json_close_array(&json);
        swb_json_close_object(&json);
        r = swb_json_end(&json);
        if (r < 0)
                return swb_fail_errno(err, r, "write JSON");
        (void)fwrite(buf.data, 1, buf.n_bytes, stdout);
        return 0;
}

/* Why and how stand behind the last finding of a kind. */
static void print_text(const struct swb_flaws *flaws)
{
        for (size_t i = 0; i < flaws->n; i++) {
                enum swb_flaw_kind kind = flaws->items[i].kind;
                const struct swb_flaw_text *text = swb_flaw_text(kind);

                if (is_ignored(kind))
                        continue;
                (void)printf("%s: %s\n", text->name, flaws->items[i].text);
                if (i + 1 < flaws->n && flaws->items[i + 1].kind == kind)
                        continue;
                (void)printf("    why: %s\n    mend: %s\n", text->why, text->mend);
        }
        if (flaws->n_left_out > 0)
                (void)printf("%zu more findings\n", flaws->n_left_out);
}

static bool has_flaws(const struct swb_flaws *flaws)
{
        for (size_t i = 0; i < flaws->n; i++)
                if (!is_ignored(flaws->items[i].kind))
                        return true;
        return flaws->n_left_out > 0;
}

int swb_cmd_check_image(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(swb_flaws_freep) struct swb_flaws *flaws = NULL;
        _cleanup_free_ char *cmdline = NULL;
        struct swb_audit audit = {
                .image = args[0],
                .writable = writable.items,
                .n_writable = writable.n,
                .setuid = allow_setuid.items,
                .n_setuid = allow_setuid.n,
        };
        int r;

        (void)n_args;
        r = check_ignored(err);
        if (r >= 0)
                r = swb_build_time(built, true, &audit.built, err);
        if (r >= 0)
                r = read_cmdline(&cmdline, err);
        audit.cmdline = cmdline;
        if (r >= 0)
                r = swb_audit_run(&audit, &flaws, err);
        if (r >= 0 && as_json)
                r = print_json(args[0], flaws, err);
        if (r < 0)
                return r;
        if (!as_json)
                print_text(flaws);
        if (fflush(stdout) != 0)
                return swb_fail_errno(err, errno, "write to standard output");
        return has_flaws(flaws) ? EXIT_FLAWS : SWB_EXIT_OK;
}
