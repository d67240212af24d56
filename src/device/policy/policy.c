/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/policy.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/text.h"
#include "device/policy/scatter.h"

#define SECOND UINT64_C(1000000)

static const char *const gate_names[_SWB_GATE_MAX] = {
        [SWB_GATE_CHECK] = "check",
        [SWB_GATE_DOWNLOAD] = "download",
        [SWB_GATE_INSTALL] = "install",
        [SWB_GATE_REBOOT] = "reboot",
};

static const char *const rule_names[_SWB_RULE_MAX] = {
        [SWB_RULE_FREE] = "free",           [SWB_RULE_BY_HAND] = "by-hand",
        [SWB_RULE_DEADLINE] = "deadline",   [SWB_RULE_NOTHING] = "nothing",
        [SWB_RULE_MANUAL] = "manual",       [SWB_RULE_SCHEDULE] = "schedule",
        [SWB_RULE_RETRY] = "retry",         [SWB_RULE_BACKOFF] = "backoff",
        [SWB_RULE_INHIBITED] = "inhibited", [SWB_RULE_PAUSED] = "paused",
        [SWB_RULE_DEFERRED] = "deferred",   [SWB_RULE_SCATTER] = "scatter",
        [SWB_RULE_CLOCK] = "clock",         [SWB_RULE_WINDOW] = "window",
        [SWB_RULE_METERED] = "metered",     [SWB_RULE_BUDGET] = "budget",
        [SWB_RULE_BATTERY] = "battery",     [SWB_RULE_LOAD] = "load",
        [SWB_RULE_IN_USE] = "in-use",
};

const char *swb_gate_to_string(enum swb_gate gate)
{
        return gate_names[gate];
}

enum swb_gate swb_gate_from_string(const char *name)
{
        for (int i = 0; i < _SWB_GATE_MAX; i++)
                if (strcmp(gate_names[i], name) == 0)
                        return (enum swb_gate)i;
        return _SWB_GATE_INVALID;
}

const char *swb_rule_to_string(enum swb_rule rule)
{
        return rule_names[rule];
}

/* What [network] on-metered may say. */
enum on_metered { METERED_NO, METERED_DEADLINE, METERED_DELTA, METERED_YES, _METERED_MAX };

static const char *const on_metered_names[_METERED_MAX] = {
        [METERED_NO] = "no",
        [METERED_DEADLINE] = "deadline",
        [METERED_DELTA] = "delta",
        [METERED_YES] = "yes",
};

static enum on_metered on_metered(const struct swb_config *config)
{
        int i = 0;

        while (i < _METERED_MAX && strcmp(on_metered_names[i], config->network.on_metered) != 0)
                i++;
        return (enum on_metered)i;
}

int swb_policy_check_config(const struct swb_config *config, struct swb_error *err)
{
        const char *metered = config->network.metered;
        struct swb_staging staging;
        int r;

        if (strcmp(metered, "auto") != 0 && strcmp(metered, "yes") != 0 &&
            strcmp(metered, "no") != 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: [network] metered: '%s' is not auto, yes or no", config->path,
                                metered);
        if (on_metered(config) == _METERED_MAX)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: [network] on-metered: '%s' is not no, deadline, delta or yes",
                                config->path, config->network.on_metered);
        r = swb_staging_parse(config->policy.staging, &staging, err);
        return r < 0 ? swb_wrap(err, r, "%s: [policy] staging", config->path) : 0;
}

/* ---- rules ---- */

struct question {
        enum swb_gate gate;
        const struct swb_config *config;
        const struct swb_policy_facts *facts;
        bool is_late;        /* the deadline passed */
        uint64_t until_usec; /* allowed so far, but not for longer than this */
};

/* Return: true, it objects; the answer's facts and again_usec are filled. */
typedef bool (*objects_t)(struct question *q, struct swb_policy_answer *ret);

static bool object(struct swb_policy_answer *ret, uint64_t again_usec, const char *format, ...)
        _printf_(3, 4);
