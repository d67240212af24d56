/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/rollout/rollout.h - one rollout: who may have the release now, and how it goes
 *
 * Place:  pure model, the clock is passed in; server/rollout/live.h holds the running ones under
 *         its lock, server/store/rollouts.h keeps what must survive
 * Model:  a device is *admitted* once and stays a member. It is *under way* from its offer to its
 *         end: ok (it said that the new system runs), failed, fell back, or silent (under way, and
 *         not heard of or not done in time). The last three are *bad*. A failure on the way
 *         (network, cancelled) ends nothing: the device tries again, and is overdue some day.
 * Exact:  limits hold at every moment: each admission and each slot is counted before it is
 *         given. Crossing a threshold halts the rollout within the same call.
 */
#include "omaha/request.h"
#include "server/rollout/members.h"
#include "server/rollout/plan.h"
#include "server/rollout/reasons.h"

#define SWB_ROLLOUT_MEMBERS_MAX 2000000u
#define SWB_ROLLOUT_REASON_MAX 400
#define SWB_RATE_BUCKETS 64 /* a power of two, above 61 */

/* Numbers stand in the database: add at the end, never change. */
enum swb_rollout_status {
        SWB_ROLLOUT_ACTIVE = 1,
        SWB_ROLLOUT_PAUSED = 2,   /* nobody is offered the release */
        SWB_ROLLOUT_RECALLED = 3, /* the same, and devices that have it not running yet stay */
        SWB_ROLLOUT_FINISHED = 4, /* it is the channel's release */
        _SWB_ROLLOUT_STATUS_MAX,
        _SWB_ROLLOUT_STATUS_INVALID = -EINVAL,
};

const char *swb_rollout_status_to_string(enum swb_rollout_status status);

/* Why a device does not get the release now. */
enum swb_hold {
        SWB_HOLD_NONE, /* it gets it */
        SWB_HOLD_NO_ID,
        SWB_HOLD_PAUSED,
        SWB_HOLD_RECALLED,
        SWB_HOLD_FELL_BACK,     /* it has fallen back from it */
        SWB_HOLD_BLOCKED_CLASS, /* it failed on this hardware class */
        SWB_HOLD_HOURS,
        SWB_HOLD_STAGE,       /* the stage has not reached it */
        SWB_HOLD_FULL,        /* the stage has all devices that it may have */
        SWB_HOLD_CONCURRENCY, /* too many are at it */
        SWB_HOLD_RATE,
        SWB_HOLD_MEMORY, /* more members than the server keeps */
        _SWB_HOLD_MAX,
};

/* A stable word: "not-in-stage" … */
const char *swb_hold_to_string(enum swb_hold hold);

struct swb_tally {
        uint64_t admitted, ok, failed, fell_back, silent;
};

uint64_t swb_tally_bad(const struct swb_tally *tally);
uint64_t swb_tally_ended(const struct swb_tally *tally);

/* Of the database; changes by an administrator's hand or by a verdict. */
struct swb_rollout_setup {
        int64_t id, app, release;
        char name[SWB_NAME_MAX + 1];
        char channel[SWB_NAME_MAX + 1];
        char version[SWB_VERSION_MAX + 1];
        char salt[SWB_NAME_MAX + 1];
        enum swb_rollout_status status;
        char reason[SWB_ROLLOUT_REASON_MAX + 1]; /* of a pause or recall */
        size_t stage;                            /* from 0 */
        int64_t stage_opened;                    /* seconds since 1970 */
        uint64_t need; /* successes that are enough for this stage: no more than it has devices */
        /* What had ended badly, and at all, when an administrator resumed: of the rollout, and of
         * its present stage. Thresholds count from there. */
        struct swb_forgiven {
                uint64_t bad, ended;
        } forgiven, forgiven_in_stage;
        struct swb_plan plan;
};

