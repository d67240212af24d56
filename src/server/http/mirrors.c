/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/mirrors.h"

#include <arpa/inet.h>

#include "base/text.h"

#define IPV4_PREFIX_BITS 96

/* ret_is_ipv4 tells what a length of the network counts from. */
static bool read_address(const char *text, uint8_t *bytes, bool *ret_is_ipv4)
{
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

        *ret_is_ipv4 = inet_pton(AF_INET, text, bytes + 12) == 1;
        if (*ret_is_ipv4)
                memcpy(bytes, mapped, sizeof(mapped));
        return *ret_is_ipv4 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool same_network(const uint8_t *a, const uint8_t *b, unsigned n_bits)
{
        unsigned whole = n_bits / 8, rest = n_bits % 8;

        if (memcmp(a, b, whole) != 0)
                return false;
        return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

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
        char network[64], *slash;
        uint64_t n_bits = 128;
        bool is_ipv4;

        if (mirrors->n == SWB_MIRRORS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE, "at most %d mirrors",
                                SWB_MIRRORS_MAX);
        if (!equals || (size_t)(equals - text) >= sizeof(network))
                return bad(text, err);
        (void)snprintf(network, sizeof(network), "%.*s", (int)(equals - text), text);
        slash = strchr(network, '/');
        if (slash)
                *slash++ = '\0';
        if (!read_address(network, mirror->network, &is_ipv4) ||
            (slash && swb_parse_u64(slash, &n_bits) < 0))
                return bad(text, err);
        if (slash && is_ipv4)
                n_bits = n_bits > 32 ? UINT64_MAX : n_bits + IPV4_PREFIX_BITS;
        if (n_bits > 128 ||
            (!swb_starts_with(equals + 1, "http://") && !swb_starts_with(equals + 1, "https://")))
                return bad(text, err);
        mirror->n_bits = (unsigned)n_bits;
        mirror->url = equals + 1;
        mirrors->n++;
        return 0;
}

size_t swb_mirrors_of(const struct swb_mirrors *mirrors, const char *address, const char **urls,
                      size_t n_max)
{
        uint8_t bytes[16];
        bool is_ipv4;
        size_t n = 0;

        if (!read_address(address, bytes, &is_ipv4))
                return 0;
        for (size_t i = 0; i < mirrors->n && n < n_max; i++)
                if (same_network(bytes, mirrors->list[i].network, mirrors->list[i].n_bits))
                        urls[n++] = mirrors->list[i].url;
        return n;
}
