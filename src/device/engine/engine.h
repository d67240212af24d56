/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/engine/engine.h - the state machine that joins check, download, install, reboot and
 * confirmation
 *
 * Model: runs in the caller's sd-event loop, never blocks for longer than a store of its state file
 * or the boot flags. The work is done by worker processes (worker.h). Knows no D-Bus: device/bus
 * calls the verbs below and reads the status.
 */
#include <systemd/sd-event.h>

#include "device/config/config.h"
#include "device/doctor/doctor.h"
#include "device/policy/policy.h"

enum swb_engine_state {
        SWB_ENGINE_IDLE,
        SWB_ENGINE_CHECKING,
        SWB_ENGINE_AVAILABLE,   /* an update is known and does not go on right now */
        SWB_ENGINE_DOWNLOADING, /* applied while it arrives */
        SWB_ENGINE_VERIFYING,   /* the slot is read back */
        SWB_ENGINE_HELD,        /* read back, not bootable: waits for leave (auto-install = no) */
        SWB_ENGINE_UPDATED,     /* bootable, waits for the reboot */
        SWB_ENGINE_REBOOTING,   /* the reboot command has run */
        SWB_ENGINE_CONFIRMING,  /* health checks of the new system */
        _SWB_ENGINE_STATE_MAX,
};

const char *swb_engine_state_to_string(enum swb_engine_state state);

/* The policy's last answer, for the status; swb_engine_why() asks anew. */
struct swb_gate_view {
        bool allow;
        enum swb_rule rule;
        uint64_t again_wall_usec; /* 0: when somebody asks for it, or something changes */
};

struct swb_status {
        enum swb_engine_state state;
        double progress;                                 /* 0 .. 1 of the install */
        uint64_t bytes_done, bytes_total;                /* of the payload */
        uint64_t rate;                                   /* bytes a second */
        const char *current_version, *available_version; /* "" = unknown, none */
        enum swb_slot slot; /* that runs; _SWB_SLOT_INVALID = unknown */
        uint64_t last_check_wall_usec, next_check_wall_usec; /* 0 = never, none planned */
        struct swb_error
                last_error; /* of the last check or attempt; fault NONE = it did not fail */
        bool needs_reboot;
        uint64_t left_sec; /* of the download, by its rate; 0: not known */
        const char *channel;
        uint64_t paused_until_wall_usec, deferred_until_wall_usec; /* 0: not */
        const char *deferral_reason;
        uint64_t deadline_wall_usec; /* of the pending update; 0: none */
        uint64_t reboot_wall_usec;   /* announced for then; 0: not announced */
        struct swb_gate_view gates[_SWB_GATE_MAX];
        size_t n_failed; /* versions that failed here: swb_engine_failed_version() */
};

struct swb_engine_hooks {
        void (*changed)(void *context); /* the status is another one */
        /* Optional. An update will not wait much longer for anybody's convenience. */
        void (*deadline_soon)(void *context, uint64_t left_usec);
        /* Optional. A reboot is announced, or (UINT64_MAX) called off. */
        void (*reboot_soon)(void *context, uint64_t left_usec);
        /* Optional. Reboots in a better way than the command. Return: whether that began; should it
         * fail later, swb_engine_reboot_failed(). */
        bool (*reboot)(void *context);
        void (*stopped)(void *context); /* after swb_engine_stop(): nothing runs any more */
        void *context;
};

struct swb_engine;

/* config and event are borrowed. SIGCHLD must be blocked. */
int swb_engine_new(const struct swb_config *config, sd_event *event,
                   const struct swb_engine_hooks *hooks, struct swb_engine **ret,
                   struct swb_error *err) _warn_unused_;
struct swb_engine *swb_engine_free(struct swb_engine *engine);
SWB_DEFINE_CLEANUP(struct swb_engine *, swb_engine_free)

/*
 * Reads state, flags and the kernel's command line and takes up whatever was going on. BUSY when
 * another engine uses the state folder. Any other trouble is not a failure here: the device must go
 * on running. The engine then says why it can't update (status, log) and tries again later.
 */
int swb_engine_start(struct swb_engine *engine, struct swb_error *err) _warn_unused_;
/* Ends workers in a way that keeps every verified byte; hooks.stopped follows, perhaps at once. */
void swb_engine_stop(struct swb_engine *engine);

/* Borrowed, valid until the next return to the event loop. */
const struct swb_status *swb_engine_status(const struct swb_engine *engine);

/* A version that failed on this device and is not taken again, or but once more. */
struct swb_failed_version {
        const char *version;
        enum swb_fault fault;
        const char *text;
};
/* index < status's n_failed; texts are borrowed as the status is. */
void swb_engine_failed_version(const struct swb_engine *engine, size_t index,
                               struct swb_failed_version *ret);

/*
 * What people and applications may ask for. All return when the work has begun; how it goes on
 * shows in the status. BUSY: not now, because of what is going on; NOT_FOUND: there is nothing to
 * cancel, or no update waits for a reboot; or the reason for which this device can't update at all.
 */
