/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/select/nearest.h - which mirrors a device is told of
 */
#include "server/select/select.h"

struct swb_nearest_query {
        const struct swb_catalog_app *app;
        const struct swb_catalog_group *group; /* NULL: it belongs to none */
        const struct swb_omaha_app *words;     /* of the device */
        const char *machineid;
        const char *address; /* ""; then no network has it */
};

/* In the order of positions. Borrowed from the catalog; returns how many, at most n_max. */
size_t swb_select_nearest(const struct swb_nearest_query *q, const struct swb_catalog_mirror **ret,
                          size_t n_max);
