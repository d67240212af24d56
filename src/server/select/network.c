/* SPDX-License-Identifier: Apache-2.0 */
#include "server/select/network.h"

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

int swb_network_parse(const char *text, struct swb_network *ret, struct swb_error *err)
{
        size_t n = strcspn(text, "/");
        struct swb_network network;
        uint64_t n_bits = 128;
        char address[64];
        bool is_ipv4;

        (void)snprintf(address, sizeof(address), "%.*s", (int)SWB_MIN(n, sizeof(address) - 1),
                       text);
        if (n >= sizeof(address) || !read_address(address, network.bytes, &is_ipv4) ||
            (text[n] && swb_parse_u64(text + n + 1, &n_bits) < 0))
                goto bad;
        if (text[n] && is_ipv4)
                n_bits = n_bits > 32 ? UINT64_MAX : n_bits + IPV4_PREFIX_BITS;
        if (n_bits > 128)
                goto bad;
        network.n_bits = (unsigned)n_bits;
        *ret = network;
        return 0;
bad:
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                        "'%.80s' is no network, as 10.0.0.0/8 or fd00::/8", text);
}

bool swb_network_has(const struct swb_network *network, const char *address)
{
        unsigned whole = network->n_bits / 8, rest = network->n_bits % 8;
        uint8_t bytes[16];
        bool is_ipv4;

        if (!read_address(address, bytes, &is_ipv4) || memcmp(bytes, network->bytes, whole) != 0)
                return false;
        return rest == 0 || (bytes[whole] ^ network->bytes[whole]) >> (8 - rest) == 0;
}
