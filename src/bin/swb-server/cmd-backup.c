/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "bin/swb-server/server.h"
#include "server/store/backup.h"

static struct swb_backup_options options;

const struct swb_opt cmd_backup_options[] = {
        {0, "payloads", SWB_OPT_FLAG, &options.with_payloads, NULL, false,
         "into a folder, with the payloads: linked, or copied to another file system"},
        {0},
};

int cmd_backup(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        struct swb_backup_result result;
        char size[SWB_SIZE_TEXT];
        int r;

        (void)n_args;
        if (server_options.server)
                return swb_fail(err, -ENOTSUP, SWB_FAULT_UNSUPPORTED,
                                "backup works on the data folder: run it on the server's host");
        options.data = server_options.data;
        options.to = args[0];
        r = server_open_db(SWB_DB_AS_IS, &db, err);
        if (r >= 0)
                r = swb_backup(db, &options, &result, err);
        if (r < 0)
                return r;
        (void)printf("copied the database, %s", swb_format_size(result.n_bytes, size));
        if (options.with_payloads)
                (void)printf(", and %llu payloads", (unsigned long long)result.n_payloads);
        (void)printf(" to '%s'\n", args[0]);
        return SWB_EXIT_OK;
}
