/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-pack/processors.h"

#include <sched.h>

#define JOBS_MAX 256u

static unsigned n_processors(void)
{
        cpu_set_t set;

        if (sched_getaffinity(0, sizeof(set), &set) < 0)
                return 1;
        return (unsigned)SWB_MAX(CPU_COUNT(&set), 1);
}

int swb_choose_threads(uint64_t jobs, unsigned *ret, struct swb_error *err)
{
        if (jobs > JOBS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE, "option --jobs: more than %u",
                                JOBS_MAX);
        *ret = jobs ? (unsigned)jobs : n_processors();
        return 0;
}
