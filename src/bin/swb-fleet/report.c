/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-fleet/report.h"

#include <inttypes.h>

struct reading {
        const char *before, *after;
        size_t n_different;
};

static void compare(struct reading *reading, const char *what, uint64_t ours, uint64_t theirs)
{
        (void)printf("%-40s %10" PRIu64 " %10" PRIu64 "%s\n", what, ours, theirs,
                     ours == theirs ? "" : "  differs");
        reading->n_different += ours != theirs;
}

static uint64_t grown(const struct reading *reading, const char *name, const char *label)
{
        const char *const labels[] = {label, NULL};

        return swb_crowd_metric(reading->after, name, labels) -
               swb_crowd_metric(reading->before, name, labels);
}

static uint64_t of_rollouts(const struct reading *reading, const char *version, const char *state)
{
        char release[SWB_CROWD_VERSION_TEXT + 16], label[40];
        const char *const labels[] = {release, label, NULL};

        (void)snprintf(release, sizeof(release), "release=\"%s\"", version);
        (void)snprintf(label, sizeof(label), "state=\"%s\"", state);
        return swb_crowd_metric(reading->after, "swb_rollout_devices", labels);
}

/* Only a rollout counts by release. */
static void compare_outcome(struct reading *reading, const struct swb_crowd_outcome *o)
{
        uint64_t ended = o->ok + o->failed + o->fell_back;
        uint64_t under_way = of_rollouts(reading, o->version, "under-way") +
                             of_rollouts(reading, o->version, "silent");
        uint64_t ok = of_rollouts(reading, o->version, "ok");
        uint64_t failed = of_rollouts(reading, o->version, "failed");
        uint64_t fell_back = of_rollouts(reading, o->version, "fell-back");

        if (under_way + ok + failed + fell_back == 0) {
                (void)printf("release %s: %" PRIu64 " offered, %" PRIu64 " ok, %" PRIu64
                             " failed, %" PRIu64 " fell back, %" PRIu64
                             " fell silent; no rollout counts it\n",
                             o->version, o->offered, o->ok, o->failed, o->fell_back, o->silent);
                return;
        }
        (void)printf("release %s (%" PRIu64 " devices fell silent)\n", o->version, o->silent);
        compare(reading, "  admitted", o->offered, under_way + ok + failed + fell_back);
        compare(reading, "  ok", o->ok, ok);
        compare(reading, "  failed", o->failed, failed);
        compare(reading, "  fell back", o->fell_back, fell_back);
        compare(reading, "  under way or silent", o->offered - ended, under_way);
}

size_t report_print(const struct swb_crowd_truth *truth, const char *before, const char *after)
{
        struct reading reading = {.before = before, .after = after};

        (void)printf("%-40s %10s %10s\n", "", "devices", "server");
        compare(&reading, "checks", truth->checks, grown(&reading, "swb_checks_total", ""));
        compare(&reading, "updates offered", truth->updates,
                grown(&reading, "swb_checks_total", "rule=\"update\""));
        compare(&reading, "events", truth->events, grown(&reading, "swb_events_total", ""));
        for (size_t i = 0; i < truth->n_outcomes; i++)
                compare_outcome(&reading, &truth->outcomes[i]);
        if (truth->errors > 0)
                (void)printf("%" PRIu64 " requests got no good answer\n", truth->errors);
        return reading.n_different;
}
