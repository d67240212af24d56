/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/engine/machine.h - inside the engine: the parts of the state machine to each other
 *
 *   engine.c      life cycle
 *   verbs.c       what people and applications may ask for
 *   machine.c     changes of state and status, timers, storing
 *   started.c     what to go on with at the start, by the verdict
 *   checking.c    ask the server
 *   abilities.c   which payloads swb-install can apply, for the server
 *   pointing.c    look at a payload that somebody points at
 *   offer.c       decide on its answer
 *   attempt.c     one attempt at installing: swb-install and swb-fetch get, side by side
 *   post_installing.c  the new system's own program, before its first boot
 *   retrying.c    what a failed attempt means for the next one
 *   installed.c   boot flags set, reboot
 *   confirming.c  health checks, marking good
 *   guarding.c    the hardware watchdog meanwhile
 *   rejecting.c   a new system that failed is left for good
 *   asking.c      the facts for the policy, its answers, and when to ask again
 *   considering.c what to begin, stop or call off because an answer changed
 *   rollback.c    what may be said about the running system by hand
 *   past.c        what became of earlier updates
 *   holding.c     pause, deferral, inhibitors
 *   sending.c     the event queue to the server
 *   doctoring.c   is this device fit for an update?
 */
#include "device/confirm/confirm.h"
#include "device/confirm/watchdog.h"
#include "device/engine/args.h"
#include "device/engine/engine.h"
#include "device/engine/reports.h"
#include "device/engine/schedule.h"
#include "device/engine/verdict.h"
#include "device/policy/inhibitors.h"

#define SECOND UINT64_C(1000000)

struct swb_engine;

/* The installer and the getter of one attempt, and who failed first. */
struct swb_attempt {
        int pipe;           /* write end, until the getter is done */
        bool has_all_bytes; /* the getter delivered the last byte, or none was missing */
        bool is_cancelled;  /* we stopped it … */
        bool is_held;       /* … because the gate closed */
        bool is_ours;       /* it failed before a worker ran */
        struct swb_worker_end get, install;
        bool has_get_failed;            /* before the installer did */
        char version[SWB_VERSION_TEXT]; /* that the installer found in the payload */
        bool is_post_installed;         /* the new system's own program has run; post says how */
        struct swb_worker_end post;
        void (*conclude)(struct swb_engine *e); /* called when it has */
};

struct swb_engine {
        const struct swb_config *config; /* borrowed */
        sd_event *event;
        struct swb_engine_hooks hooks;
        int lock;       /* on the state folder */
        bool is_loaded; /* the state is what the file held: it may be stored again */
        bool is_ready;  /* facts, state and flags are known: updates are possible */
        bool is_stopping;

        struct swb_facts facts;
        char abilities[SWB_ABILITIES_TEXT_MAX]; /* "": not known */
        bool are_abilities_asked;
        char boot_id[SWB_BOOT_ID_TEXT];
        struct swb_boot *boot;
        struct swb_state *state;

        struct swb_status status;

        struct swb_worker *checker, *reporter, *getter, *command;
        struct swb_worker *installer; /* what is at work on the other slot: post-install, too */
        bool install_when_found;      /* what the running check finds is wanted by hand */
        struct swb_attempt attempt;
        unsigned quick_retries;        /* since the last progress */
        enum swb_fault reported_fault; /* lasting trouble that the server was told of */

        struct swb_confirm *confirm;
        sd_event_source *confirm_io;
        struct swb_watchdog *watchdog; /* NULL: none, or not confirming */
        sd_event_source *watchdog_timer;
        uint64_t guarded_until_usec; /* boot clock: it is not fed longer */
        struct swb_error unhealthy;  /* what the health checks found */
        unsigned patience;           /* rounds that the reboot waited for the reporter */