struct swb_rollout {
        struct swb_rollout_setup setup;
        struct swb_siphash_key bucket_key;
        struct swb_members members;
        struct swb_tally total, stages[SWB_STAGES_MAX];
        uint64_t n_slots; /* devices that are at it */
        struct swb_reasons reasons, classes;
        uint64_t rate_counts[SWB_RATE_BUCKETS];
        int64_t rate_times[SWB_RATE_BUCKETS]; /* which piece of time a count is of */
        int64_t need_at;                      /* when the stage had its successes; 0: not yet */
        bool halted;                          /* a threshold was crossed */
        char halt_reason[SWB_ROLLOUT_REASON_MAX + 1];
        size_t sweep_at; /* place in the table of members */
};

/* keys: random. Call _done() also after a failure. */
void swb_rollout_init(struct swb_rollout *rollout, const struct swb_rollout_setup *setup,
                      const struct swb_siphash_key keys[2]);
void swb_rollout_done(struct swb_rollout *rollout);
/* Takes a changed setup over; salt and id stay. */
void swb_rollout_configure(struct swb_rollout *rollout, const struct swb_rollout_setup *setup);

/* A device that asks for an update, and would take this release. */
struct swb_rollout_ask {
        const char *machineid; /* "": none */
        const char *hardware_class;
        bool within_hours;
        int64_t now;
};

/* Would it get the release? Changes nothing. */
enum swb_hold swb_rollout_peek(const struct swb_rollout *rollout,
                               const struct swb_rollout_ask *ask);
/* What an admission has taken. */
enum swb_taken {
        SWB_TAKEN_NOTHING, /* it had what it needs */
        SWB_TAKEN_SLOT,    /* a member that is at it again */
        SWB_TAKEN_PLACE,   /* a new member, with its slot */
};

/* The same, and if it gets it, takes what that needs. ret_admitted_at (written if it gets it): when
 * it was admitted. */
enum swb_hold swb_rollout_admit(struct swb_rollout *rollout, const struct swb_rollout_ask *ask,
                                enum swb_taken *ret_taken, int64_t *ret_admitted_at);
/* The admission could not be stored, and the device was told nothing. */
void swb_rollout_undo(struct swb_rollout *rollout, const char *machineid, enum swb_taken taken);
/* Does an admission hold now that what other servers have admitted is known? False: there was no
 * room left, and it is undone. */
bool swb_rollout_confirm(struct swb_rollout *rollout, const char *machineid, enum swb_taken taken,
                         int64_t now);

/* An administrator takes back that the release is blocked for a hardware class, once for all. */
void swb_rollout_lift(struct swb_rollout *rollout, const char *hardware_class);

/* What a device says, before it is answered. */
struct swb_rollout_word {
        const char *machineid, *version;
        bool is_check;
        const struct swb_omaha_event *events;
        size_t n_events;
        int64_t now;
};

/* True: it is a member. */
bool swb_rollout_hear(struct swb_rollout *rollout, const struct swb_rollout_word *word);
/* The same for a word that was heard before, if another server's row has come in between. */
void swb_rollout_hear_again(struct swb_rollout *rollout, const struct swb_rollout_word *word);

/* Looks at up to n places of the table for devices that have become silent. */
void swb_rollout_sweep(struct swb_rollout *rollout, int64_t now, size_t n);

enum swb_verdict {
        SWB_VERDICT_KEEP,
        SWB_VERDICT_PAUSE,   /* halt_reason says why */
        SWB_VERDICT_ADVANCE, /* the next stage may open */
        SWB_VERDICT_FINISH,  /* the last stage is over, and it was all devices */
};

enum swb_verdict swb_rollout_judge(const struct swb_rollout *rollout, int64_t now);

/* A member of before, when the server starts. -ENOMEM; -EINVAL for what no member can be. */
struct swb_member_row {
        char hardware_class[SWB_FAILURE_NAME], reason[SWB_FAILURE_NAME];
        int64_t granted_at, heard_at;
        enum swb_member_state state;
        unsigned stage;
        bool has_slot;
};
int swb_rollout_restore(struct swb_rollout *rollout, const char *machineid,
                        const struct swb_member_row *row) _warn_unused_;
/* What another server has stored of a member, new here or not. As _restore(). */
int swb_rollout_follow(struct swb_rollout *rollout, const char *machineid,
                       const struct swb_member_row *row) _warn_unused_;
/* False: not a member. */
bool swb_rollout_member(const struct swb_rollout *rollout, const char *machineid,
                        struct swb_member_row *ret);
