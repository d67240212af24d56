/* SPDX-License-Identifier: Apache-2.0 */
#include "server/report/explanation.h"

#include "server/report/report.h"

void swb_explanation_ask(struct swb_explanation *e, const char *appid)
{
        e->words = (struct swb_omaha_app){
                .appid = appid,
                .version = e->device.version,
                .track = e->device.channel,
                .board = e->device.board,
                .hardware_class = e->device.hardware_class,
                .delta_okay = true,
                .reads = e->device.abilities,
                .update_check = {.targetversionprefix = ""},
        };
}

/* Would a cap hold back what it gets? Not if it was told of it before. */
static bool has_to_wait(struct swb_explanation *e, const struct swb_egress *egress)
{
        const struct swb_decision *d = &e->decision;

        return d->outcome == SWB_SELECT_UPDATE && !swb_decision_is_urgent(d) &&
               strcmp(e->device.granted_version, d->release->version) != 0 &&
               !swb_egress_fits(egress, d->payload->size, e->query.now, &e->hold);
}

void swb_explanation_decide(struct swb_explanation *e, const struct swb_catalog *catalog,
                            struct swb_rollouts *rollouts, const struct swb_egress *egress,
                            int64_t now)
{
        e->query = (struct swb_select_query){.catalog = catalog,
                                             .rollouts = rollouts,
                                             .app = &e->words,
                                             .machineid = e->device.machineid,
                                             .now = now,
                                             .only_look = true};
        swb_select(&e->query, &e->decision);
        if (has_to_wait(e, egress)) {
                e->query.hold = &e->hold;
                swb_select(&e->query, &e->decision);
        }
        (void)swb_decision_explain(&e->query, &e->decision, e->text);
}

static const char *answer_of(const struct swb_explanation *e)
{
        return e->decision.outcome == SWB_SELECT_UPDATE ? "update" : "noupdate";
}

/* What it said last, whatever it is taken to say now. */
static void put_device(struct swb_json *json, const struct swb_explanation *e)
{
        const struct swb_device *device = &e->device;
        char state[SWB_DEVICE_STATE_TEXT], seen[SWB_TIME_TEXT];
        bool is_known = device->id != 0;

        swb_json_str(json, "known_version", is_known ? device->version : NULL);
        swb_json_str(json, "last_seen", is_known ? swb_format_time(device->last_seen, seen) : NULL);
        swb_json_str(json, "state",
                     is_known ? swb_device_describe(device, e->query.now,
                                                    SWB_SILENT_AFTER_SECONDS_DEFAULT, state)
                              : NULL);
}

struct rule_text {
        char text[SWB_VERSIONS_MAX + 1000];
        size_t n;
};

static void add_rule(struct rule_text *rules, const char *name, const char *rule)
{
        if (*rule && rules->n < sizeof(rules->text))
                rules->n += (size_t)snprintf(rules->text + rules->n, sizeof(rules->text) - rules->n,
                                             "%s%s%s", rules->n ? ", " : "", name, rule);
}

/* By which of its rules the device belongs to the group. */
static void put_group(struct swb_json *json, const struct swb_catalog_group *group)
{
        struct rule_text rules = {0};

        swb_json_str(json, "group", group ? group->name : NULL);
        if (group) {
                add_rule(&rules, "hardware class ", group->hardware_class);
                add_rule(&rules, "board ", group->board);
                add_rule(&rules, "asks for ", group->track);
                add_rule(&rules, "runs one of ", group->versions);
                add_rule(&rules, "tag ", group->tag);
                add_rule(&rules, "", group->has_machines ? "is on its list" : "");
                add_rule(&rules, "", rules.n == 0 ? "every device" : "");
        }
        swb_json_str(json, "group_rule", group ? rules.text : NULL);
}

void swb_json_explanation(struct swb_json *json, const struct swb_explanation *e)
{
        const struct swb_decision *d = &e->decision;
        bool is_update = d->outcome == SWB_SELECT_UPDATE;
        char passed[SWB_PASSED_TEXT];

        swb_json_str(json, "device", e->device.machineid);
        swb_json_str(json, "app", e->words.appid);
        swb_json_bool(json, "known", e->device.id != 0);
        swb_json_str(json, "version", e->words.version);
        put_device(json, e);
        swb_json_str(json, "answer", answer_of(e));
        swb_json_str(json, "release", is_update ? d->release->version : NULL);
        swb_json_bool(json, "delta", is_update && *d->payload->source_version);
        swb_json_u64(json, "bytes", is_update ? d->payload->size : 0);
        swb_json_str(json, "payload", is_update ? d->payload->name : NULL);
        swb_json_str(json, "passed_over",
                     d->passed ? swb_decision_explain_passed(&e->query, d, passed) : NULL);
        swb_json_str(json, "reads", e->words.reads);
        swb_json_str(json, "rule", swb_decision_word(d));
        swb_json_str(json, "info", e->text);
        put_group(json, d->group);
        swb_json_str(json, "channel", d->channel ? d->channel->name : NULL);
        swb_json_str(json, "channel_release",
                     d->channel && d->channel->release ? d->channel->release->version : NULL);
        swb_json_str(json, "rollout", d->rollout ? d->rollout->name : NULL);
        swb_json_str(json, "rollout_release", d->rollout ? d->rollout->release->version : NULL);
        swb_json_str(json, "rollout_status",
                     d->rollout ? swb_rollout_status_to_string(d->rollout->status) : NULL);
        swb_json_bool(json, "recall", d->recall);
}
