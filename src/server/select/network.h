/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/select/network.h - networks of addresses, IPv4 and IPv6
 */
#include <stdint.h>

#include "base/error.h"

struct swb_network {
        uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
        unsigned n_bits;
};

/* "10.0.0.0/8", "fd00::/8", or one address. USAGE. */
int swb_network_parse(const char *text, struct swb_network *ret,
                      struct swb_error *err) _warn_unused_;
/* What is no address is in none. */
bool swb_network_has(const struct swb_network *network, const char *address);
