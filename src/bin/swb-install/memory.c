/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-install/memory.h"

#include <inttypes.h>
#include <sys/sysinfo.h>

#include "base/log.h"
#include "open/wrapper.h"

/* Of the whole program, as long as nobody gives more to opened contents than by default. */
#define LIMIT_BYTES ((uint64_t)64 << 20)

uint64_t memory_limit_for(uint64_t open_bytes)
{
        return LIMIT_BYTES + swb_open_extra(open_bytes);
}

uint64_t memory_that_fits(uint64_t wanted_bytes, uint64_t machine_bytes)
{
        uint64_t half = SWB_MAX(machine_bytes / 2, LIMIT_BYTES);

        return SWB_MIN(wanted_bytes, half - LIMIT_BYTES + SWB_OPEN_MEMORY_BYTES);
}

/* 0: not known. */
static uint64_t machine_bytes(void)
{
        struct sysinfo info;

        return sysinfo(&info) < 0 ? 0 : (uint64_t)info.totalram * info.mem_unit;
}

int memory_settle(struct install_options *options, struct swb_error *err)
{
        uint64_t machine = machine_bytes(), fits = memory_that_fits(options->open_memory, machine);

        if (options->open_memory > SWB_OPEN_MEMORY_MAX)
                return swb_fail(err, -ERANGE, SWB_FAULT_USAGE,
                                "option --open-memory: at most %" PRIu64 "M",
                                SWB_OPEN_MEMORY_MAX >> 20);
        if (fits < options->open_memory)
                swb_log(SWB_LOG_WARNING,
                        "of %" PRIu64 " MiB for opened contents only %" PRIu64
                        " are given: this machine has %" PRIu64
                        " MiB of memory, and an install takes less than half of it",
                        options->open_memory >> 20, fits >> 20, machine >> 20);
        options->open_memory = fits;
        if (options->memory_limit == INSTALL_LIMIT_UNSET)
                options->memory_limit = memory_limit_for(fits);
        return 0;
}
