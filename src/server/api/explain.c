/* SPDX-License-Identifier: Apache-2.0 */
/* What a device would be told now, and why. */
#include "server/api/internal.h"
#include "server/report/explanation.h"
#include "server/store/fleet.h"

/* Everything that an answer needs, as the server would have it. */
struct question {
        const char *machineid;
        struct swb_catalog *catalog;
        struct swb_rollouts *rollouts, *own; /* own: made here */
        struct swb_egress egress;
        struct swb_explanation explanation;
};

static struct question *question_free(struct question *question)
{
        if (question) {
                (void)swb_catalog_unref(question->catalog);
                (void)swb_rollouts_free(question->own);
        }
        free(question);
        return NULL;
}
SWB_DEFINE_CLEANUP(struct question *, question_free)

static int read_device(const struct swb_api_call *call, struct question *question,
                       struct swb_error *err)
{
        int r;

        if (!swb_is_plain_id(question->machineid, SWB_MACHINEID_MAX))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%.128s' can't be a device's id",
                                question->machineid);
        r = swb_device_find(call->db, call->app.id, question->machineid,
                            &question->explanation.device, err);
        if (r == 0 && !swb_api_query(call, "running"))
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "the server has not heard of device '%s': say what it runs with "
                                "'running'",
                                question->machineid);
        if (r == 0) /* the words need a name */
                swb_copy_bounded(question->explanation.device.machineid, question->machineid,
                                 SWB_MACHINEID_MAX);
        return r;
}

/* The live counts if this is the server, else those of the rows. */
static int find_rollouts(struct swb_api_call *call, struct question *question,
                         struct swb_error *err)
{
        int r;

        question->rollouts = call->shared->rollouts;
        if (question->rollouts)
                return 0;
        r = swb_rollouts_new(&question->own, err);
        if (r >= 0)
                r = swb_rollouts_refresh(question->own, call->db, call->now, err);
        question->rollouts = question->own;
        return r;
}

static void override(const struct swb_api_call *call, const char *name, const char **word)
{
        const char *text = swb_api_query(call, name);

        if (text)
                *word = text;
}

static void decide(struct swb_api_call *call, struct question *question)
{
        struct swb_explanation *e = &question->explanation;

        swb_explanation_ask(e, call->app.appid);
        override(call, "running", &e->words.version);
        override(call, "track", &e->words.track);
        override(call, "board", &e->words.board);
        override(call, "hardware_class", &e->words.hardware_class);
        swb_explanation_decide(e, question->catalog, question->rollouts, &question->egress,
                               call->now);
        swb_json_explanation(&call->json, e);
}

int swb_api_explain(struct swb_api_call *call, struct swb_error *err)
{
        _cleanup_(question_freep) struct question *question = calloc(1, sizeof(*question));
        const char *asked = swb_api_query(call, "device");
        int r;

        if (!question)
                return swb_oom(err);
        question->machineid = *call->args[0] ? call->args[0] : asked ? asked : "";
        r = read_device(call, question, err);
        if (r >= 0)
                r = swb_catalog_load(call->db, &question->catalog, err);
        if (r >= 0)
                r = find_rollouts(call, question, err);
        if (r >= 0)
                r = swb_egress_read(call->db, &question->egress, err);
        if (r >= 0)
                decide(call, question);
        return SWB_MIN(r, 0);
}
