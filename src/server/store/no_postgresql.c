/* SPDX-License-Identifier: Apache-2.0 */
/* In place of postgresql.c in a build without it: such a store is refused with words. */
#include "server/store/db_ops.h"
#include "server/store/postgresql_url.h"

static int open_none(const char *store, enum swb_db_mode mode, struct swb_db **ret,
                     struct swb_error *err)
{
        (void)store;
        (void)mode;
        (void)ret;
        return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                        "this swb-server was built without PostgreSQL (-Dpostgresql=false)");
}

const struct swb_db_ops swb_postgresql_ops = {
        .is_mine = swb_is_postgresql_url,
        .open = open_none,
};
