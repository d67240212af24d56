/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/text.h"
#include "bin/swb-policy-sim/sim.h"
#include "device/sim/tally.h"
#include "os/file.h"

#define PLOT_BYTES_MAX (8u << 20)

static uint64_t sum(const uint32_t *values, size_t first, size_t n)
{
        uint64_t total = 0;

        for (size_t i = first; i < first + n; i++)
                total += values[i];
        return total;
}

static double percent(uint64_t part, uint64_t whole)
{
        return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void print_days(const struct swb_sim_tally *t)
{
        uint64_t n_updated = 0;

        (void)printf("%4s %10s %10s %10s %10s %10s %10s %8s\n", "day", "checks", "found",
                     "downloads", "installed", "reboots", "updated", "of all");
        for (size_t day = 0; day < t->n_hours / 24; day++) {
                uint64_t updated = sum(t->updated, day * 24, 24);

                n_updated += updated;
                (void)printf("%4zu %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
                             " %10" PRIu64 " %10" PRIu64 " %6.1f %%\n",
                             day, sum(t->events[SWB_SIM_CHECK], day * 24, 24),
                             sum(t->events[SWB_SIM_FOUND], day * 24, 24),
                             sum(t->events[SWB_SIM_DOWNLOAD], day * 24, 24),
                             sum(t->events[SWB_SIM_INSTALLED], day * 24, 24),
                             sum(t->events[SWB_SIM_REBOOT], day * 24, 24), updated,
                             percent(n_updated, t->fleet->n_devices));
        }
}

static void print_milestones(const struct swb_sim_tally *t)
{
        static const unsigned marks[] = {50, 90, 99, 100};

        (void)printf("\nAfter the release so many devices were updated within\n");
        for (size_t i = 0; i < SWB_ELEMENTS(marks); i++) {
                uint64_t hours = swb_sim_hours_until(t, marks[i]);

                if (hours == UINT64_MAX)
                        (void)printf("%6u %%  not in this time\n", marks[i]);
                else
                        (void)printf("%6u %%  %" PRIu64 " d %" PRIu64 " h\n", marks[i], hours / 24,
                                     hours % 24);
        }
}

static void print_load(const struct swb_sim_tally *t)
{
        char bytes[SWB_SIZE_TEXT];
        uint32_t most = 0;
        size_t when = 0;

        for (size_t i = 0; i < t->n_minutes; i++)
                if (t->checks[i] > most) {
                        most = t->checks[i];
                        when = i;
                }
        (void)printf("\nThe server sent %s of payloads. Its busiest minute had %" PRIu32
                     " checks (day %zu, %02zu:%02zu UTC).\n",
                     swb_format_size(t->n_bytes, bytes), most, when / 1440, when / 60 % 24,
                     when % 60);
}

static void print_group(const struct swb_sim_share *share, const char *name)
{
        (void)printf("  %-20s %" PRIu64 " of %" PRIu64 " updated\n", name, share->n_updated,
                     share->n);
        for (int gate = 0; gate < _SWB_GATE_MAX; gate++)
                for (int rule = 0; rule < _SWB_RULE_MAX; rule++) {
                        uint64_t n = share->held[gate][rule];

                        if (n == 0)
                                continue;
                        if (rule == SWB_RULE_NOTHING)
                                (void)printf("    %10" PRIu64
                                             "  never held up, but not done in time, or never "
                                             "asked the server\n",
                                             n);
                        else
                                (void)printf("    %10" PRIu64 "  last held up before %s, by %s\n",
                                             n, swb_gate_to_string((enum swb_gate)gate),
                                             swb_rule_to_string((enum swb_rule)rule));
                }
}

static int save_plot(const struct swb_sim_tally *tally, const char *path, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(PLOT_BYTES_MAX);
        int r = swb_sim_plot(tally, &buf);

        if (r < 0)
                return swb_fail_errno(err, r, "draw");
        return swb_write_file_durable(path, buf.data, buf.n_bytes, 0644, err);
}

int sim_run(const struct sim_options *options, const char *path, struct swb_error *err)
{
        _cleanup_(swb_sim_fleet_freep) struct swb_sim_fleet *fleet = NULL;
        _cleanup_(swb_sim_tally_freep) struct swb_sim_tally *tally = NULL;
        int r;

        r = swb_sim_fleet_load(path, &fleet, err);
        if (r < 0)
                return r;
        if (options->n_devices > 10000000 || options->n_days > 366)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE,
                                "at most 10000000 devices and 366 days");
        fleet->n_devices = options->n_devices > 0 ? options->n_devices : fleet->n_devices;
        fleet->n_days = options->n_days > 0 ? options->n_days : fleet->n_days;
        fleet->seed = options->seed > 0 ? options->seed : fleet->seed;
        r = swb_sim_tally(fleet, &tally, err);
        if (r < 0)
                return r;
        print_days(tally);
        print_milestones(tally);
        print_load(tally);
        (void)printf("\n");
        for (size_t g = 0; g < fleet->n_groups; g++)
                print_group(&tally->shares[g], fleet->groups[g].name);
        if (fflush(stdout) != 0)
                return swb_fail_errno(err, errno, "write to standard output");
        r = options->plot[0] ? save_plot(tally, options->plot, err) : 0;
        return r < 0 ? r : SWB_EXIT_OK;
}
