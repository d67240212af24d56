/* SPDX-License-Identifier: Apache-2.0 */
/* Rollouts: look at them, make, change, stop and end them. */
#include "server/api/plan.h"
#include "server/auth/secret.h"
#include "server/report/report.h"

#define SALT_CHARACTERS 32

/* --- look --- */

/* Live counts when this is the server that has them, else what the rows say. */
static int read_model(struct swb_api_call *call, const struct swb_rollout_row *row,
                      struct swb_rollout *model, struct swb_error *err)
{
        /* Not secret: this table is ours alone. */
        static const struct swb_siphash_key keys[2] = {{{1, 2}}, {{3, 4}}};
        struct swb_rollouts *rollouts = call->shared->rollouts;
        int r;

        if (rollouts && swb_rollouts_snapshot(rollouts, row->setup.id, model)) {
                /* Of what has just been changed, the live ones hear in a moment. */
                model->halted = model->halted && model->setup.status == row->setup.status;
                model->setup = row->setup;
                return 0;
        }
        r = swb_rollout_rebuild(call->db, &row->setup, keys, call->now, model, err);
        if (r < 0)
                return r;
        /* To pause it is the server's to do; what it has not done yet is not so. */
        model->halted = false;
        return 0;
}

static int write_rollout(struct swb_api_call *call, const struct swb_rollout_row *row,
                         struct swb_error *err)
{
        _cleanup_free_ struct swb_rollout *model = calloc(1, sizeof(*model));
        int r;

        if (!model)
                return swb_oom(err);
        r = read_model(call, row, model, err);
        if (r < 0)
                return r;
        swb_json_rollout(&call->json, call->app.appid, row, model);
        swb_rollout_done(model);
        return 0;
}

struct page {
        struct swb_api_call *call;
        uint64_t n;
        int64_t last;
};

static int add_rollout(const struct swb_rollout_row *row, void *userdata, struct swb_error *err)
{
        struct page *page = userdata;
        struct swb_api_call *call = page->call;
        int r = 0;

        page->n++;
        page->last = row->setup.id;
        if (call->app.id != row->setup.app)
                r = swb_app_name(call->db, row->setup.app, call->app.appid, err);
        call->app.id = row->setup.app;
        return r < 0 ? r : write_rollout(call, row, err);
}

static int list_rollouts(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_rollout_filter filter = {.app = call->app.id};
        struct page page = {.call = call};
        bool all = false;
        int r;

        r = swb_api_query_bool(call, "all", &all, err);
        if (r >= 0)
                r = swb_api_page(call, &filter.before, &filter.limit, err);
        if (r < 0)
                return r;
        filter.unfinished = !all;
        swb_json_open_array(&call->json, NULL);
        r = swb_rollout_page(call->db, &filter, add_rollout, &page, err);
        swb_json_close_array(&call->json);
        swb_api_set_next(call, page.n == filter.limit ? page.last : 0);
        return r;
}

static int find(struct swb_api_call *call, struct swb_rollout_row *row, struct swb_error *err)
{
        return swb_rollout_find(call->db, call->app.id, swb_api_name(call), row, err);
}

static int show(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_rollout_row row;
        int r = find(call, &row, err);

        return r < 0 ? r : write_rollout(call, &row, err);
}

/* What an administrator has decided, without the counts. */
static int describe(struct swb_api_call *call, struct swb_json *json, struct swb_error *err)
{
        struct swb_rollout_row row;
        int r = *swb_api_name(call) ? find(call, &row, err) : -ENOENT;

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        swb_json_rollout_plan(json, &row);
        return 1;
}

/* --- change --- */

/* Unless one is given, other devices go first each time. */
static int read_salt(const struct swb_api_call *call, struct swb_rollout_setup *setup,
                     struct swb_error *err)
{
        char secret[SWB_SECRET_SIZE];
        int r;

        r = swb_api_copy(call, "salt", setup->salt, sizeof(setup->salt), err);
        if (r >= 0 && !*setup->salt)
                r = swb_secret_make(secret, err);
        if (r < 0)
                return r;
        if (!*setup->salt)
                swb_copy_bounded(setup->salt, secret, SALT_CHARACTERS);
        return 0;
}

static int read_setup(struct swb_api_call *call, struct swb_rollout_setup *setup,
                      struct swb_error *err)
{
        const char *version, *name;
        struct swb_release release;
        int r;

        r = swb_api_need(call, "name", &name, err);
        if (r >= 0)
                r = swb_name_check("rollout", name, err);
        if (r >= 0)
                r = swb_api_need(call, "release", &version, err);
        if (r >= 0)
                r = swb_release_find(call->db, call->app.id, version, &release, err);
        if (r < 0)
                return r;
        setup->app = call->app.id;
        setup->release = release.id;
        swb_copy_bounded(setup->name, name, SWB_NAME_MAX);
        swb_copy_bounded(setup->version, release.version, SWB_VERSION_MAX);
        swb_copy_bounded(setup->channel, "stable", SWB_NAME_MAX);
        r = swb_api_copy(call, "channel", setup->channel, sizeof(setup->channel), err);
        return r < 0 ? r : read_salt(call, setup, err);
}

