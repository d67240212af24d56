/* SPDX-License-Identifier: Apache-2.0 */
#include "server/select/select.h"

#include "base/text.h"
#include "server/select/versions.h"

static const char *const names[] = {
        [SWB_SELECT_UPDATE] = "update",
        [SWB_SELECT_UP_TO_DATE] = "up-to-date",
        [SWB_SELECT_UNKNOWN_APP] = "unknown-app",
        [SWB_SELECT_UNKNOWN_CHANNEL] = "unknown-channel",
        [SWB_SELECT_HELD] = "held-by-group",
        [SWB_SELECT_EMPTY_CHANNEL] = "channel-has-no-release",
        [SWB_SELECT_DISABLED] = "updates-disabled-by-device",
        [SWB_SELECT_AHEAD] = "device-is-ahead-of-channel",
        [SWB_SELECT_PREFIX] = "no-release-with-this-prefix",
        [SWB_SELECT_NO_PAYLOAD] = "no-payload-for-this-device",
        [SWB_SELECT_BLOCKED] = "release-is-blocked-for-this-hardware",
        [SWB_SELECT_ROLLOUT] = "held-by-rollout",
        [SWB_SELECT_EGRESS] = "egress-cap",
};

const char *swb_select_outcome_to_string(enum swb_select_outcome outcome)
{
        return (unsigned)outcome < _SWB_SELECT_MAX ? names[outcome] : "unknown";
}

static bool rule_matches(const char *rule, const char *value)
{
        return !*rule || strcmp(rule, value) == 0;
}

bool swb_group_fits(const struct swb_catalog_group *group, const struct swb_omaha_app *app,
                    const char *machineid)
{
        return rule_matches(group->hardware_class, app->hardware_class) &&
               rule_matches(group->board, app->board) && rule_matches(group->track, app->track) &&
               swb_versions_fit(group->versions, app->version) &&
               (!*group->tag || swb_catalog_group_has_tagged(group, machineid)) &&
               (!group->has_machines || swb_catalog_group_has_machine(group, machineid));
}

static const struct swb_catalog_group *find_group(const struct swb_catalog_app *catalog_app,
                                                  const struct swb_omaha_app *app,
                                                  const char *machineid)
{
        for (size_t i = 0; i < catalog_app->n_groups; i++)
                if (swb_group_fits(&catalog_app->groups[i], app, machineid))
                        return &catalog_app->groups[i];
        return NULL;
}

/* A Chrome OS device says "beta-channel" when it means beta. */
static const struct swb_catalog_channel *channel_of_track(const struct swb_catalog_app *app,
                                                          const char *track)
{
        static const char suffix[] = "-channel";
        const struct swb_catalog_channel *channel;
        char name[SWB_NAME_MAX + 1];
        size_t n = strlen(track);

        if (n == 0)
                return swb_catalog_channel(app, app->default_channel);
        channel = swb_catalog_channel(app, track);
        if (channel || !swb_ends_with(track, suffix) || n - strlen(suffix) > SWB_NAME_MAX)
                return channel;
        n -= strlen(suffix);
        memcpy(name, track, n);
        name[n] = '\0';
        return swb_catalog_channel(app, name);
}

/* The channel's release if it has the prefix, else the highest below it that the channel has
 * carried: what stands above it was withdrawn. */
static const struct swb_catalog_release *find_release(const struct swb_catalog_channel *channel,
                                                      const char *prefix)
{
        if (swb_omaha_version_has_prefix(channel->release->version, prefix))
                return channel->release;
        for (size_t i = 0; i < channel->n_carried; i++)
                if (swb_version_compare(channel->carried[i]->version, channel->release->version) <
                            0 &&
                    swb_omaha_version_has_prefix(channel->carried[i]->version, prefix))
                        return channel->carried[i];
        return NULL;
}

/* What the device asks for itself, else what its group is pinned to. */
static const char *prefix_of(const struct swb_select_query *q, const struct swb_decision *d)
{
        const char *prefix = q->app->update_check.targetversionprefix;

        return !*prefix && d->group ? d->group->pin : prefix;
}

/* OM-24: the next release on the way to `target`: a stone that must not be skipped, or itself. */
static const struct swb_catalog_release *next_step(const struct swb_select_query *q,
                                                   const struct swb_decision *d,
                                                   const struct swb_catalog_release *target)
{
        for (size_t i = 0; i < d->app->n_stones; i++)
                if (swb_version_compare(d->app->stones[i]->version, q->app->version) > 0 &&
                    swb_version_compare(d->app->stones[i]->version, target->version) < 0)
                        return d->app->stones[i];
        return target;
}

