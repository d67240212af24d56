/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/test-folder.h - a store for one unit test: cmocka's setup and teardown
 *
 * A data folder; or, when SWB_TEST_STORE names a PostgreSQL database, a schema of its own in that.
 */
#include <ftw.h>

#include "base/test.h"
#include "server/store/db.h"

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static bool is_in_folder(void)
{
        return !getenv("SWB_TEST_STORE");
}

static int make_schema(void **state)
{
        static int n_schemas;
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        const char *url = getenv("SWB_TEST_STORE");
        struct swb_error err = SWB_ERROR_INIT;
        char sql[64], *store;

        assert_ok(swb_db_open(url, SWB_DB_BARE, &db, &err), &err);
        (void)snprintf(sql, sizeof(sql), "CREATE SCHEMA u%d_%d", (int)getpid(), ++n_schemas);
        assert_ok(swb_db_exec(db, sql, &err), &err);
        if (asprintf(&store, "%s&options=-csearch_path%%3Du%d_%d", url, (int)getpid(), n_schemas) <
            0)
                return -1;
        *state = store;
        return 0;
}

static int make_folder(void **state)
{
        char *path;

        if (!is_in_folder())
                return make_schema(state);
        path = strdup("/tmp/swb-test-server-XXXXXX");
        *state = path;
        return path && mkdtemp(path) ? 0 : -1;
}

static int remove_folder(void **state)
{
        int r = is_in_folder() ? nftw(*state, remove_entry, 8, FTW_DEPTH | FTW_PHYS) : 0;

        free(*state);
        return r;
}
