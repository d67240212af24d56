/* SPDX-License-Identifier: Apache-2.0 */
/* Decide on the server's answer. */
#include <inttypes.h>

#include "base/log.h"
#include "base/text.h"
#include "device/engine/machine.h"
#include "device/policy/scatter.h"

/* A reboot that is nearer than this is not put off by a newer version. */
#define REPLACE_USEC (2 * 3600 * SECOND)

static void take_marks(struct swb_state *state, const struct swb_answer *answer)
{
        state->server_attempt = SWB_MAX(state->server_attempt, answer->attempt);
        if (answer->day > 0)
                state->ping_day = answer->day;
        if (answer->has_cohort)
                memcpy(state->cohort, answer->cohort, sizeof(state->cohort));
        if (answer->has_cohort_hint)
                memcpy(state->cohort_hint, answer->cohort_hint, sizeof(state->cohort_hint));
        if (answer->has_cohort_name)
                memcpy(state->cohort_name, answer->cohort_name, sizeof(state->cohort_name));
}

/* Return: 0 if its second try is due, or why it is not taken. */
static int judge_failed(struct swb_engine *e, const struct swb_failed *failed,
                        struct swb_error *err)
{
        uint64_t second_try_usec = e->config->update.second_try_usec;
        struct swb_now now;

        if (swb_failed_is_final(failed, second_try_usec))
                return swb_fail(err, -EPERM, failed->fault,
                                "version %s failed on this device and is not taken again: %s",
                                failed->version, failed->text);
        swb_engine_get_now(e, &now);
        /* A clock that went back counts for nothing: then the wait is longer, not endless. */
        if (now.wall_usec < failed->wall_usec + second_try_usec)
                return swb_fail(err, -EPERM, failed->fault,
                                "version %s failed on this device and gets its second try %" PRIu64
                                " minutes after that: %s",
                                failed->version, second_try_usec / (60 * SECOND), failed->text);
        swb_log(SWB_LOG_NOTICE, "version %s gets a second try: %s", failed->version, failed->text);
        return 0;
}

/* The server wants another try of what failed here: what was wrong lay elsewhere. */
static bool is_raised(const struct swb_failed *failed, const struct swb_answer *answer)
{
        bool is_raised = answer->attempt > failed->server_attempt;

        if (is_raised)
                swb_log(SWB_LOG_NOTICE,
                        "version %s failed on this device and is taken again, as the server's "
                        "attempt %" PRIu64 ": %s",
                        failed->version, answer->attempt, failed->text);
        return is_raised;
}

/* Return: 0, or why this device does not take what it is offered. */
static int judge_offer(struct swb_engine *e, const struct swb_answer *answer, struct swb_error *err)
{
        const struct swb_failed *failed = swb_state_find_failed(e->state, answer->version);
        const char *who = answer->is_local ? "the payload is of" : "the server offers";
        int order = swb_version_compare(answer->version, e->facts.version);

        if (failed && !is_raised(failed, answer) && judge_failed(e, failed, err) < 0)
                return err->code;
        if (order == 0)
                return swb_fail(err, -EPERM, SWB_FAULT_DOWNGRADE,
                                "%s version %s, which already runs", who, answer->version);
        if (order < 0)
                return swb_fail(err, -EPERM, SWB_FAULT_DOWNGRADE,
                                "%s version %s, older than %s which runs", who, answer->version,
                                e->facts.version);
        if (answer->is_delta && (e->state->full_only || !e->config->update.delta))
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "%s version %s as a delta, but a full payload was asked for", who,
                                answer->version);
        return 0;
}

/* Reported once a version: the server should know, not be flooded. */
static void refuse(struct swb_engine *e, const struct swb_answer *answer,
                   const struct swb_error *why)
{
        struct swb_state *state = e->state;
        struct swb_pending offered = {.slot = swb_slot_other(e->facts.slot)};

        (void)swb_log_failure(SWB_LOG_WARNING, why, "offer refused");
        swb_engine_set_error(e, why);
        swb_state_clear_pending(state);
        swb_state_clear_found(state);
        if (strcmp(state->refused_version, answer->version) == 0)
                return;
        memcpy(state->refused_version, answer->version, sizeof(state->refused_version));
        memcpy(offered.version, answer->version, sizeof(offered.version));
        memcpy(offered.from_version, e->facts.version, sizeof(e->facts.version));
        swb_report_queue(state, SWB_REPORT_REFUSED, &offered, why, 0);
}

static bool is_same_payload(const struct swb_pending *pending, const struct swb_answer *answer)
{
        return pending->phase != SWB_PHASE_NONE &&
               pending->payload_bytes == answer->payload_bytes &&
               memcmp(pending->payload_hash, answer->payload_hash, SWB_SHA256_BYTES) == 0 &&
               strcmp(pending->version, answer->version) == 0;
}

