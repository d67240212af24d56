/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/rollout/zone.h - local time in any time zone, for several at once
 *
 * libc knows one zone per process; this reads the zone's own file (TZif version 2 or 3, RFC 8536).
 * Beyond the file's last transition its rule for the future counts, if it is of the form that all
 * of today's zones have (Mm.w.d), else the last transition.
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_ZONE_FOLDER "/usr/share/zoneinfo"
#define SWB_ZONE_NAME_MAX 64

struct swb_zone;

/* "Europe/Berlin"; "" or "UTC" is UTC and needs no file. NOT_FOUND, USAGE not a name of one,
 * FORMAT a file that is damaged. */
int swb_zone_load(const char *name, struct swb_zone **ret, struct swb_error *err) _warn_unused_;
/* The same from a file's bytes. */
int swb_zone_parse(const void *data, size_t n_bytes, struct swb_zone **ret,
                   struct swb_error *err) _warn_unused_;
struct swb_zone *swb_zone_free(struct swb_zone *zone);
SWB_DEFINE_CLEANUP(struct swb_zone *, swb_zone_free)

/* Seconds to add to UTC. zone NULL: UTC. */
int32_t swb_zone_offset(const struct swb_zone *zone, int64_t unix_seconds);
