/* SPDX-License-Identifier: Apache-2.0 */
/* Releases: what they are, who may skip them, who does not get them. */
#include "server/api/change.h"
#include "server/api/internal.h"
#include "server/publish/unpublish.h"
#include "server/report/report.h"
#include "server/store/blocks.h"

static int list_releases(struct swb_api_call *call, struct swb_error *err)
{
        int64_t before, next = 0;
        uint64_t limit;
        int r = swb_api_page(call, &before, &limit, err);

        if (r >= 0)
                r = swb_json_releases(&call->json, call->db, call->app.id, before, limit, &next,
                                      err);
        swb_api_set_next(call, next);
        return r;
}

static int find(struct swb_api_call *call, struct swb_release *ret, struct swb_error *err)
{
        return swb_release_find(call->db, call->app.id, call->args[0], ret, err);
}

static int show(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_release release;
        int r = find(call, &release, err);

        return r < 0 ? r : swb_json_release(&call->json, call->db, &release, err);
}

static int describe(struct swb_api_call *call, struct swb_json *json, struct swb_error *err)
{
        struct swb_release release;
        int r = find(call, &release, err);

        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = swb_json_release(json, call->db, &release, err);
        return r < 0 ? r : 1;
}

static int change(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_release release;
        int r;

        r = swb_api_only(call, "stepping_stone deadline disable_backoff max_failures", err);
        if (r >= 0)
                r = find(call, &release, err);
        if (r >= 0)
                r = swb_api_bool(call, "stepping_stone", &release.stepping_stone, err);
        if (r >= 0)
                r = swb_api_copy(call, "deadline", release.deadline, sizeof(release.deadline), err);
        if (r >= 0)
                r = swb_api_bool(call, "disable_backoff", &release.disable_backoff, err);
        if (r >= 0)
                r = swb_api_u64(call, "max_failures", &release.max_failures, err);
        if (r >= 0)
                r = swb_release_put(call->db, call->app.id, call->now, &release, err);
        if (r >= 0)
                r = swb_release_set_stepping_stone(call->db, &release, release.stepping_stone, err);
        return r < 0 ? r : show(call, err);
}

static int block(struct swb_api_call *call, struct swb_error *err)
{
        const char *reason = "by hand";
        struct swb_release release;
        int r;

        r = swb_api_only(call, "reason", err);
        if (r >= 0)
                r = swb_api_text(call, "reason", &reason, err);
        if (r >= 0)
                r = find(call, &release, err);
        if (r >= 0 && strlen(call->args[1]) > SWB_NAME_MAX)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "a hardware class has at most %d bytes", SWB_NAME_MAX);
        if (r >= 0)
                r = swb_block_put(call->db, release.id, call->args[1], reason, call->now, err);
        return r < 0 ? r : show(call, err);
}

static int unblock(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_release release;
        int r = find(call, &release, err);

        if (r >= 0)
                r = swb_block_lift(call->db, release.id, call->args[1], err);
        return r < 0 ? r : show(call, err);
}

static int remove_rows(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_release release;
        int r = find(call, &release, err);

        return r < 0 ? r : swb_unpublish_rows(call->userdata, call->db, &release, err);
}

/* The files can only go after the commit. */
static int removal(struct swb_api_call *call, struct swb_error *err)
{
        static const struct swb_api_route rows = {
                "DELETE", "releases/{version}", SWB_SCOPE_DEPLOY, remove_rows,
                describe, "release.remove",     SWB_API_CATALOG};
        _cleanup_(swb_unpublish_done) struct swb_unpublish u;
        int r;

        r = swb_unpublish_begin(&u, call->shared->config.data, err);
        call->route = &rows;
        call->userdata = &u;
        if (r >= 0)
                r = swb_api_change(call, err);
        return r < 0 ? r : swb_unpublish_files(&u, call->db, err);
}

const struct swb_api_route swb_api_release_routes[] = {
        {"GET", "releases", SWB_SCOPE_READ, list_releases, NULL, NULL, SWB_API_ANY_APP},
        {"GET", "releases/{version}", SWB_SCOPE_READ, show, describe, NULL, 0},
        {"PATCH", "releases/{version}", SWB_SCOPE_DEPLOY, change, describe, "release.change",
         SWB_API_CATALOG},
        {"DELETE", "releases/{version}", SWB_SCOPE_DEPLOY, removal, describe, "release.remove",
         SWB_API_SELF | SWB_API_NO_BODY},
        {"PUT", "releases/{version}/blocks/{class}", SWB_SCOPE_DEPLOY, block, describe,
         "release.block", SWB_API_CATALOG},
        {"DELETE", "releases/{version}/blocks/{class}", SWB_SCOPE_DEPLOY, unblock, describe,
         "release.unblock", SWB_API_CATALOG | SWB_API_NO_BODY},
        {0},
};
