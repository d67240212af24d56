/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-pack/processors.h - how many threads to work with */
#include <stdint.h>

#include "base/error.h"

/* What --jobs said; 0: one a processor that this process may use. USAGE above 256. */
int swb_choose_threads(uint64_t jobs, unsigned *ret, struct swb_error *err) _warn_unused_;