static void note_found(struct swb_engine *e)
{
        struct swb_state *state = e->state;
        struct swb_now now;

        if (state->found.boot_id[0] != '\0')
                return;
        swb_engine_get_now(e, &now);
        state->found = swb_schedule_due(&now, 0, false);
        state->scatter_usec = swb_scatter_draw(e->config, now.dice);
        e->told_warnings = 0;
}

static void add_url(struct swb_pending *p, const char *url)
{
        for (size_t i = 0; i < p->n_urls; i++)
                if (strcmp(p->url[i], url) == 0)
                        return;
        if (p->n_urls < SWB_URLS_MAX)
                memcpy(p->url[p->n_urls++], url, strlen(url) + 1);
}

/* Where somebody pointed comes first and stays; the places that the server names stand in for it,
 * also those that it named before. */
static void take_urls(struct swb_pending *p, const struct swb_answer *answer)
{
        if (answer->is_local && p->n_urls > 0) {
                size_t first = p->is_local ? 1 : 0, room = SWB_URLS_MAX - 1;
                size_t n = SWB_MIN(p->n_urls - first, room);

                memmove(p->url[1], p->url[first], n * sizeof(p->url[0]));
                p->n_urls = n + 1;
                memcpy(p->url[0], answer->url[0], sizeof(p->url[0]));
        } else {
                p->n_urls = p->is_local ? 1 : 0;
                for (size_t i = 0; i < answer->n_urls; i++)
                        add_url(p, answer->url[i]);
        }
        p->is_local = p->is_local || answer->is_local;
}

/* The pending update becomes what is offered. The same payload keeps what was done for it, wherever
 * its bytes come from now. */
static void take_offer(struct swb_engine *e, const struct swb_answer *answer)
{
        struct swb_pending *p = &e->state->pending;
        bool by_hand =
                e->install_when_found || (p->by_hand && strcmp(p->version, answer->version) == 0);

        if (!is_same_payload(p, answer)) {
                swb_state_clear_pending(e->state);
                p->phase = SWB_PHASE_FOUND;
                memset(e->reported_rules, 0, sizeof(e->reported_rules));
                p->slot = swb_slot_other(e->facts.slot);
                e->quick_retries = 0;
                e->status.progress = 0;
                e->status.bytes_done = 0;
        }
        note_found(e);
        p->by_hand = by_hand;
        memcpy(p->version, answer->version, sizeof(p->version));
        memcpy(p->from_version, e->facts.version, sizeof(e->facts.version));
        memcpy(p->payload_hash, answer->payload_hash, SWB_SHA256_BYTES);
        p->payload_bytes = answer->payload_bytes;
        take_urls(p, answer);
        p->is_delta = answer->is_delta;
        memcpy(p->deadline, answer->deadline, sizeof(p->deadline));
        p->no_backoff = answer->no_backoff;
        p->url_failures = answer->url_failures;
        e->status.bytes_total = p->payload_bytes;
        swb_log(SWB_LOG_INFO, "version %s is available: %s payload of %" PRIu64 " bytes",
                p->version, p->is_delta ? "delta" : "full", p->payload_bytes);
}

/* Where there are only deltas, one that was given up must not keep the device from all others. It
 * has one more try a check, not all of them. */
static void take_no_update(struct swb_engine *e, const struct swb_answer *answer)
{
        struct swb_state *state = e->state;

        swb_log(SWB_LOG_INFO, "no update%s%s", answer->info[0] ? ": " : "", answer->info);
        swb_state_clear_pending(state);
        swb_state_clear_found(state);
        if (!state->full_only)
                return;
        swb_log(SWB_LOG_INFO, "there is no full payload: deltas are taken again");
        state->full_only = false;
        state->delta_failures = e->config->update.max_delta_failures - 1;
}

/* What somebody pointed at is not given up because the server has nothing, or the same version in
 * another payload; only for something newer. */
static bool is_kept(const struct swb_engine *e, const struct swb_answer *answer)
{
        const struct swb_pending *p = &e->state->pending;

        return p->phase != SWB_PHASE_NONE && p->is_local && p->failures == 0 &&
               !(p->is_delta && e->state->full_only) && !is_same_payload(p, answer) &&
               !(answer->has_update && swb_version_compare(answer->version, p->version) > 0);
}

