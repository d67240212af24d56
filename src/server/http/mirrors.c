/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/mirrors.h"

#include "base/text.h"

static int bad(const char *text, struct swb_error *err)
{
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                        "'%.120s' is not NETWORK=URL, as 10.0.0.0/8=http://mirror.lan/payloads/",
                        text);
}

int swb_mirrors_add(struct swb_mirrors *mirrors, const char *text, struct swb_error *err)
{
        struct swb_mirror *mirror = &mirrors->list[mirrors->n];
        const char *equals = strchr(text, '=');
        char network[64];

        if (mirrors->n == SWB_MIRRORS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE, "at most %d mirrors",
                                SWB_MIRRORS_MAX);
        if (!equals || (size_t)(equals - text) >= sizeof(network))
                return bad(text, err);
        (void)snprintf(network, sizeof(network), "%.*s", (int)(equals - text), text);
        if (swb_network_parse(network, &mirror->network, err) < 0 ||
            (!swb_starts_with(equals + 1, "http://") && !swb_starts_with(equals + 1, "https://")))
                return bad(text, err);
        mirror->url = equals + 1;
        mirrors->n++;
        return 0;
}

size_t swb_mirrors_of(const struct swb_mirrors *mirrors, const char *address, const char **urls,
                      size_t n_max)
{
        size_t n = 0;

        for (size_t i = 0; i < mirrors->n && n < n_max; i++)
                if (swb_network_has(&mirrors->list[i].network, address))
                        urls[n++] = mirrors->list[i].url;
        return n;
}
