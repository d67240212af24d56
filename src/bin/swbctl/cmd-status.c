/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_writer.h"
#include "bin/swbctl/swbctl.h"

#define JSON_BYTES_MAX (64u << 10)

static bool watch, json;

const struct swb_opt cmd_status_options[] = {
        {'w', "watch", SWB_OPT_FLAG, &watch, NULL, false,
         "go on showing changes until interrupted"},
        {0, "json", SWB_OPT_FLAG, &json, NULL, false,
         "print a JSON object (with --watch: one a line)"},
        {0},
};

static int print_json(const struct view *view, bool indent, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(JSON_BYTES_MAX);
        struct swb_json out = SWB_JSON(&buf, indent);
        int r;

        swb_json_open_object(&out, NULL);
        swb_json_str(&out, "state", view->state);
        swb_json_double(&out, "progress", view->progress);
        swb_json_u64(&out, "bytes_done", view->bytes_done);
        swb_json_u64(&out, "bytes_total", view->bytes_total);
        swb_json_u64(&out, "rate", view->rate);
        swb_json_str(&out, "current_version", view->current_version);
        swb_json_str(&out, "available_version", view->available_version);
        swb_json_str(&out, "current_slot", view->current_slot);
        swb_json_str(&out, "other_slot", view->other_slot);
        swb_json_u64(&out, "last_check_usec", view->last_check_usec);
        swb_json_u64(&out, "next_check_usec", view->next_check_usec);
        swb_json_str(&out, "last_error", view->last_error);
        swb_json_str(&out, "last_error_text", view->last_error_text);
        swb_json_bool(&out, "needs_reboot", view->needs_reboot);
        swb_json_u64(&out, "seconds_left", view->seconds_left);
        swb_json_str(&out, "channel", view->channel);
        swb_json_u64(&out, "paused_until_usec", view->paused_until_usec);
        swb_json_u64(&out, "deferred_until_usec", view->deferred_until_usec);
        swb_json_str(&out, "deferral_reason", view->deferral_reason);
        swb_json_u64(&out, "deadline_usec", view->deadline_usec);
        swb_json_u64(&out, "reboot_at_usec", view->reboot_at_usec);
        swb_json_open_array(&out, "gates");
        for (size_t i = 0; i < view->n_gates; i++) {
                swb_json_open_object(&out, NULL);
                swb_json_str(&out, "gate", view->gates[i].name);
                swb_json_bool(&out, "open", view->gates[i].is_open);
                swb_json_str(&out, "rule", view->gates[i].rule);
                swb_json_u64(&out, "again_usec", view->gates[i].again_usec);
                swb_json_close_object(&out);
        }
        swb_json_close_array(&out);
        swb_json_open_object(&out, "failed_versions");
        for (size_t i = 0; i < view->n_failed; i++)
                swb_json_str(&out, view->failed[i].version, view->failed[i].reason);
        swb_json_close_object(&out);
        swb_json_close_object(&out);
        r = swb_json_end(&out);
        if (r < 0)
                return swb_fail_errno(err, r, "write JSON");
        (void)fwrite(buf.data, 1, buf.n_bytes, stdout);
        if (fflush(stdout) != 0)
                return swb_fail_errno(err, errno, "write to standard output");
        return 0;
}

static int never_over(void *context, const struct view *view, struct swb_error *err)
{
        (void)context;
        (void)view;
        (void)err;
        return 0;
}

static int watch_json(struct client *client, struct swb_error *err)
{
        int r = client_watch(client, err);

        while (r >= 0) {
                _cleanup_(view_done) struct view view = {0};

                r = client_read(client, &view, err);
                if (r >= 0)
                        r = print_json(&view, false, err);
                if (r >= 0)
                        r = client_wait(client, UINT64_MAX, err);
        }
        return r;
}

int cmd_status(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(client_done) struct client client = {0};
        _cleanup_(view_done) struct view view = {0};
        _cleanup_(screen_done) struct screen screen;
        int r;

        (void)n_args;
        (void)args;
        screen_init(&screen);
        r = client_connect(&client, err);
        if (r < 0)
                return r;
        if (watch)
                return json ? watch_json(&client, err)
                            : follow(&client, &screen, never_over, NULL, err);
        r = client_read(&client, &view, err);
        if (r < 0)
                return r;
        if (json)
                return print_json(&view, true, err);
        screen_print(&screen, &view);
        return SWB_EXIT_OK;
}
