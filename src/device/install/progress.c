/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/job.h"

/* Share of the whole that applying takes in the percentage; the rest is the read-back. */
#define APPLY_PERCENT 90u

static unsigned share(uint64_t done, uint64_t total, unsigned percent)
{
        if (total == 0)
                return 0;
        return (unsigned)((double)SWB_MIN(done, total) / (double)total * percent);
}

static unsigned get_percent(const struct swb_installer *installer)
{
        const struct swb_install_progress *p = &installer->progress;

        if (installer->complete)
                return APPLY_PERCENT +
                       share(p->stage_bytes_done, p->stage_bytes_total, 100 - APPLY_PERCENT);
        /* One measures the download, the other the work: both go from 0 to the end. */
        return (share(p->payload_bytes_done, p->payload_bytes_total, APPLY_PERCENT) +
                share(installer->now.written, installer->totals.target_bytes, APPLY_PERCENT)) /
               2;
}

void swb_job_report(struct swb_installer *installer, const char *stage)
{
        struct swb_install_progress *p = &installer->progress;

        p->stage = stage;
        p->payload_bytes_done = installer->now.offset;
        p->payload_bytes_total = installer->manifest ? installer->totals.payload_bytes
                                                     : installer->config.payload_bytes;
        p->operations_done = installer->safe.operation;
        p->operations_total = installer->totals.operations;
        p->percent = SWB_MAX(p->percent, get_percent(installer));
        if (installer->config.progress)
                installer->config.progress(installer->config.context, p);
}