static bool object(struct swb_policy_answer *ret, uint64_t again_usec, const char *format, ...)
{
        va_list list;

        va_start(list, format);
        (void)vsnprintf(ret->facts, sizeof(ret->facts), format, list);
        va_end(list);
        ret->again_usec = again_usec;
        return true;
}

static bool is_automatic(const struct question *q, const char **ret_key)
{
        const struct swb_config *config = q->config;

        switch (q->gate) {
        case SWB_GATE_DOWNLOAD:
                *ret_key = "[update] auto-download";
                return config->update.auto_download;
        case SWB_GATE_INSTALL:
                *ret_key = "[update] auto-install";
                return config->update.auto_install;
        case SWB_GATE_REBOOT:
                *ret_key = "[reboot] automatic";
                return config->reboot.automatic;
        case SWB_GATE_CHECK:
        case _SWB_GATE_MAX:
        case _SWB_GATE_INVALID:
        default:
                return true;
        }
}

static bool is_manual(struct question *q, struct swb_policy_answer *ret)
{
        const char *key;

        return !is_automatic(q, &key) && object(ret, SWB_POLICY_NEVER, "%s is off", key);
}

static bool is_nothing(struct question *q, struct swb_policy_answer *ret)
{
        return !q->facts->has_update &&
               object(ret, SWB_POLICY_NEVER, "no update has come that far");
}

static bool is_scheduled(struct question *q, struct swb_policy_answer *ret)
{
        uint64_t left = q->facts->check_left_usec;

        return left > 0 && object(ret, left, "the next check is planned");
}

static bool is_retry(struct question *q, struct swb_policy_answer *ret)
{
        uint64_t left = q->facts->retry_left_usec;

        if (left == SWB_RETRY_AT_CHECK)
                return object(ret, SWB_MAX(q->facts->check_left_usec, SECOND),
                              "the last attempt ended early; it goes on after the next check");
        return left > 0 && object(ret, left, "the last attempt failed and is tried again");
}

static bool is_backoff(struct question *q, struct swb_policy_answer *ret)
{
        uint64_t left = q->facts->backoff_left_usec;

        return left > 0 &&
               object(ret, left, "the payload failed several times, or its server wants quiet");
}

/* The one that holds longest; ends at its own limit, which no deadline shortens. */
static bool is_inhibited(struct question *q, struct swb_policy_answer *ret)
{
        const struct swb_inhibitor *longest = NULL;

        for (size_t i = 0; i < q->facts->n_inhibitors; i++) {
                const struct swb_inhibitor *one = &q->facts->inhibitors[i];

                if ((one->gates & SWB_GATE_BIT(q->gate)) && one->left_usec > 0 &&
                    (!longest || one->left_usec > longest->left_usec))
                        longest = one;
        }
        return longest && object(ret, longest->left_usec, "'%.48s' holds it: %.80s", longest->who,
                                 longest->why);
}

static bool is_paused(struct question *q, struct swb_policy_answer *ret)
{
        return q->facts->is_paused && object(ret, q->facts->pause_left_usec, "paused");
}

static bool is_deferred(struct question *q, struct swb_policy_answer *ret)
{
        uint64_t left = q->facts->deferral_left_usec;

        return left > 0 && object(ret, left, "deferred: %.120s", q->facts->deferral_reason);
}

static bool is_scattered(struct question *q, struct swb_policy_answer *ret)
{
        uint64_t left = q->facts->scatter_left_usec;

        return left > 0 && object(ret, left, "this device's turn comes later");
}

static const struct swb_windows *windows_of(const struct question *q)
{
        const struct swb_config *config = q->config;

        if (q->gate == SWB_GATE_REBOOT)
                return &config->reboot.windows;
        return q->gate == SWB_GATE_INSTALL ? &config->policy.install_windows
                                           : &config->policy.download_windows;
}

