/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-pack/eta.h"

#include <inttypes.h>

/* What is said earlier is mostly wrong. */
#define QUIET_SEC 5.0
/* The pace of so long ago counts half; of longer ago, if a stage takes so long already. */
#define FADE_SEC 30.0
/* What is shown goes half of the way to a new estimate in this time. */
#define SMOOTH_SEC 5.0
/* A last job that takes longer than it should goes on for one part in this many of its time. */
#define OVERDUE_SHARE 8

static double seconds(uint64_t from_usec, uint64_t to_usec)
{
        return to_usec > from_usec ? (double)(to_usec - from_usec) / 1e6 : 0;
}

static unsigned share_of(const struct swb_eta *eta, const char *name)
{
        for (const struct swb_eta_stage *s = eta->stages; s && s->name; s++)
                if (strcmp(s->name, name) == 0)
                        return s->share;
        return 0;
}

/* Of the stages behind this one. */
static unsigned share_after(const struct swb_eta *eta, const char *name)
{
        bool is_behind = false;
        unsigned share = 0;

        for (const struct swb_eta_stage *s = eta->stages; s && s->name; s++) {
                if (is_behind)
                        share += s->share;
                is_behind = is_behind || strcmp(s->name, name) == 0;
        }
        return share;
}

/* A stage that comes again at once, for another partition, has its share counted once. */
static void begin_stage(struct swb_eta *eta, const char *stage, uint64_t now_usec)
{
        if (!eta->started) {
                *eta = (struct swb_eta){.stages = eta->stages,
                                        .begin_usec = now_usec,
                                        .started = true,
                                        .shown_sec = -1};
        } else {
                eta->other_sec += seconds(eta->stage_usec, now_usec);
                if (strcmp(eta->stage, stage) != 0)
                        eta->other_share += share_of(eta, eta->stage);
        }
        (void)snprintf(eta->stage, sizeof(eta->stage), "%s", stage);
        eta->stage_usec = eta->last_usec = eta->learned_usec = now_usec;
        eta->fraction = eta->recent = eta->recent_sec = 0;
}

/* Work is reported job by job: the time of a job counts when it is done. */
static void learn(struct swb_eta *eta, double fraction, uint64_t now_usec)
{
        double fade = SWB_MAX(FADE_SEC, seconds(eta->stage_usec, now_usec));
        double passed = seconds(eta->learned_usec, now_usec);
        double keep = fade / (fade + passed);

        if (fraction <= eta->fraction)
                return;
        eta->recent = eta->recent * keep + (fraction - eta->fraction);
        eta->recent_sec = eta->recent_sec * keep + passed;
        eta->fraction = fraction;
        eta->learned_usec = now_usec;
}

/* Of this stage and those behind it; < 0: unknown. */
static double estimate(const struct swb_eta *eta, uint64_t now_usec)
{
        unsigned share = share_of(eta, eta->stage), after = share_after(eta, eta->stage);
        double waiting = seconds(eta->learned_usec, now_usec), left, whole;

        if (eta->recent <= 0 || eta->recent_sec <= 0 || after > share + eta->other_share)
                return -1;
        if (eta->stages && share == 0) /* nobody knows what comes behind it */
                return -1;
        left = (1 - eta->fraction) * eta->recent_sec / eta->recent - waiting;
        left = SWB_MAX(left, waiting / OVERDUE_SHARE);
        whole = eta->other_sec + seconds(eta->stage_usec, now_usec) + left;
        if (share + eta->other_share > 0)
                left += whole * after / (share + eta->other_share);
        return left;
}

/* Between what was said, less the time since, and what is thought now. */
static void smooth(struct swb_eta *eta, double now, double passed)
{
        double said = SWB_MAX(eta->shown_sec - passed, 0.0);

        if (eta->shown_sec < 0)
                said = now;
        eta->shown_sec = said + (now - said) * passed / (SMOOTH_SEC + passed);
}

uint64_t swb_eta_next(struct swb_eta *eta, const char *stage, uint64_t done, uint64_t total,
                      uint64_t now_usec)
{
        double fraction = total > 0 ? (double)SWB_MIN(done, total) / (double)total : 1;
        double passed, now;

        if (!eta->started || strcmp(eta->stage, stage) != 0 || fraction < eta->fraction)
                begin_stage(eta, stage, now_usec);
        passed = seconds(eta->last_usec, now_usec);
        eta->last_usec = SWB_MAX(eta->last_usec, now_usec);
        learn(eta, fraction, now_usec);
        now = estimate(eta, now_usec);
        if (now < 0 || seconds(eta->begin_usec, now_usec) < QUIET_SEC)
                return SWB_ETA_UNKNOWN;
        smooth(eta, now, passed);
        if (fraction >= 1 && share_after(eta, stage) == 0)
                return SWB_ETA_UNKNOWN;
        return (uint64_t)(eta->shown_sec + 0.5);
}

const char *swb_eta_format(uint64_t seconds, char text[static SWB_ETA_TEXT])
{
        if (seconds >= 3600)
                (void)snprintf(text, SWB_ETA_TEXT, "%" PRIu64 " h %u min", seconds / 3600,
                               (unsigned)(seconds % 3600 / 60));
        else if (seconds >= 60)
                (void)snprintf(text, SWB_ETA_TEXT, "%u min %u s", (unsigned)(seconds / 60),
                               (unsigned)(seconds % 60));
        else
                (void)snprintf(text, SWB_ETA_TEXT, "%u s", (unsigned)seconds);
        return text;
}
