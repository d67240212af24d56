/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/store/postgresql_url.h - is a store's name the URL of a PostgreSQL database? */
#include <stdbool.h>
#include <string.h>

static inline bool swb_is_postgresql_url(const char *store)
{
        return strncmp(store, "postgresql://", 13) == 0 || strncmp(store, "postgres://", 11) == 0;
}
