/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/config/facts.h - what this device is and runs, read from the files that the configuration
 * names
 *
 * Read at start; none of it changes before the next boot.
 */
#include "device/config/config.h"

#define SWB_DEVICE_ID_MAX 128
#define SWB_DEVICE_VERSION_MAX 63 /* as in a payload's manifest */

struct swb_facts {
        char device_id[SWB_DEVICE_ID_MAX + 1]; /* first line of device-id-file */
        char version[SWB_DEVICE_VERSION_MAX +
                     1];        /* SWB_VERSION, else VERSION_ID, of release-file */
        enum swb_slot slot;     /* swb.slot= on the kernel's command line */
        uint64_t boot_contract; /* swb.boot=N (clause BS-5); 0: the boot loader left no marker */
};

/* Whom swb-fetch runs as: a name, a number if there is no such user ("nobody"), or "" for us. */
const char *swb_fetch_user(const struct swb_config *config);

/* CONFIG naming the file and what is missing in it; NOT_FOUND, DENIED, IO for the files themselves.
 */
int swb_facts_load(const struct swb_config *config, struct swb_facts *ret,
                   struct swb_error *err) _warn_unused_;
