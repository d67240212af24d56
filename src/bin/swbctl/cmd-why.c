/* SPDX-License-Identifier: Apache-2.0 */
/* What each gate's answer is right now, and what became of earlier updates. */
#include "base/json_writer.h"
#include "bin/swbctl/swbctl.h"

#define JSON_BYTES_MAX (64u << 10)

static bool why_json, history_json;

const struct swb_opt cmd_why_options[] = {
        {0, "json", SWB_OPT_FLAG, &why_json, NULL, false, "print a JSON array"},
        {0},
};
const struct swb_opt cmd_history_options[] = {
        {0, "json", SWB_OPT_FLAG, &history_json, NULL, false, "print a JSON array"},
        {0},
};

/* Prints one element: to `json` if there is one. Return: > 0, 0 at the end, < 0. */
typedef int (*print_t)(sd_bus_message *reply, struct swb_json *json);

static int print_gate(sd_bus_message *reply, struct swb_json *json)
{
        const char *gate, *rule, *facts;
        char when[TIME_TEXT];
        uint64_t again;
        int is_open, r;

        r = sd_bus_message_read(reply, "(sbsst)", &gate, &is_open, &rule, &facts, &again);
        if (r <= 0)
                return r;
        if (json) {
                swb_json_open_object(json, NULL);
                swb_json_str(json, "gate", gate);
                swb_json_bool(json, "open", is_open);
                swb_json_str(json, "rule", rule);
                swb_json_str(json, "facts", facts);
                swb_json_u64(json, "again_usec", again);
                swb_json_close_object(json);
                return r;
        }
        (void)printf("%-9s %-8s %s%s%s", gate, is_open ? "yes" : "not now", rule,
                     facts[0] ? ": " : "", facts);
        if (!is_open)
                (void)printf("; asked again %s",
                             again > 0 ? format_when(again, when) : "when somebody asks for it");
        (void)printf("\n");
        return r;
}

static int print_past(sd_bus_message *reply, struct swb_json *json)
{
        const char *from, *to, *result, *text;
        uint64_t usec, times;
        char when[TIME_TEXT];
        int r = sd_bus_message_read(reply, "(tsssst)", &usec, &from, &to, &result, &text, &times);

        if (r <= 0)
                return r;
        if (json) {
                swb_json_open_object(json, NULL);
                swb_json_u64(json, "when_usec", usec);
                swb_json_str(json, "from", from);
                swb_json_str(json, "to", to);
                swb_json_str(json, "result", result);
                swb_json_str(json, "text", text);
                swb_json_u64(json, "times", times);
                swb_json_close_object(json);
                return r;
        }
        (void)printf("%-16s  %s -> %s  %s%s%s", format_when(usec, when), from, to, result,
                     text[0] ? ": " : "", text);
        if (times > 1)
                (void)printf(" (%" PRIu64 " times)", times);
        (void)printf("\n");
        return r;
}

static int print_all(sd_bus_message *reply, const char *type, print_t print, struct swb_json *json,
                     struct swb_error *err)
{
        int r = sd_bus_message_enter_container(reply, 'a', type);

        while (r > 0)
                r = print(reply, json);
        return r < 0 ? swb_fail(err, r, SWB_FAULT_PROTOCOL, "swbd's answer: %s", strerror(-r)) : 0;
}

static int print_json(sd_bus_message *reply, const char *type, print_t print, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(JSON_BYTES_MAX);
        struct swb_json out = SWB_JSON(&buf, true);
        int r;

        swb_json_open_array(&out, NULL);
        r = print_all(reply, type, print, &out, err);
        swb_json_close_array(&out);
        if (r < 0)
                return r;
        r = swb_json_end(&out);
        if (r < 0)
                return swb_fail_errno(err, r, "write JSON");
        (void)fwrite(buf.data, 1, buf.n_bytes, stdout);
        return 0;
}

static int tell(const char *method, const char *type, print_t print, bool json,
                struct swb_error *err)
{
        _cleanup_(client_done) struct client client = {0};
        _cleanup_(reply_done) sd_bus_message *reply = NULL;
        int r;

        r = client_connect(&client, err);
        if (r >= 0)
                r = client_call_with(&client, method, &reply, err, "");
        if (r >= 0)
                r = json ? print_json(reply, type, print, err)
                         : print_all(reply, type, print, NULL, err);
        if (r >= 0 && fflush(stdout) != 0)
                r = swb_fail_errno(err, errno, "write to standard output");
        return r < 0 ? r : SWB_EXIT_OK;
}

int cmd_why(int n_args, char **args, struct swb_error *err)
{
        (void)n_args;
        (void)args;
        return tell("Why", "(sbsst)", print_gate, why_json, err);
}

int cmd_history(int n_args, char **args, struct swb_error *err)
{
        (void)n_args;
        (void)args;
        return tell("History", "(tsssst)", print_past, history_json, err);
}
