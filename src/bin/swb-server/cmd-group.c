/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/list.h"
#include "bin/swb-server/server.h"
#include "os/file.h"

#define MACHINES_FILE_MAX_BYTES (64u << 20)
/* Machines in one request, whose body is bounded. */
#define MACHINES_AT_ONCE 5000

static const char *appid, *channel, *hardware_class, *board, *track, *machines_file, *time_zone,
        *pin, *versions, *tag;
static struct swb_opt_list add, drop;
static uint64_t position = CLIENT_UNSET;
static bool any_machine, as_json;

const struct swb_opt cmd_group_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "the app, if there are several"},
        {'c', "channel", SWB_OPT_STRING, &channel, "NAME", false,
         "what these devices get; 'none': no updates"},
        {0, "hardware-class", SWB_OPT_STRING, &hardware_class, "TEXT", false,
         "only devices of this hardware class ('': any)"},
        {0, "board", SWB_OPT_STRING, &board, "TEXT", false, "only of this board ('': any)"},
        {0, "track", SWB_OPT_STRING, &track, "TEXT", false,
         "only those that ask for this track ('': any)"},
        {0, "running", SWB_OPT_STRING, &versions, "VERSIONS", false,
         "only those that run one of these: 1.2, 1.2.*, 1.2..1.4, with commas between ('': any)"},
        {0, "tag", SWB_OPT_STRING, &tag, "NAME", false,
         "only those that have this tag, see 'device' ('': any)"},
        {'m', "machine", SWB_OPT_LIST, &add, "ID", false,
         "only listed machines: add this one to the list"},
        {0, "machines-file", SWB_OPT_STRING, &machines_file, "FILE", false,
         "the same for a file with one machine id a line"},
        {0, "remove-machine", SWB_OPT_LIST, &drop, "ID", false, "take a machine off the list"},
        {0, "any-machine", SWB_OPT_FLAG, &any_machine, NULL, false,
         "no longer only listed machines"},
        {0, "time-zone", SWB_OPT_STRING, &time_zone, "NAME", false,
         "of these devices, for a rollout's hours ('': the rollout's)"},
        {0, "pin", SWB_OPT_STRING, &pin, "PREFIX", false,
         "only versions that begin so ('': all), as if the devices asked for it"},
        {0, "position", SWB_OPT_U64, &position, "N", false,
         "place in the order in which groups are asked (default: the last)"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

static const char *machines_of(const json_t *group, char *text)
{
        if (!client_bool(group, "only_machines"))
                return "any";
        (void)snprintf(text, LIST_CELL_MAX, "%zu listed",
                       json_array_size(json_object_get(group, "machines")));
        return text;
}

static int run_list(char **args, struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"POSITION", "position"},
                {"GROUP", "name"},
                {"CHANNEL", "channel", "none"},
                {"MACHINES", .cell = machines_of},
                {"HARDWARE CLASS", "hardware_class", "any"},
                {"BOARD", "board", "any"},
                {"TRACK", "track", "any"},
                {"RUNNING", "versions", "any"},
                {"TAG", "tag", "any"},
                {0},
        };
        const struct list list = {.request = {.method = "GET", .path = "groups", .app = appid},
                                  .cursor = "after",
                                  .limit = UINT64_MAX,
                                  .columns = columns,
                                  .as_json = as_json};

        (void)args;
        return list_print(&list, err);
}

/* Always as JSON: it has a list inside. */
static int run_show(char **args, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("groups", args[0], NULL);
        struct client_request request = {.method = "GET", .path = path, .app = appid};

        return client_show(&request, true, NULL, err);
}

static int set_rules(json_t *body, struct swb_error *err)
{
        const struct {
                const char *name, *value;
        } texts[] = {{"hardware_class", hardware_class},
                     {"board", board},
                     {"track", track},
                     {"time_zone", time_zone},
                     {"pin", pin},
                     {"versions", versions},
                     {"tag", tag}};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < SWB_ELEMENTS(texts); i++)
                r = client_set_text(body, texts[i].name, texts[i].value, err);
        if (r >= 0 && channel && strcmp(channel, "none") == 0)
                r = json_object_set_new(body, "channel", json_null()) < 0 ? swb_oom(err) : 0;
        else if (r >= 0)
                r = client_set_text(body, "channel", channel, err);
        if (r >= 0)
                r = client_set_number(body, "position", position, err);
        if (r >= 0 && (any_machine || machines_file) &&
            json_object_set_new(body, "only_machines", json_boolean(!any_machine)) < 0)
                r = swb_oom(err);
        if (r >= 0)
                r = client_set_texts(body, "add_machines", &add, err);
        return r < 0 ? r : client_set_texts(body, "remove_machines", &drop, err);
}

static int put(const char *name, json_t *body, struct client_answer *answer, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("groups", name, NULL);
        struct client_request request = {.method = "PUT", .path = path, .app = appid, .body = body};

        return client_call(&request, answer, err);
}

/* Some lines of the file. Return: 1 when there may be more. */
static int add_some(const char *name, char **rest, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        _cleanup_(client_json_done) json_t *body = json_pack("{s:[]}", "add_machines");
        json_t *list = json_object_get(body, "add_machines");
        char *line;
        int r;

        while (json_array_size(list) < MACHINES_AT_ONCE && (line = strsep(rest, "\r\n")))
                if (*line && json_array_append_new(list, json_string(line)) < 0)
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "not UTF-8");
        r = json_array_size(list) > 0 ? put(name, body, &answer, err) : 0;
        return r < 0 ? r : *rest != NULL;
}

static int add_file(const char *name, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(MACHINES_FILE_MAX_BYTES);
        char *rest;
        int r;

        r = swb_read_file(machines_file, &text, err);
        if (r >= 0 && swb_buf_append(&text, "", 1) < 0)
                r = swb_oom(err);
        rest = (char *)text.data;
        while (r >= 0 && (r = add_some(name, &rest, err)) > 0)
                ;
        return r < 0 ? swb_wrap(err, r, "'%s'", machines_file) : 0;
}

static int run_set(char **args, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        _cleanup_(client_json_done) json_t *body = json_object();
        int r;

        r = set_rules(body, err);
        if (r >= 0)
                r = put(args[0], body, &answer, err);
        if (r >= 0 && machines_file)
                r = add_file(args[0], err);
        if (r < 0)
                return r;
        (void)printf("group %s: channel %s\n", args[0],
                     client_text_or(answer.json, "channel", "none"));
        return SWB_EXIT_OK;
}

static int run_remove(char **args, struct swb_error *err)
{
        return client_remove("groups", appid, args[0], err);
}

int cmd_group(int n_args, char **args, struct swb_error *err)
{
        static const struct client_action actions[] = {
                {"list", 0, run_list},
                {"show", 1, run_show},
                {"set", 1, run_set},
                {"remove", 1, run_remove},
                {0},
        };

        return client_run_action(actions, n_args, args, err);
}
