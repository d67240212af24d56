/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/load.h"

static int add_mirror(const struct swb_mirror_rule *rule, void *userdata, struct swb_error *err)
{
        struct swb_load *load = userdata;
        struct swb_catalog_mirror *mirror = swb_load_append(load, sizeof(*mirror));
        struct swb_load_text texts[] = {{&mirror->name, rule->name},
                                        {&mirror->value, rule->value},
                                        {&mirror->url, rule->url}};

        if (!mirror)
                return swb_oom(err);
        mirror->kind = rule->kind;
        if (rule->kind == SWB_MIRROR_NETWORK) {
                load->catalog->needs_addresses = true;
                if (swb_network_parse(rule->value, &mirror->network, NULL) < 0)
                        mirror->kind = _SWB_MIRROR_INVALID; /* for nobody */
        }
        return swb_load_keep(load, texts, SWB_ELEMENTS(texts), err);
}

int swb_load_mirrors(struct swb_db *db, struct swb_catalog *catalog, struct swb_error *err)
{
        _cleanup_(swb_load_done) struct swb_load load = {
                .db = db, .pool = catalog->pool, .catalog = catalog};
        int r = swb_mirror_list(db, add_mirror, &load, err);

        return r < 0 ? r
                     : swb_load_settle(&load, sizeof(struct swb_catalog_mirror), &catalog->mirrors,
                                       &catalog->n_mirrors, err);
}

int swb_load_share_mirrors(const struct swb_load *outer, struct swb_catalog_app *app,
                           struct swb_error *err)
{
        const struct swb_catalog *catalog = outer->catalog;
        int r = 0;

        app->mirrors = catalog->mirrors;
        app->n_mirrors = catalog->n_mirrors;
        app->mirror_tagged =
                swb_pool_alloc(outer->pool, app->n_mirrors, sizeof(*app->mirror_tagged));
        if (!app->mirror_tagged)
                return swb_oom(err);
        for (size_t i = 0; r >= 0 && i < app->n_mirrors; i++)
                if (app->mirrors[i].kind == SWB_MIRROR_TAG)
                        r = swb_load_tagged(outer, app->id, app->mirrors[i].value,
                                            &app->mirror_tagged[i], err);
        return r;
}