static int create(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_rollout_row row = {.setup.plan = SWB_PLAN_DEFAULT};
        int r;

        r = swb_api_only(call, "name release channel salt " SWB_API_PLAN_MEMBERS, err);
        if (r >= 0)
                r = read_setup(call, &row.setup, err);
        if (r >= 0)
                r = swb_api_read_plan(call, &row, err);
        if (r >= 0)
                r = swb_rollout_create(call->db, &row, call->now, err);
        if (r < 0)
                return r;
        swb_copy_bounded(call->made, row.setup.name, SWB_NAME_MAX);
        return show(call, err);
}

static int edit(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_rollout_row row;
        int r;

        r = swb_api_only(call, SWB_API_PLAN_MEMBERS, err);
        if (r >= 0)
                r = find(call, &row, err);
        if (r >= 0)
                r = swb_api_read_plan(call, &row, err);
        if (r >= 0)
                r = swb_rollout_edit(call->db, &row, call->now, err);
        return r < 0 ? r : show(call, err);
}

static int removal(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_rollout_row row;
        int r = find(call, &row, err);

        return r < 0 ? r : swb_rollout_remove(call->db, &row.setup, err);
}

/* The last part of "rollout.pause". */
static const char *verb_of(const struct swb_api_call *call)
{
        return strrchr(call->route->action, '.') + 1;
}

/* Checks what the rollout's status allows, and does it. */
static int change(struct swb_api_call *call, const struct swb_rollout_setup *s, const char *reason,
                  struct swb_error *err)
{
        bool is_open = s->status == SWB_ROLLOUT_ACTIVE || s->status == SWB_ROLLOUT_PAUSED;
        const char *verb = verb_of(call);

        if (strcmp(verb, "recall") == 0 && s->status != SWB_ROLLOUT_FINISHED)
                return swb_rollout_set_status(call->db, s, SWB_ROLLOUT_RECALLED, reason, call->now,
                                              err);
        if (strcmp(verb, "pause") == 0 && is_open)
                return swb_rollout_set_status(call->db, s, SWB_ROLLOUT_PAUSED, reason, call->now,
                                              err);
        if (strcmp(verb, "resume") == 0 && s->status == SWB_ROLLOUT_PAUSED)
                return swb_rollout_resume(call->db, s, call->now, err);
        if (strcmp(verb, "advance") == 0 && s->status == SWB_ROLLOUT_ACTIVE)
                return swb_rollout_advance(call->db, s, call->now, err);
        if (strcmp(verb, "finish") == 0 && is_open)
                return swb_rollout_finish(call->db, s, call->now, err);
        call->status = 409;
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "can't %s rollout '%s': it is %s", verb,
                        s->name, swb_rollout_status_to_string(s->status));
}

static int act(struct swb_api_call *call, struct swb_error *err)
{
        const char *reason = "by hand";
        struct swb_rollout_row row;
        int r;

        r = swb_api_only(call, "reason", err);
        if (r >= 0)
                r = swb_api_text(call, "reason", &reason, err);
        if (r >= 0)
                r = find(call, &row, err);
        if (r >= 0)
                r = change(call, &row.setup, reason, err);
        return r < 0 ? r : show(call, err);
}

#define ACTION(verb)                                                                               \
        {                                                                                          \
                "POST", "rollouts/{rollout}/" verb, SWB_SCOPE_DEPLOY, act, describe,               \
                        "rollout." verb, SWB_API_CATALOG                                           \
        }

const struct swb_api_route swb_api_rollout_routes[] = {
        {"GET", "rollouts", SWB_SCOPE_READ, list_rollouts, NULL, NULL, SWB_API_ANY_APP},
        {"POST", "rollouts", SWB_SCOPE_DEPLOY, create, describe, "rollout.create", SWB_API_CATALOG},
        {"GET", "rollouts/{rollout}", SWB_SCOPE_READ, show, describe, NULL, 0},
        {"PATCH", "rollouts/{rollout}", SWB_SCOPE_DEPLOY, edit, describe, "rollout.edit",
         SWB_API_CATALOG},
        {"DELETE", "rollouts/{rollout}", SWB_SCOPE_DEPLOY, removal, describe, "rollout.remove",
         SWB_API_CATALOG | SWB_API_NO_BODY},
        ACTION("pause"),
        ACTION("resume"),
        ACTION("recall"),
        ACTION("advance"),
        ACTION("finish"),
        {0},
};
