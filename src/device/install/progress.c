/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/job.h"

/* Share of the whole that applying takes in the percentage; the rest is the read-back. */
#define APPLY_PERCENT 90u
/* Of this, if there is one, the search for pieces. */
#define SEARCH_PERCENT 10u

static unsigned share(uint64_t done, uint64_t total, unsigned percent)
{
        if (total == 0)
                return 0;
        return (unsigned)((double)SWB_MIN(done, total) / (double)total * percent);
}

static unsigned get_percent(const struct swb_installer *installer)
{
        const struct swb_install_progress *p = &installer->progress;
        unsigned apply = APPLY_PERCENT - (installer->to_search > 0 ? SEARCH_PERCENT : 0);
        unsigned searched = 0;

        if (installer->complete)
                return APPLY_PERCENT +
                       share(p->stage_bytes_done, p->stage_bytes_total, 100 - APPLY_PERCENT);
        if (installer->to_search > 0)
                searched = share(installer->searched, installer->to_search, SEARCH_PERCENT);
        /* One measures the download, the other the work: both go from 0 to the end. */
        return searched + (share(p->payload_bytes_done, p->payload_bytes_total, apply) +
                           share(installer->now.written, installer->totals.target_bytes, apply)) /
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

void swb_job_notice(const struct swb_installer *installer, const char *what,
                    const struct swb_error *err)
{
        char text[SWB_ERROR_TEXT_MAX + 128];

        if (!installer->config.notice)
                return;
        (void)snprintf(text, sizeof(text), "%s: %s", what, err->text);
        installer->config.notice(installer->config.context, text);
}
