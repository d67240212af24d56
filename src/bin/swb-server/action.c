/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/server.h"

const char *server_store(void)
{
        return server_options.store ? server_options.store : server_options.data;
}

int server_open_db(enum swb_db_mode mode, struct swb_db **ret, struct swb_error *err)
{
        return swb_db_open(server_store(), mode, ret, err);
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
