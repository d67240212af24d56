/* SPDX-License-Identifier: Apache-2.0 */
#include "server/select/explain.h"

#include <stdarg.h>

#include "base/text.h"

#define SENTENCE_MAX 300

const char *swb_decision_word(const struct swb_decision *decision)
{
        return decision->outcome == SWB_SELECT_ROLLOUT
                       ? swb_hold_to_string(decision->hold)
                       : swb_select_outcome_to_string(decision->outcome);
}

static void say(char *text, const char *format, ...) _printf_(2, 3);

static void say(char *text, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, SENTENCE_MAX, format, args);
        va_end(args);
}

static void explain_hold(const struct swb_select_query *q, const struct swb_decision *d, char *text)
{
        const struct swb_catalog_rollout *o = d->rollout;
        const char *version = o->release->version;
        unsigned share;

        switch (d->hold) {
        case SWB_HOLD_NO_ID:
                say(text, "rollout '%s' of %s counts its devices, and this one sends no machine id",
                    o->name, version);
                break;
        case SWB_HOLD_PAUSED:
        case SWB_HOLD_RECALLED:
                say(text, "rollout '%s' of %s%s%s", o->name, version, *o->reason ? ": " : "",
                    o->reason);
                break;
        case SWB_HOLD_STAGE:
                share = swb_bucket(&o->bucket_key, q->machineid) / 100;
                say(text,
                    "rollout '%s' of %s is at stage %zu of %zu (%s); this device's turn is at "
                    "%u.%02u%%",
                    o->name, version, o->stage + 1, o->n_stages, o->stage_size, share / 100,
                    share % 100);
                break;
        case SWB_HOLD_FELL_BACK:
                say(text, "it took %s from rollout '%s' and did not stay on it", version, o->name);
                break;
        case SWB_HOLD_BLOCKED_CLASS:
                say(text, "%s failed on hardware class '%s'", version, q->app->hardware_class);
                break;
        case SWB_HOLD_NONE:
        case SWB_HOLD_HOURS:
        case SWB_HOLD_FULL:
        case SWB_HOLD_CONCURRENCY:
        case SWB_HOLD_RATE:
        case SWB_HOLD_MEMORY:
        case _SWB_HOLD_MAX:
        default:
                say(text, "rollout '%s' of %s is at stage %zu of %zu (%s)", o->name, version,
                    o->stage + 1, o->n_stages, o->stage_size);
        }
}

static void explain_update(const struct swb_decision *d, char *text)
{
        const char *source = d->payload->source_version;

        say(text, "%s, %s%s, from %s '%s'%s", d->release->version,
            *source ? "a delta from " : "in full", source, d->rollout ? "rollout" : "channel",
            d->rollout ? d->rollout->name : d->channel->name,
            d->rollback                                       ? ", a way back"
            : d->rollout && d->release != d->rollout->release ? ", a step on the way"
                                                              : "");
}

static const char *prefix_of(const struct swb_select_query *q, const struct swb_decision *d)
{
        const char *asked = q->app->update_check.targetversionprefix;

        return *asked || !d->group ? asked : d->group->pin;
}

const char *swb_decision_explain_passed(const struct swb_select_query *query,
                                        const struct swb_decision *d, char *text)
{
        char lack[SWB_LACK_TEXT], size[SWB_SIZE_TEXT];
        struct swb_abilities abilities;
        const char *source;

        *text = '\0';
        if (!d->passed)
                return text;
        source = d->passed->source_version;
        swb_abilities_parse(query->app->reads, &abilities);
        (void)snprintf(text, SWB_PASSED_TEXT, "%s%s, %s, is passed over: it %s",
                       *source ? "the delta from " : "a full payload", source,
                       swb_format_size(d->passed->size, size),
                       swb_abilities_describe_lack(&abilities, &d->passed->demands, lack));
        return text;
}

static void explain_outcome(const struct swb_select_query *q, const struct swb_decision *d,
                            char *text)
{
        const char *group = d->group ? d->group->name : "";

        switch (d->outcome) {
        case SWB_SELECT_UPDATE:
                explain_update(d, text);
                break;
        case SWB_SELECT_UP_TO_DATE:
                say(text, "it runs %s, as channel '%s' wants", q->app->version, d->channel->name);
                break;
        case SWB_SELECT_UNKNOWN_CHANNEL:
                say(text, "there is no channel '%s'", d->group ? d->group->channel : q->app->track);
                break;
        case SWB_SELECT_HELD:
                say(text, "group '%s' gets no updates", group);
                break;
        case SWB_SELECT_EMPTY_CHANNEL:
                say(text, "channel '%s' gives nothing", d->channel->name);
                break;
        case SWB_SELECT_DISABLED:
                say(text, "%s is there, but the device says that it takes none",
                    d->release->version);
                break;
        case SWB_SELECT_AHEAD:
                say(text, "it runs %s, channel '%s' gives %s", q->app->version, d->channel->name,
                    d->release->version);
                break;
        case SWB_SELECT_PREFIX:
                say(text, "channel '%s' has none that begins with '%s'", d->channel->name,
                    prefix_of(q, d));
                break;
        case SWB_SELECT_NO_PAYLOAD:
                if (d->passed) {
                        char passed[SWB_PASSED_TEXT];

                        say(text, "%s has no other payload for it, and %s", d->release->version,
                            swb_decision_explain_passed(q, d, passed));
                        break;
                }
                say(text, "%s has no full payload, and no delta from %s", d->release->version,
                    q->app->version);
                break;
        case SWB_SELECT_BLOCKED:
                say(text, "%s is blocked for hardware class '%s'", d->release->version,
                    q->app->hardware_class);
                break;
        case SWB_SELECT_ROLLOUT:
                explain_hold(q, d, text);
                break;
        case SWB_SELECT_EGRESS:
                say(text, "egress cap: %s is there, but what may be offered %s is given away",
                    d->release->version, d->is_day ? "on this day (UTC)" : "in this second");
                break;
        case SWB_SELECT_UNKNOWN_APP:
        case _SWB_SELECT_MAX:
        default:
                say(text, "there is no app '%s'", q->app->appid);
        }
}

const char *swb_decision_explain(const struct swb_select_query *query,
                                 const struct swb_decision *decision, char *text)
{
        char sentence[SENTENCE_MAX];

        explain_outcome(query, decision, sentence);
        (void)snprintf(text, SWB_EXPLAIN_TEXT, "%s: %s", swb_decision_word(decision), sentence);
        return text;
}
