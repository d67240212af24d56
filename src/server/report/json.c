/* SPDX-License-Identifier: Apache-2.0 */
#include "server/report/report.h"
#include "server/store/blocks.h"

static void put_time(struct swb_json *json, const char *name, int64_t unix_seconds)
{
        char text[SWB_TIME_TEXT];

        if (unix_seconds == 0)
                swb_json_null(json, name);
        else
                swb_json_str(json, name, swb_format_time(unix_seconds, text));
}

static void put_last_event(struct swb_json *json, const struct swb_device *device)
{
        char text[SWB_EVENT_TEXT];

        if (device->last_event_at == 0) {
                swb_json_null(json, "last_event");
                return;
        }
        swb_json_open_object(json, "last_event");
        put_time(json, "at", device->last_event_at);
        swb_json_i64(json, "type", device->last_event_type);
        swb_json_i64(json, "result", device->last_event_result);
        swb_json_i64(json, "errorcode", device->last_errorcode);
        swb_json_str(json, "text",
                     swb_event_describe(device->last_event_type, device->last_event_result,
                                        device->last_errorcode, text));
        swb_json_close_object(json);
}

void swb_json_device(struct swb_json *json, const char *appid, const struct swb_device *device,
                     int64_t now, uint64_t silent_after_seconds)
{
        swb_json_open_object(json, NULL);
        swb_json_str(json, "id", device->machineid);
        swb_json_str(json, "app", appid);
        swb_json_str(json, "version", device->version);
        swb_json_str(json, "channel", device->channel);
        swb_json_str(json, "slot", device->slot);
        swb_json_str(json, "board", device->board);
        swb_json_str(json, "hardware_class", device->hardware_class);
        swb_json_str(json, "state", swb_device_state_to_string(device->state));
        swb_json_str(json, "reason", device->reason);
        swb_json_bool(json, "silent", swb_device_is_silent(device, now, silent_after_seconds));
        swb_json_str(json, "granted_version", device->granted_version);
        put_time(json, "granted_at", device->granted_at);
        put_time(json, "updated_at", device->updated_at);
        put_time(json, "first_seen", device->first_seen);
        put_time(json, "last_seen", device->last_seen);
        put_last_event(json, device);
        swb_json_i64(json, "events", device->n_events);
        swb_json_i64(json, "dropped_events", device->dropped_events);
        swb_json_str(json, "reads", device->abilities);
        swb_json_close_object(json);
}

void swb_json_event(struct swb_json *json, const struct swb_event_row *event)
{
        char text[SWB_EVENT_TEXT];

        swb_json_open_object(json, NULL);
        swb_json_i64(json, "number", event->id);
        put_time(json, "at", event->at);
        swb_json_str(json, "app", event->appid);
        swb_json_str(json, "device", event->machineid);
        swb_json_i64(json, "type", event->type);
        swb_json_i64(json, "result", event->result);
        swb_json_i64(json, "errorcode", event->errorcode);
        swb_json_str(json, "summary",
                     swb_event_describe(event->type, event->result, event->errorcode, text));
        swb_json_str(json, "version", event->version);
        swb_json_str(json, "previous_version", event->previous_version);
        swb_json_str(json, "next_version", event->next_version);
        swb_json_str(json, "fault", event->fault);
        swb_json_str(json, "text", event->text);
        swb_json_str(json, "slot", event->slot);
        swb_json_close_object(json);
}

static void payload_object(struct swb_json *json, const struct swb_payload *payload)
{
        swb_json_open_object(json, NULL);
        swb_json_bool(json, "is_delta", *payload->source_version != '\0');
        swb_json_str(json, "source_version",
                     *payload->source_version ? payload->source_version : NULL);
        swb_json_str(json, "name", payload->name);
        swb_json_u64(json, "size", payload->size);
        swb_json_str(json, "sha256", payload->sha256);
        swb_json_u64(json, "metadata_size", payload->metadata_size);
        swb_json_str(json, "metadata_signature", payload->metadata_signature);
        if (payload->minor < 0)
                swb_json_null(json, "minor_version");
        else
                swb_json_i64(json, "minor_version", payload->minor);
        swb_json_str(json, "encoders", payload->encoders);
        swb_json_u64(json, "open_memory", payload->open_memory);
        swb_json_u64(json, "open_scratch", payload->open_scratch);
        swb_json_close_object(json);
}

void swb_json_channel(struct swb_json *json, const struct swb_channel *channel)
{
        swb_json_open_object(json, NULL);
        swb_json_str(json, "name", channel->name);
        swb_json_str(json, "release", channel->release ? channel->version : NULL);
        put_time(json, "changed", channel->changed);
        swb_json_close_object(json);
}

static int put_machine(const char *machineid, void *userdata, struct swb_error *err)
{
        (void)err;
        swb_json_str(userdata, NULL, machineid);
        return 0;
}

int swb_json_group(struct swb_json *json, struct swb_db *db, const struct swb_group *group,
                   struct swb_error *err)
{
        int r;