/* A clock that is wrong opens no window, and does not keep them closed for ever. */
static bool is_clockless(struct question *q, struct swb_policy_answer *ret)
{
        const struct swb_policy_facts *facts = q->facts;

        if (windows_of(q)->n == 0 || facts->wall_is_sane ||
            facts->uptime_usec >= SWB_POLICY_CLOCK_USEC)
                return false;
        return object(ret,
                      SWB_MIN(SWB_POLICY_POLL_USEC, SWB_POLICY_CLOCK_USEC - facts->uptime_usec),
                      "the clock was not set yet");
}

static bool is_outside(struct question *q, struct swb_policy_answer *ret)
{
        const struct swb_windows *windows = windows_of(q);
        struct swb_opening opening;

        if (windows->n == 0 || !q->facts->wall_is_sane)
                return false;
        opening = swb_calendar_look(windows, q->facts->zone, q->facts->wall_usec);
        if (!opening.is_open)
                return object(ret, opening.change_usec, "outside its windows");
        q->until_usec = SWB_MIN(q->until_usec, opening.change_usec);
        return false;
}

static bool is_metered(struct question *q, struct swb_policy_answer *ret)
{
        enum on_metered how = on_metered(q->config);

        q->until_usec = SWB_MIN(q->until_usec, SWB_POLICY_POLL_USEC);
        if (q->facts->network != SWB_NETWORK_METERED || how == METERED_YES ||
            (how == METERED_DELTA && q->facts->is_delta) || (q->is_late && how != METERED_NO))
                return false;
        return object(ret, SWB_POLICY_POLL_USEC,
                      "the network is metered, [network] on-metered is %s",
                      q->config->network.on_metered);
}

/* What fits into a whole period, but not into the rest of this one, waits for the next; what is
 * larger than any period goes in pieces. */
static bool is_over(const struct swb_allowance *allowance, uint64_t bytes_left)
{
        if (allowance->limit_bytes == 0 || allowance->left_bytes >= bytes_left)
                return false;
        return allowance->left_bytes == 0 || bytes_left <= allowance->limit_bytes;
}

static bool is_over_budget(struct question *q, struct swb_policy_answer *ret)
{
        static const char *const names[SWB_ALLOWANCES] = {"day", "month",
                                                          "month on metered networks"};
        const struct swb_policy_facts *facts = q->facts;
        size_t n = facts->network == SWB_NETWORK_METERED ? SWB_ALLOWANCES : SWB_ALLOWANCES - 1;
        char left[SWB_SIZE_TEXT], need[SWB_SIZE_TEXT];

        for (size_t i = 0; i < n; i++)
                if (is_over(&facts->allowances[i], facts->bytes_left))
                        return object(ret, facts->allowances[i].renewal_usec,
                                      "%s left of this %s's budget, the %s payload needs %s",
                                      swb_format_size(facts->allowances[i].left_bytes, left),
                                      names[i], facts->is_delta ? "delta" : "full",
                                      swb_format_size(facts->bytes_left, need));
        return false;
}

static bool is_battery_low(struct question *q, struct swb_policy_answer *ret)
{
        const struct swb_policy_facts *facts = q->facts;

        q->until_usec = SWB_MIN(q->until_usec, SWB_POLICY_POLL_USEC);
        return facts->on_battery &&
               facts->battery_percent < q->config->policy.min_battery_percent &&
               object(ret, SWB_POLICY_POLL_USEC, "on battery, %u %% left", facts->battery_percent);
}

static bool is_loaded(struct question *q, struct swb_policy_answer *ret)
{
        uint64_t most = q->gate == SWB_GATE_REBOOT ? q->config->reboot.load_percent
                                                   : q->config->policy.download_load_percent;

        if (most == 0)
                return false;
        q->until_usec = SWB_MIN(q->until_usec, SWB_POLICY_POLL_USEC);
        return q->facts->load_percent > most &&
               object(ret, SWB_POLICY_POLL_USEC, "the load is %u %%, at most %" PRIu64 " %%",
                      q->facts->load_percent, most);
}

