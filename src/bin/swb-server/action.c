/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/server.h"
#include "os/file.h"

static const struct server_action *find(const struct server_action *actions, const char *name)
{
        for (; actions->name; actions++)
                if (strcmp(actions->name, name) == 0)
                        return actions;
        return NULL;
}

const char *server_store(void)
{
        return server_options.store ? server_options.store : server_options.data;
}

int server_open_db(enum swb_db_mode mode, struct swb_db **ret, struct swb_error *err)
{
        return swb_db_open(server_store(), mode, ret, err);
}

int server_run_action(const struct server_action *actions, int n_args, char **args,
                      enum swb_db_mode mode, struct swb_error *err)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        const struct server_action *action = find(actions, args[0]);
        int r;

        if (!action)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' is not known", args[0]);
        if (n_args - 1 != action->n_args)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' takes %s", args[0],
                                action->n_args ? "one name" : "no further argument");
        r = server_open_db(mode, &db, err);
        return r < 0 ? r : action->run(db, args + 1, err);
}

int client_run_action(const struct client_action *actions, int n_args, char **args,
                      struct swb_error *err)
{
        for (; actions->name; actions++) {
                if (strcmp(actions->name, args[0]) != 0)
                        continue;
                if (n_args - 1 != actions->n_args)
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' takes %s", args[0],
                                        actions->n_args ? "one name" : "no further argument");
                return actions->run(args + 1, err);
        }
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' is not known", args[0]);
}

int server_flush(struct swb_buf *buf, struct swb_error *err)
{
        int r = swb_write_all(STDOUT_FILENO, "standard output", buf->data, buf->n_bytes, err);

        swb_buf_reset(buf);
        return r;
}

int server_finish_json(struct swb_json *json, int r, struct swb_error *err)
{
        if (r < 0)
                return r;
        r = swb_json_end(json);
        if (r < 0)
                return swb_fail_errno(err, r, "write JSON");
        return server_flush(json->buf, err);
}