int swb_engine_check(struct swb_engine *engine, struct swb_error *err) _warn_unused_;
/* Goes on with an update that is known, else (and after a failure of its payload) checks for one;
 * either way gates that wait for leave are open for it. */
int swb_engine_install(struct swb_engine *engine, struct swb_error *err) _warn_unused_;
/* Reads the slot of an installed update, which no reboot has started yet, back once more; what is
 * wrong is then installed again. Not bootable meanwhile. NOT_FOUND: there is none. */
int swb_engine_repair(struct swb_engine *engine, struct swb_error *err) _warn_unused_;
/* Installs the payload at this URL (http, https, file), described by URL.json beside it, by the
 * rules that hold for what the server offers. The same payload goes on where it was, wherever its
 * bytes came from so far. USAGE: not such a URL. */
int swb_engine_install_from(struct swb_engine *engine, const char *url,
                            struct swb_error *err) _warn_unused_;
/* Ends a check or a download; the next install resumes where it was. Also calls an announced reboot
 * off, which is then deferred for an hour. */
int swb_engine_cancel(struct swb_engine *engine, struct swb_error *err) _warn_unused_;
int swb_engine_reboot(struct swb_engine *engine, struct swb_error *err) _warn_unused_;

/* Goes back to the other slot's system, if it has proved good, with a reboot; the version that runs
 * now is not taken again. NOT_FOUND: there is none. */
int swb_engine_rollback(struct swb_engine *engine, struct swb_error *err) _warn_unused_;
/* An installed update that waits for its reboot is given up: its slot becomes unbootable. The next
 * check may find it again. NOT_FOUND: there is none. */
int swb_engine_discard(struct swb_engine *engine, struct swb_error *err) _warn_unused_;
/* The running system is well, whatever health checks say; or it is not, and is left as if one of
 * them had failed (NOT_FOUND: there is no other to start). */
int swb_engine_mark_good_by_hand(struct swb_engine *engine, struct swb_error *err) _warn_unused_;
int swb_engine_mark_bad_by_hand(struct swb_engine *engine, struct swb_error *err) _warn_unused_;
/* Follows another channel from now on, and asks the server; "": the configured one again. */
int swb_engine_set_channel(struct swb_engine *engine, const char *name,
                           struct swb_error *err) _warn_unused_;

/* What became of an earlier update; texts are borrowed as the status is. */
struct swb_past_view {
        uint64_t wall_usec, times; /* when last, and how often in a row */
        const char *from_version, *to_version;
        enum swb_fault fault; /* NONE: complete */
        const char *text;
};
size_t swb_engine_n_past(const struct swb_engine *engine);
/* index: 0 is the oldest. */
void swb_engine_past(const struct swb_engine *engine, size_t index, struct swb_past_view *ret);

/*
 * Holding things up, see docs/policy.md. All end at the latest at the pending update's deadline.
 */
/* Stops what can be stopped and holds all gates, for [policy] max-deferral at the longest. */
int swb_engine_pause(struct swb_engine *engine, struct swb_error *err) _warn_unused_;
int swb_engine_resume(struct swb_engine *engine, struct swb_error *err) _warn_unused_;
/* Holds download, install and reboot until then (wall clock; 0 ends a deferral). DENIED: longer
 * than [policy] max-deferral allows, or the deadline has passed. */
int swb_engine_defer(struct swb_engine *engine, uint64_t until_wall_usec, const char *reason,
                     struct swb_error *err) _warn_unused_;
/* who and why are copied, and must fit. DENIED: it would hold nothing; LIMIT: too many. */
int swb_engine_inhibit(struct swb_engine *engine, const char *who, const char *why, unsigned gates,
                       uint64_t max_usec, unsigned *ret_id, struct swb_error *err) _warn_unused_;
void swb_engine_release(struct swb_engine *engine, unsigned id);
/* What the network's own manager says. */
void swb_engine_set_network(struct swb_engine *engine, enum swb_network network);
/* Whether somebody is logged in and active. */
void swb_engine_set_in_use(struct swb_engine *engine, bool is_in_use);
void swb_engine_reboot_failed(struct swb_engine *engine, const char *why);
/* The policy's answer as it would be now. */
struct swb_policy_answer swb_engine_why(struct swb_engine *engine, enum swb_gate gate);

/* Is this device fit for an update (device/doctor/doctor.h)? Heals; takes milliseconds. BUSY while
 * the other slot is being written. ret is the caller's: swb_diagnosis_free(). */
int swb_engine_doctor(struct swb_engine *engine, struct swb_diagnosis **ret,
                      struct swb_error *err) _warn_unused_;
/* The same without an engine. BUSY while one runs on this configuration. */
int swb_engine_doctor_offline(const struct swb_config *config, struct swb_diagnosis **ret,
                              struct swb_error *err) _warn_unused_;
