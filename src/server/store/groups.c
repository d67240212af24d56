/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/groups.h"

#define COLUMNS                                                                                    \
        "id, name, position, channel, hardware_class, board, track, has_machines, time_zone, pin," \
        "versions, tag"

static void read_group(const struct swb_query *q, struct swb_group *group)
{
        group->id = swb_query_i64(q, 0);
        swb_copy_bounded(group->name, swb_query_text(q, 1), SWB_NAME_MAX);
        group->position = swb_query_i64(q, 2);
        swb_copy_bounded(group->channel, swb_query_text(q, 3), SWB_NAME_MAX);
        swb_copy_bounded(group->hardware_class, swb_query_text(q, 4),
                         sizeof(group->hardware_class) - 1);
        swb_copy_bounded(group->board, swb_query_text(q, 5), sizeof(group->board) - 1);
        swb_copy_bounded(group->track, swb_query_text(q, 6), sizeof(group->track) - 1);
        group->has_machines = swb_query_i64(q, 7) != 0;
        swb_copy_bounded(group->time_zone, swb_query_text(q, 8), sizeof(group->time_zone) - 1);
        swb_copy_bounded(group->pin, swb_query_text(q, 9), sizeof(group->pin) - 1);
        swb_copy_bounded(group->versions, swb_query_text(q, 10), sizeof(group->versions) - 1);
        swb_copy_bounded(group->tag, swb_query_text(q, 11), sizeof(group->tag) - 1);
}

int swb_group_find(struct swb_db *db, int64_t app, const char *name, struct swb_group *ret,
                   struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db,
                            "SELECT " COLUMNS " FROM device_groups WHERE app = ? AND name = ?",
                            SWB_VALUES(SWB_NUMBER(app), SWB_TEXT(name)), err);
        if (r < 0)
                return r;
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "there is no group '%s'", name);
        read_group(&q, ret);
        return 0;
}

int swb_group_put(struct swb_db *db, int64_t app, struct swb_group *group, struct swb_error *err)
{
        struct swb_group stored = {0};
        int r;

        r = swb_name_check("group", group->name, err);
        if (r >= 0 && *group->channel)
                r = swb_name_check("channel", group->channel, err);
        if (r >= 0 && *group->tag)
                r = swb_name_check("tag", group->tag, err);
        if (r >= 0)
                r = swb_versions_check(group->versions, err);
        if (r >= 0)
                r = swb_db_run(
                        db,
                        "INSERT INTO device_groups (app, name, position, channel,"
                        "  hardware_class, board, track, has_machines, time_zone, pin,"
                        "  versions, tag)"
                        "VALUES (?1, ?2, CASE ?3 WHEN 0 THEN (SELECT 1 + coalesce(max(position), 0)"
                        "  FROM device_groups WHERE app = ?1) ELSE ?3 END, ?4, ?5, ?6, ?7, ?8, ?9, "
                        "?10, ?11, ?12)"
                        "ON CONFLICT (app, name) DO UPDATE SET"
                        "  position = CASE ?3 WHEN 0 THEN device_groups.position ELSE ?3 END,"
                        "  channel = ?4, hardware_class = ?5, board = ?6, track = ?7,"
                        "  has_machines = ?8, time_zone = ?9, pin = ?10, versions = ?11, tag = ?12",
                        SWB_VALUES(SWB_NUMBER(app), SWB_TEXT(group->name),
                                   SWB_NUMBER(group->position), SWB_TEXT(group->channel),
                                   SWB_TEXT(group->hardware_class), SWB_TEXT(group->board),
                                   SWB_TEXT(group->track), SWB_NUMBER(group->has_machines),
                                   SWB_TEXT(group->time_zone), SWB_TEXT(group->pin),
                                   SWB_TEXT(group->versions), SWB_TEXT(group->tag)),
                        err);
        if (r >= 0)
                r = swb_group_find(db, app, group->name, &stored, err);
        if (r < 0)
                return r;
        group->id = stored.id;
        group->position = stored.position;
        return 0;
}

static int change_machine(struct swb_db *db, const char *sql, int64_t group, const char *machineid,
                          struct swb_error *err)
{
        if (!swb_is_plain_id(machineid, SWB_MACHINEID_MAX))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%.160s' can't be a machine id: 1 to %d printable characters "
                                "without spaces",
                                machineid, SWB_MACHINEID_MAX);
        return swb_db_run(db, sql, SWB_VALUES(SWB_NUMBER(group), SWB_TEXT(machineid)), err);
}

int swb_group_add_machine(struct swb_db *db, int64_t group, const char *machineid,
                          struct swb_error *err)
{
        return change_machine(db, "INSERT INTO group_machines VALUES (?, ?) ON CONFLICT DO NOTHING",
                              group, machineid, err);
}

int swb_group_remove_machine(struct swb_db *db, int64_t group, const char *machineid,
                             struct swb_error *err)
{
        int r = change_machine(db,
                               "DELETE FROM group_machines WHERE group_id = ? AND machineid = ?",
                               group, machineid, err);

        if (r >= 0 && swb_db_changes(db) == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "the group's list has no machine '%s'", machineid);
        return r;
}

int swb_group_clear_machines(struct swb_db *db, int64_t group, struct swb_error *err)
{
        return swb_db_run(db, "DELETE FROM group_machines WHERE group_id = ?",
                          SWB_VALUES(SWB_NUMBER(group)), err);
}

int swb_group_remove(struct swb_db *db, const struct swb_group *group, struct swb_error *err)
{
        return swb_db_run(db, "DELETE FROM device_groups WHERE id = ?",
                          SWB_VALUES(SWB_NUMBER(group->id)), err);
}

int swb_group_page(struct swb_db *db, int64_t app, const struct swb_group *after, uint64_t limit,
                   int (*each)(const struct swb_group *group, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_group group;
        int r;

        r = swb_query_begin(&q, db,
                            "SELECT " COLUMNS
                            " FROM device_groups WHERE app = ?1 AND (position > ?2 OR"
                            " (position = ?2 AND name > ?3)) ORDER BY position, name LIMIT ?4",
                            SWB_VALUES(SWB_NUMBER(app), SWB_NUMBER(after ? after->position : -1),
                                       SWB_TEXT(after ? after->name : ""),
                                       SWB_NUMBER((int64_t)SWB_MIN(limit, (uint64_t)INT64_MAX))),
                            err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                read_group(&q, &group);
                r = each(&group, userdata, err);
        }
        return r;
}

int swb_group_list(struct swb_db *db, int64_t app,
                   int (*each)(const struct swb_group *group, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err)
{
        return swb_group_page(db, app, NULL, UINT64_MAX, each, userdata, err);
}

int swb_group_find_id(struct swb_db *db, int64_t app, int64_t id, struct swb_group *ret,
                      struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db,
                            "SELECT " COLUMNS " FROM device_groups WHERE app = ? AND id = ?",
                            SWB_VALUES(SWB_NUMBER(app), SWB_NUMBER(id)), err);
        if (r > 0)
                read_group(&q, ret);
        return r;
}

int swb_group_machine_list(struct swb_db *db, int64_t group,
                           int (*each)(const char *machineid, void *userdata,
                                       struct swb_error *err),
                           void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_begin(
                &q, db,
                "SELECT machineid FROM group_machines WHERE group_id = ? ORDER BY machineid",
                SWB_VALUES(SWB_NUMBER(group)), err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0)
                r = each(swb_query_text(&q, 0), userdata, err);
        return r;
}
