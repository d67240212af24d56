/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/catalog.h"

#include "omaha/common.h"
#include "server/catalog/pool.h"

struct swb_catalog *swb_catalog_ref(struct swb_catalog *catalog)
{
        (void)__atomic_add_fetch(&catalog->n_refs, 1, __ATOMIC_RELAXED);
        return catalog;
}

struct swb_catalog *swb_catalog_unref(struct swb_catalog *catalog)
{
        if (!catalog || __atomic_sub_fetch(&catalog->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
                return NULL;
        for (size_t i = 0; i < catalog->n_zones; i++)
                (void)swb_zone_free(catalog->zones[i]);
        (void)swb_pool_free(catalog->pool);
        free(catalog);
        return NULL;
}

static int compare_app(const void *key, const void *element)
{
        return strcmp(key, ((const struct swb_catalog_app *)element)->appid);
}

const struct swb_catalog_app *swb_catalog_app(const struct swb_catalog *catalog, const char *appid)
{
        char text[SWB_APPID_MAX + 1];

        if (catalog->n_apps == 0 || swb_omaha_appid_normalize(appid, text, sizeof(text)) < 0)
                return NULL;
        return bsearch(text, catalog->apps, catalog->n_apps, sizeof(*catalog->apps), compare_app);
}

static int compare_channel(const void *key, const void *element)
{
        return strcmp(key, ((const struct swb_catalog_channel *)element)->name);
}

const struct swb_catalog_channel *swb_catalog_channel(const struct swb_catalog_app *app,
                                                      const char *name)
{
        if (app->n_channels == 0)
                return NULL;
        return bsearch(name, app->channels, app->n_channels, sizeof(*app->channels),
                       compare_channel);
}

static int compare_payload(const void *key, const void *element)
{
        return strcmp(key, ((const struct swb_catalog_payload *)element)->source_version);
}

const struct swb_catalog_payload *swb_catalog_payloads(const struct swb_catalog_release *release,
                                                       const char *source_version, size_t *ret_n)
{
        const struct swb_catalog_payload *end = release->payloads + release->n_payloads, *found;
        size_t n = 1;

        *ret_n = 0;
        if (release->n_payloads == 0)
                return NULL;
        found = bsearch(source_version, release->payloads, release->n_payloads,
                        sizeof(*release->payloads), compare_payload);
        if (!found)
                return NULL;
        while (found > release->payloads && compare_payload(source_version, found - 1) == 0)
                found--;
        while (found + n < end && compare_payload(source_version, found + n) == 0)
                n++;
        *ret_n = n;
        return found;
}

static int compare_machine(const void *key, const void *element)
{
        return strcmp(key, *(const char *const *)element);
}

bool swb_catalog_group_has_machine(const struct swb_catalog_group *group, const char *machineid)
{
        return group->n_machines > 0 && bsearch(machineid, group->machines, group->n_machines,
                                                sizeof(*group->machines), compare_machine);
}

bool swb_catalog_group_has_tagged(const struct swb_catalog_group *group, const char *machineid)
{
        return group->n_tagged > 0 && bsearch(machineid, group->tagged, group->n_tagged,
                                              sizeof(*group->tagged), compare_machine);
}

bool swb_catalog_list_has(const struct swb_catalog_list *list, const char *text)
{
        return list->n > 0 &&
               bsearch(text, list->texts, list->n, sizeof(*list->texts), compare_machine);
}

bool swb_catalog_is_blocked(const struct swb_catalog_release *release, const char *hardware_class)
{
        return release->n_blocked > 0 &&
               bsearch(hardware_class, release->blocked, release->n_blocked,
                       sizeof(*release->blocked), compare_machine);
}

static const struct swb_catalog_payload *named_in_app(const struct swb_catalog_app *app,
                                                      const char *name)
{
        for (size_t i = 0; i < app->n_releases; i++)
                for (size_t k = 0; k < app->releases[i].n_payloads; k++) {
                        const struct swb_catalog_payload *payload = &app->releases[i].payloads[k];

                        if (strcmp(payload->sha256, name) == 0 || strcmp(payload->name, name) == 0)
                                return payload;
                }
        return NULL;
}

const struct swb_catalog_payload *swb_catalog_payload_named(const struct swb_catalog *catalog,
                                                            const char *name)
{
        for (size_t i = 0; i < catalog->n_apps; i++) {
                const struct swb_catalog_payload *payload = named_in_app(&catalog->apps[i], name);

                if (payload)
                        return payload;
        }
        return NULL;
}
