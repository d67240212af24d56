/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"
#include "os/file.h"
#include "server/report/report.h"
#include "server/rollout/zone.h"

#define MACHINES_FILE_MAX_BYTES (64u << 20)

static const char *appid, *channel, *hardware_class, *board, *track, *machines_file, *time_zone,
        *pin;
static struct swb_opt_list add, drop;
static uint64_t position;
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

/* For the callbacks of lists. */
struct listing {
        struct swb_db *db;
        struct swb_json json;
        struct table table;
};

static int add_json(const struct swb_group *group, void *userdata, struct swb_error *err)
{
        struct listing *listing = userdata;

        return swb_json_group(&listing->json, listing->db, group, err);
}

static int count(const char *machineid, void *userdata, struct swb_error *err)
{
        (void)machineid;
        (void)err;
        (*(size_t *)userdata)++;
        return 0;
}

static int add_row(const struct swb_group *group, void *userdata, struct swb_error *err)
{
        struct listing *listing = userdata;
        char place[24], machines[24] = "any";
        size_t n = 0;
        int r;

        r = swb_group_machine_list(listing->db, group->id, count, &n, err);
        if (r < 0)
                return r;
        (void)snprintf(place, sizeof(place), "%" PRId64, group->position);
        if (group->has_machines)
                (void)snprintf(machines, sizeof(machines), "%zu listed", n);
        table_row(&listing->table, place, group->name, *group->channel ? group->channel : "none",
                  machines, *group->hardware_class ? group->hardware_class : "any",
                  *group->board ? group->board : "any", *group->track ? group->track : "any", NULL);
        return 0;
}

static int run_list(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SERVER_JSON_MAX_BYTES);
        struct listing listing = {.db = db, .json = SWB_JSON(&buf, true)};
        struct swb_app app;
        int r;

        (void)args;
        r = swb_app_find(db, appid, &app, err);
        if (r < 0)
                return r;
        if (as_json) {
                swb_json_open_array(&listing.json, NULL);
                r = swb_group_list(db, app.id, add_json, &listing, err);
                swb_json_close_array(&listing.json);
                return server_finish_json(&listing.json, r, err);
        }
        table_init(&listing.table, "POSITION", "GROUP", "CHANNEL", "MACHINES", "HARDWARE CLASS",
                   "BOARD", "TRACK", NULL);
        r = swb_group_list(db, app.id, add_row, &listing, err);
        return table_finish(&listing.table, r, err);
}

/* Always as JSON: it has a list inside. */
static int run_show(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SERVER_JSON_MAX_BYTES);
        struct swb_json json = SWB_JSON(&buf, true);
        struct swb_group group;
        struct swb_app app;
        int r;

        r = swb_app_find(db, appid, &app, err);
        if (r >= 0)
                r = swb_group_find(db, app.id, args[0], &group, err);
        if (r >= 0)
                r = swb_json_group(&json, db, &group, err);
        return server_finish_json(&json, r, err);
}

static int set_rule(char *rule, size_t size, const char *value, const char *option,
                    struct swb_error *err)
{
        if (!value)
                return 0;
        if (strlen(value) >= size)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE, "option --%s: longer than %zu bytes",
                                option, size - 1);
        swb_copy_bounded(rule, value, size - 1);
        return 0;
}

static int set_time_zone(struct swb_group *group, struct swb_error *err)
{
        _cleanup_(swb_zone_freep) struct swb_zone *zone = NULL;
        int r;

        if (!time_zone)
                return 0;
        r = swb_zone_load(time_zone, &zone, err);
        if (r < 0)
                return swb_wrap(err, r, "option --time-zone");
        return set_rule(group->time_zone, sizeof(group->time_zone), time_zone, "time-zone", err);
}

