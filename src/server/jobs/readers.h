/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/jobs/readers.h - what the devices that run a version can apply, counted
 *
 * By what they said at their last check (docs/spec/omaha.md OM-31). Of a fleet that says more
 * different things than SWB_READERS_MAX the most frequent ones count.
 */
#include "omaha/abilities.h"
#include "server/store/db.h"

#define SWB_READERS_MAX 64
#define SWB_READERS_DELTAS_MAX 16

struct swb_readers {
        struct {
                char text[SWB_ABILITIES_TEXT_MAX];
                uint64_t n_devices;
        } kinds[SWB_READERS_MAX];
        size_t n;
};

/* What the deltas that are there already ask for. */
struct swb_readers_deltas {
        struct swb_demands demands[SWB_READERS_DELTAS_MAX];
        char encoders[SWB_READERS_DELTAS_MAX][SWB_ABILITIES_TEXT_MAX];
        size_t n;
};

int swb_readers_load(struct swb_db *db, int64_t app, const char *version, struct swb_readers *ret,
                     struct swb_error *err) _warn_unused_;
/* Devices that could apply a delta of this minor version that asks for no encoders. */
uint64_t swb_readers_of_minor(const struct swb_readers *readers, uint32_t minor);
/* Those of them that can apply none of the deltas that are there. */
uint64_t swb_readers_left(const struct swb_readers *readers, uint32_t minor,
                          const struct swb_readers_deltas *deltas);
