/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/engine/state.h - what the engine must still know after a restart
 *
 * One file, STATE_DIR/engine.state: KEY=value lines with a SHA-256 over all lines before it as its
 * last line, replaced whole by os/file.h's durable writer. A list's elements are themselves
 * KEY=value blocks in one value.
 * Texts have fixed room: what is longer than its field was refused where it came in (message.h),
 * so nothing is ever cut here.
 */
#include "device/boot/boot.h"
#include "device/policy/budget.h"
#include "device/policy/deadline.h"
#include "os/hash.h"

#define SWB_VERSION_TEXT 64
#define SWB_URL_TEXT 2048
#define SWB_URLS_MAX 6
#define SWB_COHORT_TEXT 1025
#define SWB_REASON_TEXT 256
#define SWB_BOOT_ID_TEXT 40
#define SWB_FAILED_MAX 16
#define SWB_EVENTS_MAX 32
#define SWB_DEFERRAL_TEXT 128
#define SWB_CHANNEL_TEXT 64
#define SWB_PAST_MAX 16

/* How far the pending update has come. Each phase is on the medium before its first action. */
enum swb_phase {
        SWB_PHASE_NONE,       /* no update pending */
        SWB_PHASE_FOUND,      /* the server has it, nothing was written yet */
        SWB_PHASE_INSTALLING, /* the other slot is unbootable, bytes go in */
        SWB_PHASE_INSTALLED, /* read back; the slot's flags are set, or will be at the next start */
        SWB_PHASE_REJECTED,  /* failed after the reboot; its slot must not start again */
        _SWB_PHASE_MAX,
        _SWB_PHASE_INVALID = -EINVAL,
};

/* A wait, stored so that it can be kept over a restart (schedule.h). */
struct swb_due {
        char boot_id[SWB_BOOT_ID_TEXT]; /* "" = nothing stored */
        uint64_t boot_usec;             /* its end, CLOCK_BOOTTIME of that boot */
        uint64_t wall_usec;             /* its end, 0 = the clock was not set */
        uint64_t wait_usec;             /* its length */
        bool is_order;                  /* the server ordered it (Retry-After) */
};

struct swb_pending {
        enum swb_phase phase;
        char version[SWB_VERSION_TEXT];
        char from_version[SWB_VERSION_TEXT]; /* what ran when it was found */
        uint8_t payload_hash[SWB_SHA256_BYTES];
        uint64_t payload_bytes;
        char url[SWB_URLS_MAX][SWB_URL_TEXT];
        size_t n_urls;
        bool is_delta;
        bool is_local; /* somebody pointed at it: url[0] is where, further ones are the server's */
        bool by_hand;  /* asked for on D-Bus: gates that wait for automatic operation are open */
        enum swb_slot slot; /* target */
        uint64_t attempts;  /* installs begun for this payload; REJECTED: reboots to get away */
        uint64_t failures;  /* of a full payload that may be its own fault */
        uint64_t offset;    /* from which the last attempt went on */
        char deadline[SWB_DEADLINE_TEXT]; /* as the server gave it; "": none */
        bool no_backoff;                  /* the server wants no growing waits for this payload */
        uint64_t url_failures;            /* in a row before the next URL, 0: the default */
        struct swb_due wait;              /* no attempt of its own accord before it is over */
        char boot_id[SWB_BOOT_ID_TEXT];   /* the boot in which it became INSTALLED */
};

/* A version that failed here and is not taken again, or but once more (swb_failed_is_final). */
struct swb_failed {
        char version[SWB_VERSION_TEXT];
        enum swb_fault fault;
        char text[SWB_REASON_TEXT];
        uint64_t wall_usec;      /* when it failed last */
        uint64_t server_attempt; /* the highest so far; a higher one is another try */
        uint64_t n_times;
};

/* An Omaha event that the server has not acknowledged yet (reports.h makes them). */
struct swb_event {
        unsigned type, result;
        int error_code; /* Omaha's number, 0: none */
        enum swb_fault fault;
        enum swb_slot slot; /* it concerns */
        char text[SWB_REASON_TEXT];
        char previous_version[SWB_VERSION_TEXT];
        char next_version[SWB_VERSION_TEXT];
};