static enum swb_select_outcome choose_channel(const struct swb_select_query *q,
                                              struct swb_decision *d)
{
        d->group = find_group(d->app, q->app, q->machineid);
        if (d->group && !*d->group->channel)
                return SWB_SELECT_HELD;
        d->channel = channel_of_track(d->app, d->group ? d->group->channel : q->app->track);
        return d->channel ? SWB_SELECT_UPDATE : SWB_SELECT_UNKNOWN_CHANNEL;
}

static bool asks_for_more(const struct swb_demands *demands)
{
        return demands->minor > SWB_ABILITIES_MINOR_UNKNOWN || *demands->encoders;
}

/* OM-33: the best one that the device can apply. Who does not say what it reads may be a client of
 * others, so it rather gets what all read. */
static const struct swb_catalog_payload *choose_payload(const struct swb_select_query *q,
                                                        const struct swb_catalog_payload *payloads,
                                                        size_t n, struct swb_decision *d)
{
        const struct swb_catalog_payload *own = NULL;
        struct swb_abilities abilities;

        if (n == 1 && !asks_for_more(&payloads->demands))
                return payloads;
        swb_abilities_parse(q->app->reads, &abilities);
        for (size_t i = 0; i < n; i++) {
                const struct swb_demands *demands = &payloads[i].demands;
                bool fits = swb_abilities_lack(&abilities, demands) == SWB_LACK_NOTHING;

                if (fits && (abilities.is_told || demands->minor < SWB_ABILITIES_MINOR_OWN))
                        return &payloads[i];
                if (fits && !own)
                        own = &payloads[i];
                else if (!fits && !d->passed)
                        d->passed = &payloads[i];
        }
        return own;
}

static const struct swb_catalog_payload *find_payload(const struct swb_select_query *q,
                                                      const struct swb_catalog_release *release,
                                                      struct swb_decision *d)
{
        const struct swb_catalog_payload *payloads, *chosen = NULL;
        size_t n;

        /* Not for the same version: that is a repair, of a slot that may be what is broken. */
        if (q->app->delta_okay && *q->app->version &&
            strcmp(q->app->version, release->version) != 0) {
                payloads = swb_catalog_payloads(release, q->app->version, &n);
                chosen = choose_payload(q, payloads, n, d);
        }
        if (chosen)
                return chosen;
        payloads = swb_catalog_payloads(release, "", &n);
        return choose_payload(q, payloads, n, d);
}

static enum swb_select_outcome take_release(const struct swb_select_query *q,
                                            const struct swb_catalog_release *release,
                                            struct swb_decision *d)
{
        d->release = release;
        if (q->app->update_check.updatedisabled)
                return SWB_SELECT_DISABLED;
        if (swb_catalog_is_blocked(release, q->app->hardware_class))
                return SWB_SELECT_BLOCKED;
        d->passed = NULL;
        d->payload = find_payload(q, release, d);
        return d->payload ? SWB_SELECT_UPDATE : SWB_SELECT_NO_PAYLOAD;
}

/* What the channel gives where no rollout has a say. */
static enum swb_select_outcome choose_from_channel(const struct swb_select_query *q,
                                                   struct swb_decision *d)
{
        const struct swb_omaha_update_check *check = &q->app->update_check;
        const char *prefix = prefix_of(q, d);
        int order;

        if (!d->channel->release)
                return SWB_SELECT_EMPTY_CHANNEL;
        d->release = find_release(d->channel, prefix);
        if (!d->release)
                return SWB_SELECT_PREFIX;
        order = swb_version_compare(q->app->version, d->release->version);
        if (order == 0 && !check->sameversionupdate)
                return SWB_SELECT_UP_TO_DATE;
        if (order > 0 && !(check->rollback_allowed && *prefix))
                return SWB_SELECT_AHEAD;
        d->rollback = order > 0;
        return take_release(q, order < 0 ? next_step(q, d, d->release) : d->release, d);
}

/* Does the channel's rollout have something for this device, apart from whose turn it is? Then
 * ret_step is the release to take next. */
static bool has_candidate(const struct swb_select_query *q, const struct swb_decision *d,
                          const struct swb_catalog_release **ret_step)
{
        const struct swb_catalog_release *target = d->channel->rollout->release;
        const struct swb_catalog_release *base = d->channel->release;

        if (swb_version_compare(q->app->version, target->version) >= 0 ||
            !swb_omaha_version_has_prefix(target->version, prefix_of(q, d)) ||
            q->app->update_check.updatedisabled)
                return false;
        *ret_step = next_step(q, d, target);
        /* A stone that the channel's own release needs as well is no matter of the rollout. */
        return *ret_step == target || !base ||
               swb_version_compare((*ret_step)->version, base->version) > 0;
}

