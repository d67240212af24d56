/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/rollout/bucket.h - where a device stands in the order in which a rollout reaches them
 *
 * Pure. A device's bucket depends on its id and the rollout's salt alone: it never changes, and who
 * is in at 1 % is in at 10 %. Another salt shuffles the fleet anew, so that it is not the same
 * devices that go first each time.
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_BUCKETS 1000000u /* so that a bucket is a share in parts per million */

struct swb_siphash_key {
        uint64_t k[2];
};

/* SipHash-2-4 of a text. */
uint64_t swb_siphash(const struct swb_siphash_key *key, const char *text);
/* The key that stands for a salt. */
struct swb_siphash_key swb_bucket_key(const char *salt);
/* 0 … SWB_BUCKETS - 1 */
uint32_t swb_bucket(const struct swb_siphash_key *key, const char *machineid);