        swb_json_open_object(json, NULL);
        swb_json_str(json, "name", group->name);
        swb_json_i64(json, "position", group->position);
        swb_json_str(json, "channel", *group->channel ? group->channel : NULL);
        swb_json_str(json, "hardware_class", group->hardware_class);
        swb_json_str(json, "board", group->board);
        swb_json_str(json, "track", group->track);
        swb_json_str(json, "time_zone", group->time_zone);
        swb_json_str(json, "pin", group->pin);
        swb_json_str(json, "versions", group->versions);
        swb_json_str(json, "tag", group->tag);
        swb_json_bool(json, "only_machines", group->has_machines);
        swb_json_open_array(json, "machines");
        r = swb_group_machine_list(db, group->id, put_machine, json, err);
        swb_json_close_array(json);
        swb_json_close_object(json);
        return r;
}

static int put_payload(const struct swb_payload *payload, void *userdata, struct swb_error *err)
{
        (void)err;
        payload_object(userdata, payload);
        return 0;
}

static int put_block(const struct swb_block *block, void *userdata, struct swb_error *err)
{
        struct swb_json *json = userdata;

        (void)err;
        swb_json_open_object(json, NULL);
        swb_json_str(json, "hardware_class", block->hardware_class);
        swb_json_str(json, "reason", block->reason);
        put_time(json, "since", block->since);
        swb_json_close_object(json);
        return 0;
}

int swb_json_release(struct swb_json *json, struct swb_db *db, const struct swb_release *release,
                     struct swb_error *err)
{
        int r;

        swb_json_open_object(json, NULL);
        swb_json_str(json, "version", release->version);
        put_time(json, "created", release->created);
        swb_json_str(json, "deadline", release->deadline);
        swb_json_bool(json, "disable_backoff", release->disable_backoff);
        swb_json_u64(json, "max_failures", release->max_failures);
        swb_json_bool(json, "stepping_stone", release->stepping_stone);
        swb_json_open_array(json, "payloads");
        r = swb_payload_list(db, release->id, put_payload, json, err);
        swb_json_close_array(json);
        swb_json_open_array(json, "blocked");
        if (r >= 0)
                r = swb_block_list(db, release->id, false, put_block, json, err);
        swb_json_close_array(json);
        swb_json_close_object(json);
        return r;
}

/* What a list's callback needs besides the row. */
struct list {
        struct swb_json *json;
        struct swb_db *db;
        int64_t app;               /* 0: of all apps */
        struct swb_release before; /* where the page begins; id 0: with the first one */
        int64_t app_before;        /* that has it; 0: the page has begun */
        uint64_t left;             /* releases that may follow */
        int64_t last;              /* the one that came last */
};

static int list_release(const struct swb_release *release, void *userdata, struct swb_error *err)
{
        struct list *list = userdata;

        list->left--;
        list->last = release->id;
        return swb_json_release(list->json, list->db, release, err);
}

static int list_channel(const struct swb_channel *channel, void *userdata, struct swb_error *err)
{
        (void)err;
        swb_json_channel(((const struct list *)userdata)->json, channel);
        return 0;
}

static int list_group(const struct swb_group *group, void *userdata, struct swb_error *err)
{
        const struct list *list = userdata;

        return swb_json_group(list->json, list->db, group, err);
}

static int list_app(const struct swb_app *app, void *userdata, struct swb_error *err)
{
        struct list *list = userdata;
        struct swb_json *json = list->json;
        const struct swb_release *before = list->app_before ? &list->before : NULL;
        int r;

        if ((list->app != 0 && list->app != app->id) || list->left == 0 ||
            (list->app_before != 0 && list->app_before != app->id))
                return 0;
        list->app_before = 0;
        swb_json_open_object(json, NULL);
        swb_json_str(json, "app", app->appid);
        swb_json_str(json, "default_channel", app->default_channel);
        swb_json_open_array(json, "releases");
        r = swb_release_page(list->db, app->id, before, list->left, list_release, list, err);
        swb_json_close_array(json);
        swb_json_open_array(json, "channels");
        if (r >= 0)
                r = swb_channel_list(list->db, app->id, list_channel, list, err);
        swb_json_close_array(json);
        swb_json_open_array(json, "groups");
        if (r >= 0)
                r = swb_group_list(list->db, app->id, list_group, list, err);
        swb_json_close_array(json);
        swb_json_close_object(json);
        return r;
}

int swb_json_releases(struct swb_json *json, struct swb_db *db, int64_t app, int64_t before,
                      uint64_t limit, int64_t *ret_next, struct swb_error *err)
{
        struct list list = {.json = json, .db = db, .app = app, .left = limit};
        int r;

        if (before != 0) {
                r = swb_release_find_id(db, before, &list.before, &list.app_before, err);
                if (r < 0)
                        return r;
                if (r == 0 || (app != 0 && app != list.app_before))
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "the release that this page comes after is gone: begin "
                                        "again without 'before'");
        }
        swb_json_open_array(json, NULL);
        r = swb_app_list(db, list_app, &list, err);
        swb_json_close_array(json);
        if (r < 0)
                return r;
        *ret_next = list.left == 0 ? list.last : 0;
        return 0;
}
