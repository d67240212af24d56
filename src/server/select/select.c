/* SPDX-License-Identifier: Apache-2.0 */
#include "server/select/select.h"

#include "base/text.h"

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
};

const char *swb_select_outcome_to_string(enum swb_select_outcome outcome)
{
        return (unsigned)outcome < _SWB_SELECT_MAX ? names[outcome] : "unknown";
}

bool swb_select_is_refusal(enum swb_select_outcome outcome)
{
        return outcome != SWB_SELECT_UPDATE && outcome != SWB_SELECT_UP_TO_DATE;
}

static bool rule_matches(const char *rule, const char *value)
{
        return !*rule || strcmp(rule, value) == 0;
}

static const struct swb_catalog_group *find_group(const struct swb_catalog_app *catalog_app,
                                                  const struct swb_omaha_app *app,
                                                  const char *machineid)
{
        for (size_t i = 0; i < catalog_app->n_groups; i++) {
                const struct swb_catalog_group *group = &catalog_app->groups[i];

                if (rule_matches(group->hardware_class, app->hardware_class) &&
                    rule_matches(group->board, app->board) &&
                    rule_matches(group->track, app->track) &&
                    (!group->has_machines || swb_catalog_group_has_machine(group, machineid)))
                        return group;
        }
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

static enum swb_select_outcome choose_channel(const struct swb_omaha_app *app,
                                              const char *machineid, struct swb_decision *d)
{
        d->group = find_group(d->app, app, machineid);
        if (d->group && !*d->group->channel)
                return SWB_SELECT_HELD;
        d->channel = channel_of_track(d->app, d->group ? d->group->channel : app->track);
        if (!d->channel)
                return SWB_SELECT_UNKNOWN_CHANNEL;
        return d->channel->release ? SWB_SELECT_UPDATE : SWB_SELECT_EMPTY_CHANNEL;
}

static enum swb_select_outcome choose_release(const struct swb_omaha_app *app,
                                              struct swb_decision *d)
{
        const struct swb_omaha_update_check *check = &app->update_check;
        int order;

        d->release = find_release(d->channel, check->targetversionprefix);
        if (!d->release)
                return SWB_SELECT_PREFIX;
        order = swb_version_compare(app->version, d->release->version);
        if (order == 0 && !check->sameversionupdate)
                return SWB_SELECT_UP_TO_DATE;
        if (order > 0 && !(check->rollback_allowed && *check->targetversionprefix))
                return SWB_SELECT_AHEAD;
        d->rollback = order > 0;
        return check->updatedisabled ? SWB_SELECT_DISABLED : SWB_SELECT_UPDATE;
}

static enum swb_select_outcome choose_payload(const struct swb_omaha_app *app,
                                              struct swb_decision *d)
{
        /* Not for the same version: that is a repair, of a slot that may be what is broken. */
        if (app->delta_okay && *app->version && strcmp(app->version, d->release->version) != 0)
                d->payload = swb_catalog_payload(d->release, app->version);
        if (!d->payload)
                d->payload = swb_catalog_payload(d->release, "");
        return d->payload ? SWB_SELECT_UPDATE : SWB_SELECT_NO_PAYLOAD;
}

void swb_select(const struct swb_catalog *catalog, const struct swb_omaha_app *app,
                const char *machineid, struct swb_decision *ret)
{
        *ret = (struct swb_decision){.app = swb_catalog_app(catalog, app->appid)};
        ret->outcome = ret->app ? choose_channel(app, machineid, ret) : SWB_SELECT_UNKNOWN_APP;
        if (ret->outcome == SWB_SELECT_UPDATE)
                ret->outcome = choose_release(app, ret);
        if (ret->outcome == SWB_SELECT_UPDATE)
                ret->outcome = choose_payload(app, ret);
}