/* Options that were not given leave a group that exists as it is. */
static int apply_options(struct swb_group *group, struct swb_error *err)
{
        int r = 0;

        if (channel)
                r = set_rule(group->channel, sizeof(group->channel),
                             strcmp(channel, "none") == 0 ? "" : channel, "channel", err);
        if (r >= 0)
                r = set_rule(group->hardware_class, sizeof(group->hardware_class), hardware_class,
                             "hardware-class", err);
        if (r >= 0)
                r = set_rule(group->board, sizeof(group->board), board, "board", err);
        if (r >= 0)
                r = set_rule(group->track, sizeof(group->track), track, "track", err);
        if (r >= 0)
                r = set_rule(group->pin, sizeof(group->pin), pin, "pin", err);
        if (r >= 0)
                r = set_time_zone(group, err);
        if (r < 0)
                return r;
        group->position = (int64_t)SWB_MIN(position, (uint64_t)INT32_MAX);
        if (add.n > 0 || machines_file)
                group->has_machines = true;
        if (any_machine)
                group->has_machines = false;
        return 0;
}

static int add_from_file(struct swb_db *db, int64_t group, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(MACHINES_FILE_MAX_BYTES);
        char *rest, *line;
        int r;

        r = swb_read_file(machines_file, &text, err);
        if (r >= 0 && swb_buf_append(&text, "", 1) < 0)
                r = swb_oom(err);
        rest = (char *)text.data;
        while (r >= 0 && (line = strsep(&rest, "\r\n")))
                if (*line)
                        r = swb_group_add_machine(db, group, line, err);
        return r < 0 ? swb_wrap(err, r, "'%s'", machines_file) : 0;
}

static int change_machines(struct swb_db *db, int64_t group, struct swb_error *err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < add.n; i++)
                r = swb_group_add_machine(db, group, add.items[i], err);
        if (r >= 0 && machines_file)
                r = add_from_file(db, group, err);
        for (size_t i = 0; r >= 0 && i < drop.n; i++)
                r = swb_group_remove_machine(db, group, drop.items[i], err);
        return r;
}

static int run_set(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        struct swb_error absent = SWB_ERROR_INIT;
        struct swb_group group = {0};
        struct swb_app app;
        int r;

        r = swb_app_find(db, appid, &app, err);
        if (r >= 0)
                r = swb_transaction_begin(&t, db, err);
        if (r < 0)
                return r;
        if (swb_group_find(db, app.id, args[0], &group, &absent) < 0) {
                if (!channel)
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "a new group needs a --channel, or --channel=none");
                r = swb_name_check("group", args[0], err);
                swb_copy_bounded(group.name, args[0], SWB_NAME_MAX);
        }
        if (r >= 0)
                r = apply_options(&group, err);
        if (r >= 0)
                r = swb_group_put(db, app.id, &group, err);
        if (r >= 0)
                r = change_machines(db, group.id, err);
        if (r >= 0)
                r = swb_transaction_commit_catalog(&t, err);
        if (r < 0)
                return r;
        (void)printf("group %s: channel %s\n", group.name, *group.channel ? group.channel : "none");
        return SWB_EXIT_OK;
}

static int run_remove(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        struct swb_group group;
        struct swb_app app;
        int r;

        r = swb_transaction_begin(&t, db, err);
        if (r >= 0)
                r = swb_app_find(db, appid, &app, err);
        if (r >= 0)
                r = swb_group_find(db, app.id, args[0], &group, err);
        if (r >= 0)
                r = swb_group_remove(db, &group, err);
        if (r >= 0)
                r = swb_transaction_commit_catalog(&t, err);
        if (r < 0)
                return r;
        (void)printf("removed group %s\n", group.name);
        return SWB_EXIT_OK;
}

int cmd_group(int n_args, char **args, struct swb_error *err)
{
        static const struct server_action actions[] = {
                {"list", 0, run_list},
                {"show", 1, run_show},
                {"set", 1, run_set},
                {"remove", 1, run_remove},
                {0},
        };

        return server_run_action(actions, n_args, args, SWB_DB_EXISTING, err);
}
