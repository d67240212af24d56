/* SPDX-License-Identifier: Apache-2.0 */
/* Channels, and groups by their tracks. */
#include "base/text.h"
#include "server/import/internal.h"
#include "server/rollout/zone.h"
#include "server/store/channels.h"
#include "server/store/groups.h"

#define NOTE_MAX_BYTES 300

/* What Flatcar's first clients say as their track: the ids of the groups that Nebraska begins with.
 */
static const struct {
        const char *uuid;
        uint64_t arch;
} first_groups[] = {
        {"5b810680-e36a-4879-b98a-4f989e80b899", SWB_NEBRASKA_AMD64},   /* alpha */
        {"3fe10490-dd73-4b49-b72a-28ac19acfcdc", SWB_NEBRASKA_AMD64},   /* beta */
        {"9a2deb70-37be-4026-853f-bfdd6b347bbe", SWB_NEBRASKA_AMD64},   /* stable */
        {"72834a2b-ad86-4d6d-b498-e08a19ebe54e", SWB_NEBRASKA_AMD64},   /* edge */
        {"e641708d-fb48-4260-8bdf-ba2074a1147a", SWB_NEBRASKA_AARCH64}, /* alpha */
        {"d112ec01-ba34-4a9e-9d4b-9814a685f266", SWB_NEBRASKA_AARCH64}, /* beta */
        {"11a585f6-9418-4df0-8863-78b2fd3240f8", SWB_NEBRASKA_AARCH64}, /* stable */
        {"b4b2fa22-c1ea-498c-a8ac-c1dc0b1d7c17", SWB_NEBRASKA_AARCH64}, /* edge */
};

/* What clients of these architectures say as their board. */
static const struct {
        uint64_t arch;
        const char *board;
} boards[] = {{SWB_NEBRASKA_AMD64, "amd64-usr"}, {SWB_NEBRASKA_AARCH64, "arm64-usr"}};

/* --- channels --- */

struct wanted_channel {
        const char *name;
        struct swb_channel found;
};

static int pick(const struct swb_channel *channel, void *userdata, struct swb_error *err)
{
        struct wanted_channel *wanted = userdata;

        (void)err;
        if (strcmp(channel->name, wanted->name) == 0)
                wanted->found = *channel;
        return 0;
}

/* The release of the channel's package; id 0: none. */
static int release_of(const struct swb_import *import, const json_t *channel,
                      struct swb_release *ret, struct swb_error *err)
{
        const json_t *package = json_object_get(import->nebraska->packages,
                                                swb_nebraska_text(channel, "package_id"));

        *ret = (struct swb_release){0};
        if (!package || !swb_import_file(import, package) || !swb_import_takes(import, package))
                return 0;
        return swb_release_find(import->db, import->app.id, swb_nebraska_text(package, "version"),
                                ret, err);
}

static bool is_taken(json_t *names, const char *name)
{
        const char *id;
        json_t *other;

        json_object_foreach(names, id,
                            other) if (strcmp(json_string_value(other), name) == 0) return true;
        return false;
}

static int put_channel(struct swb_import *import, const json_t *channel, struct swb_error *err)
{
        struct wanted_channel wanted = {0};
        const char *id = swb_nebraska_text(channel, "id");
        char name[SWB_NAME_MAX + 1], more[SWB_VERSION_MAX + 80];
        struct swb_release release;
        int r;

        swb_import_name(name, swb_nebraska_text(channel, "name"));
        if (is_taken(import->channel_names, name))
                return swb_fail(err, -EEXIST, SWB_FAULT_USAGE,
                                "two of its channels would be called '%s' here: rename one there",
                                name);
        if (json_object_set_new(import->channel_names, id, json_string(name)) < 0)
                return swb_oom(err);
        wanted.name = name;
        r = swb_channel_list(import->db, import->app.id, pick, &wanted, err);
        if (r >= 0)
                r = release_of(import, channel, &release, err);
        if (r < 0)
                return r;
        (void)snprintf(more, sizeof(more), ", gives %s", release.id ? release.version : "nothing");
        if (wanted.found.id && wanted.found.release == release.id)
                return swb_import_done(import, "channel", name, NULL, "", err);
        r = swb_channel_set(import->db, import->app.id, name, release.id, import->now, err);
        return r < 0 ? r
                     : swb_import_done(import, "channel", name,
                                       wanted.found.id ? "change" : "create", more, err);
}

