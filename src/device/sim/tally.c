/* SPDX-License-Identifier: Apache-2.0 */
#include "device/sim/tally.h"

#define SECOND UINT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define INHIBITED_USEC (24 * HOUR) /* who inhibits by windows does not say for how long */

/* A device among its surroundings. */
struct member {
        const struct swb_sim_group *group;
        const struct swb_config *config;
        struct swb_sim_tally *tally;
};

static bool is_in(const struct member *m, const struct swb_windows *windows, uint64_t now,
                  uint64_t *change)
{
        struct swb_opening opening = swb_calendar_look(windows, &m->group->zone, now);

        if (opening.change_usec != UINT64_MAX)
                *change = SWB_MIN(*change, now + opening.change_usec);
        return opening.is_open;
}

static uint64_t look(void *context, uint64_t now, const struct swb_deadline *deadline,
                     struct swb_policy_facts *ret)
{
        const struct member *m = context;
        uint64_t change = UINT64_MAX, end = UINT64_MAX;
        uint64_t longest = SWB_MIN(INHIBITED_USEC, m->config->policy.max_inhibit_usec);

        (void)deadline;
        ret->load_percent = is_in(m, &m->group->busy, now, &change) ? 100 : 0;
        ret->network =
                is_in(m, &m->group->metered, now, &change) ? SWB_NETWORK_METERED : SWB_NETWORK_FREE;
        ret->on_battery = is_in(m, &m->group->battery, now, &change);
        ret->battery_percent = 1;
        if (is_in(m, &m->group->inhibit, now, &end))
                ret->inhibitors[ret->n_inhibitors++] = (struct swb_inhibitor){
                        "user", "busy", SWB_GATE_BIT(SWB_GATE_REBOOT),
                        SWB_MIN(longest, end == UINT64_MAX ? longest : end - now)};
        return SWB_MIN(change, end);
}

static void happened(void *context, enum swb_sim_event event, uint64_t wall_usec)
{
        struct member *m = context;
        uint64_t since = wall_usec - m->tally->fleet->start_usec;

        m->tally->events[event][since / HOUR]++;
        if (event == SWB_SIM_CHECK)
                m->tally->checks[since / MINUTE]++;
}

static void count(struct swb_sim_tally *tally, const struct swb_sim_outcome *outcome,
                  struct swb_sim_share *share)
{
        share->n++;
        tally->n_bytes += outcome->n_bytes;
        if (!outcome->is_updated) {
                share->held[outcome->gate][outcome->rule]++;
                return;
        }
        share->n_updated++;
        tally->n_updated++;
        tally->updated[(outcome->updated_usec - tally->fleet->start_usec) / HOUR]++;
}

/* Devices are dealt to the groups in turn, by their shares. */
static size_t group_of(const struct swb_sim_fleet *fleet, uint64_t i)
{
        uint64_t total = 0, place;
        size_t g = 0;

        for (size_t k = 0; k < fleet->n_groups; k++)
                total += fleet->groups[k].share;
        for (place = i % total; place >= fleet->groups[g].share; g++)
                place -= fleet->groups[g].share;
        return g;
}

static int live(struct swb_sim_tally *tally, uint64_t i, struct swb_error *err)
{
        const struct swb_sim_fleet *fleet = tally->fleet;
        size_t g = group_of(fleet, i);
        const struct swb_sim_group *group = &fleet->groups[g];
        struct member member = {group, fleet->config, tally};
        struct swb_sim_watch watch = {.happened = happened, .context = &member};
        uint64_t seed = fleet->seed + i * UINT64_C(0x9e3779b97f4a7c15);
        struct swb_sim_device device = {
                .config = fleet->config,
                .zone = &group->zone,
                .on = &group->on,
                .surroundings = {look, &member},
                /* Half as fast to half as fast again. */
                .rate_bytes =
                        SWB_MAX(group->rate_bytes / 2 + swb_sim_draw(&seed) % group->rate_bytes,
                                UINT64_C(1)),
                .takes_delta = swb_sim_draw(&seed) % 100 < group->delta_percent,
                .has_no_clock = group->has_no_clock,
                .failure_percent = (unsigned)group->failure_percent,
        };
        struct swb_sim_outcome outcome;
        int r;

        device.seed = swb_sim_draw(&seed);
        r = swb_sim_live(&device, &fleet->release, fleet->start_usec,
                         fleet->start_usec + fleet->n_days * 24 * HOUR, &watch, &outcome, err);
        if (r >= 0)
                count(tally, &outcome, &tally->shares[g]);
        return r;
}

static int make_room(struct swb_sim_tally *tally, struct swb_error *err)
{
        bool is_full = true;

        tally->n_hours = (size_t)tally->fleet->n_days * 24;
        tally->n_minutes = tally->n_hours * 60;
        for (int i = 0; i < _SWB_SIM_EVENT_MAX; i++) {
                tally->events[i] = calloc(tally->n_hours, sizeof(uint32_t));
                is_full = is_full && tally->events[i];
        }
        tally->checks = calloc(tally->n_minutes, sizeof(uint32_t));
        tally->updated = calloc(tally->n_hours, sizeof(uint32_t));
        return is_full && tally->checks && tally->updated ? 0 : swb_oom(err);
}

int swb_sim_tally(const struct swb_sim_fleet *fleet, struct swb_sim_tally **ret,
                  struct swb_error *err)
{
        _cleanup_(swb_sim_tally_freep) struct swb_sim_tally *tally = calloc(1, sizeof(*tally));
        int r;

        if (!tally)
                return swb_oom(err);
        tally->fleet = fleet;
        r = make_room(tally, err);
        for (uint64_t i = 0; i < fleet->n_devices && r >= 0; i++)
                r = live(tally, i, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(tally);
        return 0;
}

struct swb_sim_tally *swb_sim_tally_free(struct swb_sim_tally *tally)
{
        if (!tally)
                return NULL;
        for (int i = 0; i < _SWB_SIM_EVENT_MAX; i++)
                free(tally->events[i]);
        free(tally->checks);
        free(tally->updated);
        free(tally);
        return NULL;
}

uint64_t swb_sim_hours_until(const struct swb_sim_tally *tally, unsigned percent)
{
        uint64_t release = (tally->fleet->release.wall_usec - tally->fleet->start_usec) / HOUR;
        uint64_t want = (tally->fleet->n_devices * percent + 99) / 100, n = 0;

        for (size_t h = 0; h < tally->n_hours; h++) {
                n += tally->updated[h];
                if (n >= want)
                        return h - SWB_MIN(release, (uint64_t)h) + 1;
        }
        return UINT64_MAX;
}