static bool is_within_hours(const struct swb_select_query *q, const struct swb_decision *d)
{
        const struct swb_catalog_rollout *rollout = d->channel->rollout;
        const struct swb_zone *zone = d->group && d->group->zone ? d->group->zone : rollout->zone;

        return rollout->hours.n == 0 ||
               swb_hours_contain(&rollout->hours, q->now + swb_zone_offset(zone, q->now));
}

static enum swb_hold ask_rollout(const struct swb_select_query *q, struct swb_decision *d)
{
        struct swb_rollout_ask ask = {.machineid = q->machineid,
                                      .hardware_class = q->app->hardware_class,
                                      .within_hours = is_within_hours(q, d),
                                      .now = q->now};

        if (!q->rollouts)
                return SWB_HOLD_PAUSED;
        d->admitted_at = q->now;
        if (q->only_look || q->hold)
                return swb_rollouts_peek(q->rollouts, d->rollout->id, &ask);
        return swb_rollouts_admit(q->rollouts, d->rollout->id, &ask, &d->taken, &d->admitted_at);
}

/* The rollout's release, if it is this device's turn. */
static bool choose_from_rollout(const struct swb_select_query *q, struct swb_decision *d)
{
        const struct swb_catalog_release *step;
        struct swb_decision attempt = *d;
        enum swb_select_outcome outcome;

        if (!d->channel->rollout || !has_candidate(q, d, &step))
                return false;
        attempt.rollout = d->channel->rollout;
        outcome = take_release(q, step, &attempt);
        if (outcome == SWB_SELECT_UPDATE)
                attempt.hold = ask_rollout(q, &attempt);
        else if (outcome == SWB_SELECT_BLOCKED)
                attempt.hold = SWB_HOLD_BLOCKED_CLASS;
        else
                return false; /* nothing of it fits this device */
        d->rollout = attempt.rollout;
        d->hold = attempt.hold;
        if (attempt.hold != SWB_HOLD_NONE)
                return false;
        *d = attempt;
        return true;
}

static enum swb_select_outcome choose(const struct swb_select_query *q, struct swb_decision *d)
{
        enum swb_select_outcome outcome;

        if (choose_from_rollout(q, d))
                return SWB_SELECT_UPDATE;
        /* It is there already. */
        if (d->channel->rollout && !q->app->update_check.sameversionupdate &&
            swb_version_compare(q->app->version, d->channel->rollout->release->version) == 0)
                return SWB_SELECT_UP_TO_DATE;
        outcome = choose_from_channel(q, d);
        if (outcome == SWB_SELECT_UPDATE || !d->rollout)
                return outcome;
        d->is_base_current = outcome == SWB_SELECT_UP_TO_DATE;
        return SWB_SELECT_ROLLOUT;
}

/* OM-26: a device that was given a release that was recalled since, and does not run it yet. */
static void check_recall(const struct swb_select_query *q, struct swb_decision *d)
{
        for (size_t i = 0; i < d->channel->n_recalled; i++) {
                const struct swb_catalog_rollout *recalled = d->channel->recalled[i];

                if (!q->rollouts ||
                    swb_version_compare(q->app->version, recalled->release->version) >= 0 ||
                    !swb_rollouts_is_pending(q->rollouts, recalled->id, q->machineid))
                        continue;
                d->recall = true;
                d->rollout = recalled;
                d->hold = SWB_HOLD_RECALLED;
                d->is_base_current = d->outcome == SWB_SELECT_UP_TO_DATE || d->is_base_current;
                d->outcome = SWB_SELECT_ROLLOUT;
                return;
        }
}

bool swb_decision_is_urgent(const struct swb_decision *decision)
{
        return decision->rollout && decision->hold == SWB_HOLD_NONE &&
               decision->rollout->priority == SWB_PRIORITY_HIGH;
}

static void hold_back(const struct swb_egress_hold *hold, struct swb_decision *d)
{
        d->outcome = SWB_SELECT_EGRESS;
        d->payload = d->passed = NULL;
        d->held_until = hold->until;
        d->is_day = hold->is_day;
}

void swb_select(const struct swb_select_query *q, struct swb_decision *ret)
{
        *ret = (struct swb_decision){.app = swb_catalog_app(q->catalog, q->app->appid)};
        ret->outcome = ret->app ? choose_channel(q, ret) : SWB_SELECT_UNKNOWN_APP;
        if (ret->outcome == SWB_SELECT_UPDATE)
                ret->outcome = choose(q, ret);
        if (ret->outcome != SWB_SELECT_UPDATE && ret->channel && ret->channel->n_recalled > 0)
                check_recall(q, ret);
        if (ret->outcome == SWB_SELECT_UPDATE && q->hold)
                hold_back(q->hold, ret);
}
