/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/http/mirrors.h - folders of payloads that are nearer to some devices
 */
#include "server/select/network.h"

#define SWB_MIRRORS_MAX 64

struct swb_mirrors {
        struct swb_mirror {
                struct swb_network network;
                const char *url; /* borrowed */
        } list[SWB_MIRRORS_MAX];
        size_t n;
};

/* "10.0.0.0/8=http://mirror.lan/payloads/"; one address without a length. USAGE. */
int swb_mirrors_add(struct swb_mirrors *mirrors, const char *text,
                    struct swb_error *err) _warn_unused_;
/* URLs of the mirrors whose network holds the address, in the order in which they were added.
 * Returns how many, at most n_max. */
size_t swb_mirrors_of(const struct swb_mirrors *mirrors, const char *address, const char **urls,
                      size_t n_max);
