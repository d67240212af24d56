/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog from the database: one read transaction, list by list. */
#include "server/catalog/load.h"

#include "server/store/egress.h"

static int add_app(const struct swb_app *row, void *userdata, struct swb_error *err)
{
        struct swb_load *load = userdata;
        struct swb_catalog_app *app = swb_load_append(load, sizeof(*app));
        struct swb_load_text texts[] = {{&app->appid, row->appid},
                                        {&app->default_channel, row->default_channel}};

        if (!app)
                return swb_oom(err);
        app->id = row->id;
        app->hash_form = row->hash_form;
        return swb_load_keep(load, texts, SWB_ELEMENTS(texts), err);
}

static int load_apps(struct swb_db *db, struct swb_catalog *catalog, struct swb_error *err)
{
        _cleanup_(swb_load_done) struct swb_load load = {
                .db = db, .pool = catalog->pool, .catalog = catalog};
        struct swb_egress egress;
        int r;

        r = swb_db_number(db, "SELECT generation FROM catalog", &catalog->generation, err);
        if (r >= 0)
                r = swb_egress_read(db, &egress, err);
        catalog->has_egress_cap = r >= 0 && swb_egress_has_cap(&egress);
        if (r >= 0)
                r = swb_load_mirrors(db, catalog, err);
        if (r >= 0)
                r = swb_app_list(db, add_app, &load, err);
        if (r >= 0)
                r = swb_load_settle(&load, sizeof(struct swb_catalog_app), &catalog->apps,
                                    &catalog->n_apps, err);
        for (size_t i = 0; r >= 0 && i < catalog->n_apps; i++) {
                r = swb_load_releases(&load, &catalog->apps[i], err);
                if (r >= 0)
                        r = swb_load_stones(&load, &catalog->apps[i], err);
                if (r >= 0)
                        r = swb_load_rollouts(&load, &catalog->apps[i], err);
                if (r >= 0)
                        r = swb_load_channels(&load, &catalog->apps[i], err);
                if (r >= 0)
                        r = swb_load_groups(&load, &catalog->apps[i], err);
                if (r >= 0)
                        r = swb_load_share_mirrors(&load, &catalog->apps[i], err);
        }
        return r;
}

int swb_catalog_load(struct swb_db *db, struct swb_catalog **ret, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = calloc(1, sizeof(*catalog));
        int r;

        if (!catalog)
                return swb_oom(err);
        catalog->n_refs = 1;
        catalog->pool = swb_pool_new();
        if (!catalog->pool)
                return swb_oom(err);
        r = swb_transaction_begin_read(&t, db, err);
        if (r >= 0)
                r = load_apps(db, catalog, err);
        if (r < 0)
                return swb_wrap(err, r, "read the catalog");
        *ret = SWB_TAKE_PTR(catalog);
        return 0;
}
