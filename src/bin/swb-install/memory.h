/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swb-install/memory.h - what opened contents may take of this machine
 */
#include <stdint.h>

#include "bin/swb-install/install.h"

/* Of wanted_bytes for opened contents, so much that the whole program stays below half of a machine
 * with machine_bytes; SWB_OPEN_MEMORY_BYTES if it is wanted, whatever the machine has. */
uint64_t memory_that_fits(uint64_t wanted_bytes, uint64_t machine_bytes);
/* The limit for the whole program, of which open_bytes are for opened contents. */
uint64_t memory_limit_for(uint64_t open_bytes);

/*
 * Lowers open_memory to what this machine has, and warns if it must; sets memory_limit if it was
 * left open. USAGE: above SWB_OPEN_MEMORY_MAX.
 */
int memory_settle(struct install_options *options, struct swb_error *err) _warn_unused_;