        struct swb_zone zone;
        bool is_zone_missed; /* that there is none was logged */
        struct swb_inhibitors inhibitors;
        bool is_in_use;           /* as logind says */
        enum swb_network network; /* as the network's own manager says */
        bool waits_for_gate;      /* nothing but a gate keeps the pending update from going on */
        bool was_check_put_off;   /* by a pause */
        enum swb_rule told_rule[_SWB_GATE_MAX]; /* in the log */
        unsigned reported_rules[_SWB_GATE_MAX]; /* to the server, of the pending update */
        uint64_t unsaved_bytes;                 /* downloaded, not yet in the stored usage */
        unsigned told_warnings;                 /* of the deadline */
        uint64_t reboot_boot_usec;              /* announced for then; 0: not announced */
        bool is_logind_useless;                 /* it was just asked to reboot, in vain */
        uint64_t check_boot_usec;               /* the next check; 0: none planned */
        uint64_t later_boot_usec;
        sd_event_source *again_timer; /* ask the policy again */
        uint64_t again_boot_usec;     /* UINT64_MAX: not armed */

        sd_event_source *check_timer;
        sd_event_source *later_timer; /* one thing to do later; states exclude a second one */
        void (*later)(struct swb_engine *engine);
};

/* ---- machine.c ---- */

/* Logs the transition and tells the hooks. `why` is for the log. */
void swb_engine_enter(struct swb_engine *e, enum swb_engine_state state, const char *why);
/* The status changed otherwise. */
void swb_engine_touch(struct swb_engine *e);
void swb_engine_set_error(struct swb_engine *e, const struct swb_error *err);
void swb_engine_clear_error(struct swb_engine *e);
int swb_engine_save(struct swb_engine *e, struct swb_error *err);
/* For changes that are only convenient to have on the medium; a failure is logged. */
void swb_engine_save_or_warn(struct swb_engine *e);
int swb_engine_add_timers(struct swb_engine *e, sd_event_time_handler_t on_check,
                          sd_event_time_handler_t on_again, struct swb_error *err);
/* Calls on_again then, or earlier. */
void swb_engine_ask_again(struct swb_engine *e, uint64_t usec);
void swb_engine_later(struct swb_engine *e, uint64_t usec, void (*function)(struct swb_engine *));
void swb_engine_not_later(struct swb_engine *e);
void swb_engine_get_now(struct swb_engine *e, struct swb_now *ret);
struct swb_schedule swb_engine_schedule(const struct swb_engine *e);
void swb_engine_plan_check(struct swb_engine *e, uint64_t wait_usec, bool is_order);
/* The check's timer alone, without a new plan. */
void swb_engine_postpone_check(struct swb_engine *e, uint64_t usec);
void swb_engine_plan_no_check(struct swb_engine *e);
/* Back to where the pending update stands (idle, available). */
void swb_engine_settle(struct swb_engine *e, const char *why);
struct swb_args_from swb_engine_args_from(const struct swb_engine *e);
/* When a worker's end was handled: goes on with stopping if that is under way. True: do nothing
 * more. */
bool swb_engine_is_stopping(struct swb_engine *e);

/* ---- abilities.c ---- */

/* Once, before the first check; a failure is logged. */
void swb_engine_learn_abilities(struct swb_engine *e);

/* ---- past.c ---- */

/* why: NULL for an update that is complete. */
void swb_engine_note_past(struct swb_engine *e, const struct swb_pending *update,
                          const struct swb_error *why);

/* ---- asking.c ---- */

/* By hand as the pending update is; SWB_GATE_CHECK and SWB_GATE_REBOOT never are. */
struct swb_policy_answer swb_engine_ask(struct swb_engine *e, enum swb_gate gate);
/* Asks, logs a new objection, and sees to it that the question is asked again in time. */
bool swb_engine_is_allowed(struct swb_engine *e, enum swb_gate gate);
/* For the status. */
void swb_engine_look_at_gates(struct swb_engine *e);
struct swb_deadline swb_engine_deadline(struct swb_engine *e);
/* Bytes of the payload arrived. */
void swb_engine_note_bytes(struct swb_engine *e, uint64_t n_bytes);

/* ---- holding.c ---- */

