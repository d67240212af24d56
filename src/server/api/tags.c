/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of a device. */
#include "server/store/tags.h"

#include "server/api/internal.h"

static int put_tag(const char *tag, void *userdata, struct swb_error *err)
{
        (void)err;
        swb_json_str(userdata, NULL, tag);
        return 0;
}

static int write_tags(const struct swb_api_call *call, struct swb_json *json, struct swb_error *err)
{
        int r;

        swb_json_open_object(json, NULL);
        swb_json_str(json, "device", call->args[0]);
        swb_json_open_array(json, "tags");
        r = swb_tag_list(call->db, call->app.id, call->args[0], put_tag, json, err);
        swb_json_close_array(json);
        swb_json_close_object(json);
        return r;
}

static int show(struct swb_api_call *call, struct swb_error *err)
{
        return write_tags(call, &call->json, err);
}

/* There always are some, if only none. */
static int describe(struct swb_api_call *call, struct swb_json *json, struct swb_error *err)
{
        int r = write_tags(call, json, err);

        return r < 0 ? r : 1;
}

static int change(const struct swb_api_call *call, const char *member,
                  int (*one)(struct swb_db *db, int64_t app, const char *machineid, const char *tag,
                             struct swb_error *err),
                  struct swb_error *err)
{
        json_t *list;
        int r = swb_api_texts(call, member, &list, err);

        for (size_t i = 0; r >= 0 && i < json_array_size(list); i++)
                r = one(call->db, call->app.id, call->args[0],
                        json_string_value(json_array_get(list, i)), err);
        return r < 0 ? swb_wrap(err, r, "'%s'", member) : 0;
}

/* "tags" are all of them; the others change them. */
static int put(struct swb_api_call *call, struct swb_error *err)
{
        int r;

        r = swb_api_only(call, "tags add_tags remove_tags", err);
        if (r >= 0 && json_object_get(call->body, "tags"))
                r = swb_tag_clear(call->db, call->app.id, call->args[0], err);
        if (r >= 0)
                r = change(call, "tags", swb_tag_add, err);
        if (r >= 0)
                r = change(call, "remove_tags", swb_tag_remove, err);
        if (r >= 0)
                r = change(call, "add_tags", swb_tag_add, err);
        return r < 0 ? r : show(call, err);
}

const struct swb_api_route swb_api_tag_routes[] = {
        {"GET", "devices/{device}/tags", SWB_SCOPE_READ, show, describe, NULL, 0},
        {"PUT", "devices/{device}/tags", SWB_SCOPE_DEPLOY, put, describe, "device.tag",
         SWB_API_CATALOG},
        {0},
};