static void decide(struct swb_engine *e, const struct swb_answer *answer)
{
        struct swb_error why = SWB_ERROR_INIT;

        if (is_kept(e, answer)) {
                swb_log(SWB_LOG_INFO, "version %s from '%s' goes on", e->state->pending.version,
                        e->state->pending.url[0]);
        } else if (!answer->has_update) {
                take_no_update(e, answer);
        } else if (judge_offer(e, answer, &why) < 0) {
                refuse(e, answer, &why);
        } else {
                take_offer(e, answer);
        }
        e->install_when_found = false;
        swb_engine_save_or_warn(e);
        if (e->state->pending.phase == SWB_PHASE_NONE)
                swb_engine_settle(e, "no update to take");
        else
                swb_engine_proceed(e);
}

/* OM-27. A slot that can't be taken out stays as it is until the next check, and is told of. */
static void obey_recall(struct swb_engine *e, const struct swb_answer *answer)
{
        struct swb_error err = SWB_ERROR_INIT;

        swb_log(SWB_LOG_NOTICE, "version %s is recalled%s%s", e->state->pending.version,
                answer->info[0] ? ": " : "", answer->info);
        if (swb_engine_discard(e, &err) >= 0)
                return;
        (void)swb_log_failure(SWB_LOG_ERROR, &err, "the recalled version can't be given up");
        swb_engine_set_error(e, &err);
        swb_engine_report_trouble(e, &err);
}

/* The reboot into what is installed comes first when it is a matter of minutes: what replaces it
 * would make it late. */
static bool is_reboot_near(struct swb_engine *e)
{
        struct swb_deadline deadline = swb_engine_deadline(e);
        struct swb_policy_answer reboot = swb_engine_ask(e, SWB_GATE_REBOOT);

        return e->reboot_boot_usec > 0 || reboot.allow ||
               (deadline.is_set && deadline.left_usec < REPLACE_USEC) ||
               (reboot.rule == SWB_RULE_WINDOW && reboot.again_usec < REPLACE_USEC);
}

/* Installed, and not started yet: is this worth doing it again? */
static bool replaces_installed(struct swb_engine *e, const struct swb_answer *answer)
{
        struct swb_error why = SWB_ERROR_INIT;
        enum swb_engine_state state = e->status.state;

        return answer->has_update && (state == SWB_ENGINE_UPDATED || state == SWB_ENGINE_HELD) &&
               swb_version_compare(answer->version, e->state->pending.version) > 0 &&
               !is_reboot_near(e) && judge_offer(e, answer, &why) >= 0;
}

/* Return: whether there is room for the newer one now. */
static bool give_up_installed(struct swb_engine *e, const struct swb_answer *answer)
{
        struct swb_error err = SWB_ERROR_INIT;

        swb_log(SWB_LOG_NOTICE, "version %s takes the place of %s, which was not started yet",
                answer->version, e->state->pending.version);
        if (swb_engine_discard(e, &err) >= 0)
                return true;
        (void)swb_log_failure(SWB_LOG_ERROR, &err, "the installed version stays");
        return false;
}

void swb_engine_take_pointed(struct swb_engine *e, const struct swb_answer *answer)
{
        bool is_installed = e->state->pending.phase == SWB_PHASE_INSTALLED;
        struct swb_error why = SWB_ERROR_INIT;

        if (is_installed && is_same_payload(&e->state->pending, answer)) {
                swb_engine_touch(e); /* done already */
                return;
        }
        if (judge_offer(e, answer, &why) < 0) {
                (void)swb_log_failure(SWB_LOG_WARNING, &why, "payload refused");
                swb_engine_set_error(e, &why);
                swb_engine_settle(e, "the payload is refused");
                return;
        }
        if (is_installed && !give_up_installed(e, answer))
                return;
        e->install_when_found = true;
        take_offer(e, answer);
        e->install_when_found = false;
        swb_engine_save_or_warn(e);
        swb_engine_proceed(e);
}

void swb_engine_take_answer(struct swb_engine *e, const struct swb_answer *answer)
{
        bool is_at_work = e->getter || e->installer;
        bool is_installed = e->state->pending.phase == SWB_PHASE_INSTALLED;

        take_marks(e->state, answer);
        swb_engine_clear_error(e);
        if (!is_at_work && !is_installed) {
                decide(e, answer);
                return;
        }
        if (is_installed && answer->is_recall) {
                obey_recall(e, answer);
                return;
        }
        if (is_installed && replaces_installed(e, answer) && give_up_installed(e, answer)) {
                decide(e, answer);
                return;
        }
        /* Nothing is taken up beside an update that is under way. */
        if (answer->has_update && strcmp(answer->version, e->state->pending.version) != 0)
                swb_log(SWB_LOG_INFO, "version %s is available, but %s comes first",
                        answer->version, e->state->pending.version);
        swb_engine_save_or_warn(e);
        swb_engine_touch(e);
}