/* What became of an update. */
struct swb_past {
        uint64_t wall_usec, times; /* of the last of several equal ones in a row */
        char from_version[SWB_VERSION_TEXT], to_version[SWB_VERSION_TEXT];
        enum swb_fault fault; /* NONE: complete */
        char text[SWB_REASON_TEXT];
};

struct swb_state {
        struct swb_pending pending;
        uint64_t server_attempt;                  /* the highest that the server named; 0: none */
        struct swb_failed failed[SWB_FAILED_MAX]; /* oldest first */
        size_t n_failed;
        struct swb_event events[SWB_EVENTS_MAX]; /* oldest first */
        size_t n_events;
        struct swb_past past[SWB_PAST_MAX]; /* oldest first */
        size_t n_past;
        char channel[SWB_CHANNEL_TEXT]; /* instead of the configured one; "": that */
        size_t n_in_flight; /* of them, the first: a reporter carries them right now; not stored */
        struct swb_due due; /* the next check */
        uint64_t last_check_wall_usec;          /* 0: never */
        uint64_t poll_interval_usec;            /* the server's, 0: none */
        uint64_t failed_checks;                 /* in a row, as schedule.h counts them */
        uint64_t delta_failures;                /* in a row */
        bool full_only;                         /* no delta until the next success */
        char refused_version[SWB_VERSION_TEXT]; /* refusal already reported */
        /* When the first update was found that has not been completed since. A newer one does not
         * reset it, else a busy server could put the deadline off for ever. */
        struct swb_due found;
        uint64_t scatter_usec; /* this device's turn, counted from then */
        struct swb_due pause, deferral;
        char deferral_reason[SWB_DEFERRAL_TEXT];
        struct swb_usage usage;
        uint64_t ping_day; /* the server's day of the last check it answered, 0: none */
        /* The server's marks on this device, sent back with each check. */
        char cohort[SWB_COHORT_TEXT], cohort_hint[SWB_COHORT_TEXT], cohort_name[SWB_COHORT_TEXT];
};

const char *swb_phase_to_string(enum swb_phase phase);
enum swb_phase swb_phase_from_string(const char *name);

/* An empty state; owned by the caller, swb_state_free(). NULL: out of memory. */
struct swb_state *swb_state_new(void);
struct swb_state *swb_state_free(struct swb_state *state);
SWB_DEFINE_CLEANUP(struct swb_state *, swb_state_free)

/*
 * Reads the file. Return: 0; SWB_STATE_FRESH when there is none (state is empty then). FORMAT when
 * the file is damaged or too large, IO when it can't be read; state is untouched.
 */
#define SWB_STATE_FRESH 1
int swb_state_load(struct swb_state *state, const char *dir, struct swb_error *err) _warn_unused_;
/* Durable on return; on failure the file holds what it held before. */
int swb_state_save(const struct swb_state *state, const char *dir,
                   struct swb_error *err) _warn_unused_;
/* Moves a damaged file aside (engine.state.damaged), for whoever looks into it. */
int swb_state_set_aside(const char *dir, struct swb_error *err) _warn_unused_;

void swb_state_clear_pending(struct swb_state *state);
/* There is no update any more that could be late: clears what counts from when it was found. */
void swb_state_clear_found(struct swb_state *state);
/* Remembers a failed version; the oldest one makes room. */
/* Or counts, if it is there already: then with the time of this failure, and its reason. */
void swb_state_add_failed(struct swb_state *state, const struct swb_failed *failed);
/* It proved good after all. */
void swb_state_drop_failed(struct swb_state *state, const char *version);
/*
 * No second try, now or later. The boot loader's verdict is no proof: resets or power cuts in each
 * of a new system's boots look the same as a system that does not come up. A health check's is.
 */
bool swb_failed_is_final(const struct swb_failed *failed, uint64_t second_try_usec);
/* NULL when this version did not fail here. Borrowed. */
const struct swb_failed *swb_state_find_failed(const struct swb_state *state, const char *version);
/* Queues an event; the oldest one that is not in flight makes room. */
void swb_state_add_event(struct swb_state *state, const struct swb_event *event);
/* Those in flight were acknowledged. */
void swb_state_drop_sent(struct swb_state *state);
