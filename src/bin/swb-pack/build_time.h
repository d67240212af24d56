/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-pack/build_time.h - the time of a build: --timestamp, else SOURCE_DATE_EPOCH */
#include <stdint.h>

#include "base/error.h"

/* option: seconds, 0: not given. With neither: now if that is allowed, else USAGE. */
int swb_build_time(uint64_t option, bool allow_now, int64_t *ret,
                   struct swb_error *err) _warn_unused_;
