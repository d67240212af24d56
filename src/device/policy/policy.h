/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/policy/policy.h - may this happen now, and if not, why, and when to ask again?
 *
 * Place:  asked by device/engine before and during each step, and by device/sim with a made-up
 * clock Spec:   docs/policy.md Model:  pure. All that the answer depends on is in the configuration
 * and the facts; nothing is read, stored or logged here. Rules stand in one table and are tried in
 * its order; the first that objects is the answer.
 *
 * Waits are from now, in microseconds.
 */
#include "device/config/config.h"
#include "device/policy/calendar.h"

enum swb_gate {
        SWB_GATE_CHECK,    /* ask the server */
        SWB_GATE_DOWNLOAD, /* begin or go on with download and apply */
        SWB_GATE_INSTALL,  /* make the new slot bootable */
        SWB_GATE_REBOOT,
        _SWB_GATE_MAX,
        _SWB_GATE_INVALID = -EINVAL,
};

const char *swb_gate_to_string(enum swb_gate gate);
enum swb_gate swb_gate_from_string(const char *name);
#define SWB_GATE_BIT(gate) (1u << (gate))
#define SWB_GATES_ALL ((1u << _SWB_GATE_MAX) - 1)

/* Which rule decided. The names (swb_rule_to_string) are stable, as those of faults are. */
enum swb_rule {
        SWB_RULE_FREE,     /* allow: nothing objects */
        SWB_RULE_BY_HAND,  /* allow: somebody asked for exactly this */
        SWB_RULE_DEADLINE, /* allow: the deadline passed, which overrode an objection */
        SWB_RULE_NOTHING,  /* there is no update for which this gate would open */
        SWB_RULE_MANUAL,   /* configuration: only when asked for */
        SWB_RULE_SCHEDULE, /* the next check is planned for later */
        SWB_RULE_RETRY,    /* after a failed or cancelled attempt: a later one, or the next check */
        SWB_RULE_BACKOFF,  /* the payload failed too often */
        SWB_RULE_INHIBITED,
        SWB_RULE_PAUSED,
        SWB_RULE_DEFERRED,
        SWB_RULE_SCATTER, /* not all devices of a fleet at once */
        SWB_RULE_CLOCK,   /* there are windows, and the clock is wrong */
        SWB_RULE_WINDOW,
        SWB_RULE_METERED,
        SWB_RULE_BUDGET,
        SWB_RULE_BATTERY,
        SWB_RULE_LOAD,
        SWB_RULE_IN_USE, /* somebody is logged in and active */
        _SWB_RULE_MAX,
};

const char *swb_rule_to_string(enum swb_rule rule);

enum swb_network {
        SWB_NETWORK_UNKNOWN, /* treated as free */
        SWB_NETWORK_FREE,
        SWB_NETWORK_METERED,
};

#define SWB_INHIBITORS_MAX 32

/* Somebody who must not be disturbed. */
struct swb_inhibitor {
        const char *who, *why;
        unsigned gates;     /* SWB_GATE_BIT() of those that it holds closed */
        uint64_t left_usec; /* until its own limit; 0: holds nothing any more */
};

/* Bytes that may still be downloaded in a period; limit 0: as many as there are. */
struct swb_allowance {
        uint64_t limit_bytes, left_bytes;
        uint64_t renewal_usec; /* wait until the period ends */
};

#define SWB_ALLOWANCES 3 /* day, month, month on metered networks */
/* After a failed or cancelled attempt: nothing before the next check. */
#define SWB_RETRY_AT_CHECK UINT64_MAX

struct swb_policy_facts {
        uint64_t wall_usec;
        bool wall_is_sane;
        uint64_t uptime_usec; /* since boot */
        const struct swb_zone *zone;

        bool by_hand; /* a person or an application asked for exactly this */
        bool is_paused;
        uint64_t pause_left_usec;
        uint64_t check_left_usec; /* until the next planned check */

        bool has_update; /* that this gate concerns; the rest is about it */
        bool is_delta;
        uint64_t bytes_left; /* to download */
        bool has_deadline;
        uint64_t deadline_left_usec; /* 0: passed */
        uint64_t retry_left_usec;    /* 0: none; SWB_RETRY_AT_CHECK */
        uint64_t backoff_left_usec, scatter_left_usec;
        uint64_t deferral_left_usec;
        const char *deferral_reason; /* "" if none */

        struct swb_inhibitor inhibitors[SWB_INHIBITORS_MAX];
        size_t n_inhibitors;
        enum swb_network network;
        struct swb_allowance allowances[SWB_ALLOWANCES]; /* the last counts on metered networks */
        bool on_battery;
        unsigned battery_percent;
        bool is_in_use;        /* by somebody who is logged in, as far as known */
        unsigned load_percent; /* of all processors together */
};

#define SWB_POLICY_TEXT 160
#define SWB_POLICY_NEVER UINT64_MAX /* only when asked to, or when a fact changes */
/* Facts that announce no change are looked at this often. */
#define SWB_POLICY_POLL_USEC (60 * UINT64_C(1000000))
/* A clock that was never set holds windows closed for so long after a boot, not longer. */
#define SWB_POLICY_CLOCK_USEC (24 * 3600 * UINT64_C(1000000))

struct swb_policy_answer {
        bool allow;
        enum swb_rule rule;
        char facts[SWB_POLICY_TEXT]; /* what the rule went by, in words; may be cut */
        uint64_t again_usec; /* the answer may be another one then, even if nothing happens */
};

struct swb_policy_answer swb_policy_ask(enum swb_gate gate, const struct swb_config *config,
                                        const struct swb_policy_facts *facts);

/* CONFIG, for settings whose texts only the policy understands. */
int swb_policy_check_config(const struct swb_config *config, struct swb_error *err) _warn_unused_;