static bool is_in_use(struct question *q, struct swb_policy_answer *ret)
{
        return q->config->reboot.wait_for_users && q->facts->is_in_use &&
               object(ret, SWB_POLICY_POLL_USEC, "somebody is logged in and active");
}

#define CHECK SWB_GATE_BIT(SWB_GATE_CHECK)
#define DOWNLOAD SWB_GATE_BIT(SWB_GATE_DOWNLOAD)
#define INSTALL SWB_GATE_BIT(SWB_GATE_INSTALL)
#define REBOOT SWB_GATE_BIT(SWB_GATE_REBOOT)

static const struct {
        enum swb_rule rule;
        unsigned gates;
        bool yields; /* does not object any more when the deadline has passed */
        objects_t objects;
} rules[] = {
        {SWB_RULE_NOTHING, DOWNLOAD | INSTALL | REBOOT, false, is_nothing},
        {SWB_RULE_MANUAL, DOWNLOAD | INSTALL | REBOOT, false, is_manual},
        {SWB_RULE_PAUSED, CHECK | DOWNLOAD | INSTALL | REBOOT, true, is_paused},
        {SWB_RULE_SCHEDULE, CHECK, false, is_scheduled},
        {SWB_RULE_RETRY, DOWNLOAD, false, is_retry},
        {SWB_RULE_BACKOFF, DOWNLOAD, false, is_backoff},
        {SWB_RULE_DEFERRED, DOWNLOAD | INSTALL | REBOOT, true, is_deferred},
        {SWB_RULE_SCATTER, DOWNLOAD, true, is_scattered},
        {SWB_RULE_CLOCK, DOWNLOAD | INSTALL | REBOOT, true, is_clockless},
        {SWB_RULE_WINDOW, DOWNLOAD | INSTALL | REBOOT, true, is_outside},
        {SWB_RULE_METERED, DOWNLOAD, false, is_metered}, /* decides about the deadline itself */
        {SWB_RULE_BUDGET, DOWNLOAD, false, is_over_budget},
        {SWB_RULE_BATTERY, DOWNLOAD | INSTALL | REBOOT, false, is_battery_low},
        {SWB_RULE_LOAD, DOWNLOAD | REBOOT, true, is_loaded},
        {SWB_RULE_IN_USE, REBOOT, true, is_in_use},
        {SWB_RULE_INHIBITED, CHECK | DOWNLOAD | INSTALL | REBOOT, false, is_inhibited},
};

struct swb_policy_answer swb_policy_ask(enum swb_gate gate, const struct swb_config *config,
                                        const struct swb_policy_facts *facts)
{
        struct swb_policy_answer answer = {.rule = SWB_RULE_FREE, .again_usec = SWB_POLICY_NEVER};
        bool is_late = facts->has_update && facts->has_deadline && facts->deadline_left_usec == 0;
        struct question q = {gate, config, facts, is_late, SWB_POLICY_NEVER};

        if (facts->by_hand) {
                answer.allow = true;
                answer.rule = SWB_RULE_BY_HAND;
                return answer;
        }
        for (size_t i = 0; i < SWB_ELEMENTS(rules); i++) {
                if (!(rules[i].gates & SWB_GATE_BIT(gate)) || !rules[i].objects(&q, &answer))
                        continue;
                if (rules[i].yields && is_late) {
                        answer.rule = SWB_RULE_DEADLINE;
                        continue;
                }
                answer.rule = rules[i].rule;
                if (rules[i].yields && facts->has_update && facts->has_deadline)
                        answer.again_usec = SWB_MIN(answer.again_usec, facts->deadline_left_usec);
                return answer;
        }
        answer.allow = true;
        answer.again_usec = q.until_usec;
        if (answer.rule == SWB_RULE_DEADLINE)
                (void)object(&answer, q.until_usec, "the deadline has passed");
        return answer;
}
