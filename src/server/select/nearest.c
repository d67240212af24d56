/* SPDX-License-Identifier: Apache-2.0 */
#include "server/select/nearest.h"

static bool fits(const struct swb_nearest_query *q, size_t i)
{
        const struct swb_catalog_mirror *mirror = &q->app->mirrors[i];

        switch (mirror->kind) {
        case SWB_MIRROR_NETWORK:
                return swb_network_has(&mirror->network, q->address);
        case SWB_MIRROR_GROUP:
                return q->group && strcmp(q->group->name, mirror->value) == 0;
        case SWB_MIRROR_TAG:
                return swb_catalog_list_has(&q->app->mirror_tagged[i], q->machineid);
        case SWB_MIRROR_HARDWARE_CLASS:
                return strcmp(q->words->hardware_class, mirror->value) == 0;
        case _SWB_MIRROR_MAX:
        case _SWB_MIRROR_INVALID:
        default:
                return false;
        }
}

size_t swb_select_nearest(const struct swb_nearest_query *q, const struct swb_catalog_mirror **ret,
                          size_t n_max)
{
        size_t n = 0;

        for (size_t i = 0; i < q->app->n_mirrors && n < n_max; i++)
                if (fits(q, i))
                        ret[n++] = &q->app->mirrors[i];
        return n;
}
