/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/client.h"
#include "bin/swb-server/server.h"

static const char *appid, *running, *track, *board, *hardware_class, *address;
static bool as_json;

const struct swb_opt cmd_explain_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "the app, if there are several"},
        {0, "running", SWB_OPT_STRING, &running, "VERSION", false,
         "as if it ran this (default: what it said last)"},
        {0, "track", SWB_OPT_STRING, &track, "NAME", false,
         "as if it asked for this track (default: the channel it got last)"},
        {0, "board", SWB_OPT_STRING, &board, "TEXT", false, "as if it had this board"},
        {0, "hardware-class", SWB_OPT_STRING, &hardware_class, "TEXT", false,
         "as if it had this hardware class"},
        {0, "address", SWB_OPT_STRING, &address, "ADDRESS", false,
         "as if it asked from there: which mirrors of networks it gets"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

static int make_query(const char *machineid, char **query, struct swb_error *err)
{
        const struct {
                const char *name, *value;
        } parts[] = {{"device", machineid},
                     {"running", running},
                     {"track", track},
                     {"board", board},
                     {"hardware_class", hardware_class},
                     {"address", address}};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < SWB_ELEMENTS(parts); i++)
                r = client_add_query(query, parts[i].name, parts[i].value, err);
        return r;
}

static void print_urls(const json_t *urls)
{
        const json_t *url;
        size_t i;

        json_array_foreach(urls, i, url)(void)
                printf("loads from: %s (%s)\n", client_text(url, "url"), client_text(url, "rule"));
}

static int print(const json_t *answer)
{
        const char *id = client_text(answer, "device");

        if (client_bool(answer, "known"))
                (void)printf("device %s runs %s; last heard of at %s: %s\n", id,
                             client_text(answer, "known_version"), client_text(answer, "last_seen"),
                             client_text(answer, "state"));
        else
                (void)printf("device %s was never heard of\n", id);
        (void)printf("would be told: %s\n", client_text(answer, "answer"));
        (void)printf("because of: %s\n", client_text(answer, "info"));
        if (*client_text(answer, "passed_over"))
                (void)printf("passed over: %s\n", client_text(answer, "passed_over"));
        (void)printf(
                "the device reads: %s\n",
                client_text_or(answer, "reads", "it does not say; taken as 1003, no encoders"));
        (void)printf("group: %s%s%s\n", client_text_or(answer, "group", "none matches"),
                     *client_text(answer, "group") ? ": " : "", client_text(answer, "group_rule"));
        if (*client_text(answer, "channel"))
                (void)printf("channel: %s, which gives %s\n", client_text(answer, "channel"),
                             client_text_or(answer, "channel_release", "nothing"));
        if (*client_text(answer, "rollout"))
                (void)printf("rollout: %s of %s, %s\n", client_text(answer, "rollout"),
                             client_text(answer, "rollout_release"),
                             client_text(answer, "rollout_status"));
        print_urls(json_object_get(answer, "urls"));
        if (client_bool(answer, "recall"))
                (void)printf("and it is told to drop what it has installed\n");
        return SWB_EXIT_OK;
}

int cmd_explain(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        struct client_request request = {.method = "GET", .path = "explain", .app = appid};
        _cleanup_free_ char *query = NULL;
        int r;

        (void)n_args;
        r = make_query(args[0], &query, err);
        request.query = query;
        if (r >= 0)
                r = client_call(&request, &answer, err);
        if (r < 0)
                return r;
        return as_json ? client_print_json(answer.json, err) : print(answer.json);
}