int swb_import_channels(struct swb_import *import, struct swb_error *err)
{
        const char *id;
        json_t *channel;
        int r = 0;

        json_object_foreach(import->nebraska->channels, id, channel)
        {
                if (swb_import_takes(import, channel))
                        r = put_channel(import, channel, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- groups --- */

static int put_group(struct swb_import *import, const struct swb_group *wanted,
                     struct swb_error *err)
{
        struct swb_error absent = SWB_ERROR_INIT;
        struct swb_group group, old;
        char more[SWB_NAME_MAX + 400];
        bool is_new;
        int r;

        r = swb_group_find(import->db, import->app.id, wanted->name, &old, &absent);
        if (r < 0 && r != -ENOENT)
                return swb_fail(err, r, absent.fault, "%s", absent.text);
        is_new = r < 0;
        group = is_new ? (struct swb_group){0} : old;
        (void)snprintf(group.name, sizeof(group.name), "%s", wanted->name);
        (void)snprintf(group.channel, sizeof(group.channel), "%s", wanted->channel);
        (void)snprintf(group.track, sizeof(group.track), "%s", wanted->track);
        (void)snprintf(group.board, sizeof(group.board), "%s", wanted->board);
        (void)snprintf(group.time_zone, sizeof(group.time_zone), "%s", wanted->time_zone);
        if (!is_new && strcmp(old.channel, group.channel) == 0 &&
            strcmp(old.track, group.track) == 0 && strcmp(old.board, group.board) == 0 &&
            strcmp(old.time_zone, group.time_zone) == 0)
                return swb_import_done(import, "group", group.name, NULL, "", err);
        (void)snprintf(more, sizeof(more), ", %s %s, %s %s", *group.board ? "board" : "track",
                       *group.board ? group.board : group.track, *group.channel ? "channel" : "no",
                       *group.channel ? group.channel : "updates");
        r = swb_group_put(import->db, import->app.id, &group, err);
        return r < 0 ? r
                     : swb_import_done(import, "group", group.name, is_new ? "create" : "change",
                                       more, err);
}

/* Devices of other boards must not get this architecture's releases. */
static int hold_other_boards(struct swb_import *import, struct swb_error *err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && import->options->arch && i < SWB_ELEMENTS(boards); i++) {
                struct swb_group group = {0};

                if (boards[i].arch == import->arch)
                        continue;
                (void)snprintf(group.name, sizeof(group.name), "not-%s", boards[i].board);
                (void)snprintf(group.board, sizeof(group.board), "%s", boards[i].board);
                r = put_group(import, &group, err);
        }
        return r;
}

/* "15 minutes" as "15m", "" if it is something else. */
static void short_time(const char *text, char *ret, size_t size)
{
        static const char *const units[] = {"second", "minute", "hour", "day"};
        size_t digits = strspn(text, "0123456789");

        *ret = '\0';
        for (size_t i = 0; digits > 0 && digits < 10 && i < SWB_ELEMENTS(units); i++)
                if (swb_starts_with(text + digits + strspn(text + digits, " "), units[i]))
                        (void)snprintf(ret, size, "%.*s%c", (int)digits, text, units[i][0]);
}

/* What belongs to a rollout here. */
static void note_policy(const struct swb_import *import, const json_t *group)
{
        uint64_t n = swb_nebraska_number(group, "policy_max_updates_per_period");
        char time[24], note[NOTE_MAX_BYTES] = "";
        size_t used = 0;

        short_time(swb_nebraska_text(group, "policy_period_interval"), time, sizeof(time));
        if (n > 0 && *time)
                used += (size_t)snprintf(note, sizeof(note), " --rate=%llu/%s",
                                         (unsigned long long)n, time);
        if (swb_nebraska_truth(group, "policy_safe_mode"))
                used += (size_t)snprintf(note + used, sizeof(note) - used,
                                         " --stage=1 --stage=100%%");
        if (swb_nebraska_truth(group, "policy_office_hours"))
                used += (size_t)snprintf(note + used, sizeof(note) - used,
                                         " --hours='Mon-Fri 09:00-17:00'");
        short_time(swb_nebraska_text(group, "policy_update_timeout"), time, sizeof(time));
        if (*time)
                used += (size_t)snprintf(note + used, sizeof(note) - used, " --overdue-after=%s",
                                         time);
        if (used > 0)
                swb_import_say(import, "    note: its limits belong to a rollout here:%s", note);
}

static void set_zone(struct swb_group *group, const char *zone)
{
        struct swb_zone *loaded = NULL;

        if (*zone && strlen(zone) < sizeof(group->time_zone) &&
            swb_zone_load(zone, &loaded, NULL) >= 0)
                (void)snprintf(group->time_zone, sizeof(group->time_zone), "%s", zone);
        (void)swb_zone_free(loaded);
}

static bool is_first_group(const struct swb_import *import, const char *id)
{
        for (size_t i = 0; i < SWB_ELEMENTS(first_groups); i++)
                if (strcmp(first_groups[i].uuid, id) == 0 &&
                    (import->arch == 0 || import->arch == first_groups[i].arch))
                        return true;
        return false;
}

/* Two groups of Nebraska may have one name. */
static int name_group(json_t *names, const json_t *object, char *ret, struct swb_error *err)
{
        const char *id = swb_nebraska_text(object, "id");
        char name[SWB_NAME_MAX + 1];

        swb_import_name(name, swb_nebraska_text(object, "name"));
        (void)snprintf(ret, SWB_NAME_MAX + 1, "%s", name);
        if (is_taken(names, name))
                (void)snprintf(ret, SWB_NAME_MAX + 1, "%.*s-%.8s", SWB_NAME_MAX - 9, name, id);
        return json_object_set_new(names, id, json_string(ret)) < 0 ? swb_oom(err) : 0;
}

static int import_group(struct swb_import *import, json_t *names, const json_t *object,
                        struct swb_error *err)
{
        const char *id = swb_nebraska_text(object, "id"), *track;
        const char *channel = json_string_value(
                json_object_get(import->channel_names, swb_nebraska_text(object, "channel_id")));
        struct swb_group group = {0};
        int r;

        r = name_group(names, object, group.name, err);
        if (r < 0)
                return r;
        track = swb_nebraska_text(object, "track");
        track = *track ? track : id;
        if (strlen(track) >= sizeof(group.track)) {
                swb_import_left_out(import, "group", group.name, "its track is too long");
                return 0;
        }
        (void)snprintf(group.track, sizeof(group.track), "%s", track);
        if (channel && swb_nebraska_truth(object, "policy_updates_enabled"))
                (void)snprintf(group.channel, sizeof(group.channel), "%s", channel);
        set_zone(&group, swb_nebraska_text(object, "policy_timezone"));
        r = put_group(import, &group, err);
        if (r >= 0)
                note_policy(import, object);
        if (r < 0 || strcmp(track, id) == 0 || !is_first_group(import, id))
                return r;
        (void)snprintf(group.name, sizeof(group.name), "%s", id);
        (void)snprintf(group.track, sizeof(group.track), "%s", id);
        return put_group(import, &group, err);
}

/* Of another architecture's channel? Nebraska finds groups by track and architecture. */
static bool is_of_other_arch(const struct swb_import *import, const json_t *group)
{
        const json_t *channel =
                json_object_get(import->nebraska->channels, swb_nebraska_text(group, "channel_id"));

        return channel && !swb_import_takes(import, channel);
}

int swb_import_groups(struct swb_import *import, struct swb_error *err)
{
        json_t *names = json_object(), *group;
        const char *id;
        int r = names ? hold_other_boards(import, err) : swb_oom(err);

        json_object_foreach(import->nebraska->groups, id,
                            group) if (r >= 0 &&
                                       strcmp(swb_nebraska_text(group, "application_id"),
                                              import->app_id) == 0 &&
                                       !is_of_other_arch(import, group)) r =
                import_group(import, names, group, err);
        json_decref(names);
        return r;
}
