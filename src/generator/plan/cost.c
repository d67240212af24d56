/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/cost.h"

/* Microseconds a block, measured on a Debian system's update and on a browser of 300 MB. */
#define COPY_USEC 4u       /* read and hashed */
#define SORT_USEC 290u     /* a block of the source into the suffix array */
#define SWDIFF_USEC 800u   /* searched, packed by several codecs: from nothing to six times that */
#define BSDIFF_USEC 600u   /* searched, packed by bzip2 and a quick brotli */
#define PACK_ONE_USEC 900u /* zstd alone, as in a full payload of ours */
#define PACK_BOTH_USEC 2300u /* zstd and xz */
#define PACK_COMMON_USEC 1700u

static uint64_t pack_usec(const struct swb_rules *rules)
{
        if (!rules->zstd)
                return PACK_COMMON_USEC;
        return rules->delta || rules->pieces ? PACK_BOTH_USEC : PACK_ONE_USEC;
}

uint64_t swb_task_cost(const struct swb_rules *rules, const struct swb_task *task)
{
        uint64_t src = task->src.n_blocks, dst = task->dst.n_blocks;

        if (task->n_opened_new > 0) {
                src = task->n_opened_old / SWB_BLOCK_BYTES;
                dst = task->n_opened_new / SWB_BLOCK_BYTES;
        }
        switch (task->kind) {
        case SWB_TASK_ZERO:
                break;
        case SWB_TASK_COPY:
                return 1 + src * COPY_USEC;
        case SWB_TASK_DIFF:
                return 1 + src * SORT_USEC + dst * (rules->swdiff ? SWDIFF_USEC : BSDIFF_USEC);
        case SWB_TASK_REPLACE:
                return 1 + dst * pack_usec(rules);
        }
        return 1;
}
