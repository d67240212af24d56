/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/test-folder.h - a data folder for one unit test: cmocka's setup and teardown */
#include <ftw.h>

#include "base/test.h"

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static int make_folder(void **state)
{
        char *path = strdup("/tmp/swb-test-server-XXXXXX");

        *state = path;
        return path && mkdtemp(path) ? 0 : -1;
}

static int remove_folder(void **state)
{
        int r = nftw(*state, remove_entry, 8, FTW_DEPTH | FTW_PHYS);

        free(*state);
        return r;
}