/* Before each verb: a device that couldn't update may be able to by now. */
int swb_engine_need_ready(struct swb_engine *e, struct swb_error *err);
int swb_engine_put_off_reboot(struct swb_engine *e, struct swb_error *err);

/* ---- considering.c ---- */

/* A fact changed or it is time to ask again: begins, stops or calls off what follows from it. */
void swb_engine_consider(struct swb_engine *e);
/* An announced reboot is called off. */
void swb_engine_call_off(struct swb_engine *e, const char *why);

/* ---- the others ---- */

int swb_engine_take_up(struct swb_engine *e, struct swb_error *err);
void swb_engine_take_up_later(struct swb_engine *e);
/* Tries, and again later if it fails. */
void swb_engine_take_up_at_once(struct swb_engine *e);
int swb_engine_take_lock(struct swb_engine *e, struct swb_error *err);
/* Facts, state and flags at the start; the last step of taking up. */
int swb_engine_begin(struct swb_engine *e, struct swb_error *err);
/* Judges the situation and goes on accordingly; tries again later if that fails. */
void swb_engine_judge(struct swb_engine *e);

/* The doctor before an attempt: heals, logs; what refuses is the failure. */
int swb_engine_check_up(struct swb_engine *e, bool writes, struct swb_error *err);
/* BUSY when the doctor would disturb, or be misled by, what goes on. */
int swb_engine_is_examinable(const struct swb_engine *e, struct swb_error *err);

/* 0 also when one is running already. */
int swb_engine_run_check(struct swb_engine *e, bool by_hand, struct swb_error *err);
void swb_engine_take_answer(struct swb_engine *e, const struct swb_answer *answer);
/* Of a payload that somebody pointed at. What is refused leaves everything as it is. */
void swb_engine_take_pointed(struct swb_engine *e, const struct swb_answer *answer);

/* Begins or resumes if the download gate is open, else settles. */
void swb_engine_proceed(struct swb_engine *e);
void swb_engine_stop_attempt(struct swb_engine *e, const char *why);
void swb_engine_plan_retry(struct swb_engine *e, const struct swb_error *cause);
/* Asks the server anew for what is pending. */
void swb_engine_recheck(struct swb_engine *e);

/*
 * Runs the new system's own program, if one is configured and has not run in this attempt;
 * conclude() is called when it has ended. Return: 1 it runs, 0 there is none or it is content, < 0
 * its failure (POST_INSTALL: the version's fault), or why it could not be started.
 */
int swb_engine_post_install(struct swb_engine *e, void (*conclude)(struct swb_engine *e),
                            struct swb_error *err);

void swb_engine_activate(struct swb_engine *e);
void swb_engine_await_reboot(struct swb_engine *e);
void swb_engine_run_reboot(struct swb_engine *e);

void swb_engine_confirm(struct swb_engine *e);
void swb_engine_stop_confirming(struct swb_engine *e);
void swb_engine_guard(struct swb_engine *e);
/* Stops the watchdog; or lets go of it as it is. */
void swb_engine_unguard(struct swb_engine *e);
void swb_engine_let_bite(struct swb_engine *e);
void swb_engine_mark_good(struct swb_engine *e);
/* The running system is marked good: the update, if there was one, is complete. */
void swb_engine_complete(struct swb_engine *e);
/* The health checks failed (e->unhealthy says why): leave, or stay if there is no other slot. */
void swb_engine_leave(struct swb_engine *e);
/* Records that the pending version failed, then expels it. */
void swb_engine_reject(struct swb_engine *e, const struct swb_error *why);
/* This version is not taken again; or but once more, where the boot loader left it. */
void swb_engine_remember(struct swb_engine *e, const char *version, const struct swb_error *why);
/* Makes the rejected slot unbootable, and leaves it if it runs. */
void swb_engine_expel(struct swb_engine *e);

void swb_engine_send_reports(struct swb_engine *e);
/* For trouble that is tried again and again: told once, until swb_engine_trouble_is_over(). */
void swb_engine_report_trouble(struct swb_engine *e, const struct swb_error *why);
void swb_engine_trouble_is_over(struct swb_engine *e);
