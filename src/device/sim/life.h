/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/sim/life.h - days in the life of one device, with a made-up clock
 *
 * Place:  swb-policy-sim for fleets, and the policy's property test
 * Model:  the same policy and schedule code that swbd runs, with a state machine around it that
 * keeps only what they see: checks, bytes, gates, power. No files, no processes. Everything is
 *         drawn from the device's seed, so a life can be lived again.
 *
 * Times: microseconds; wall clock, which runs evenly here.
 */
#include "device/engine/schedule.h"
#include "device/policy/policy.h"

struct swb_sim_release {
        uint64_t wall_usec; /* from when the server offers it */
        uint64_t delta_bytes, full_bytes;
        const char *deadline;                     /* the server's text */
        uint64_t outage_usec, outage_length_usec; /* the server answers 503 then */
};

/* What surrounds a device: fills in facts (inhibitors, network, power, load) for this moment. */
struct swb_sim_surroundings {
        /* Return: when one of these facts changes next (wall clock), UINT64_MAX: never. */
        uint64_t (*look)(void *context, uint64_t wall_usec, const struct swb_deadline *deadline,
                         struct swb_policy_facts *ret);
        void *context;
};

struct swb_sim_device {
        const struct swb_config *config;
        const struct swb_zone *zone;
        const struct swb_windows *on; /* powered; local time */
        struct swb_sim_surroundings surroundings;
        uint64_t rate_bytes;      /* a second */
        bool takes_delta;         /* the server has one from what it runs */
        bool has_no_clock;        /* before build-timestamp for ever */
        unsigned failure_percent; /* of download attempts */
        uint64_t seed;
};

enum swb_sim_event {
        SWB_SIM_BOOT,
        SWB_SIM_CHECK,
        SWB_SIM_FOUND,
        SWB_SIM_DOWNLOAD, /* an attempt begins or goes on */
        SWB_SIM_FAILED,   /* an attempt */
        SWB_SIM_DOWNLOADED,
        SWB_SIM_INSTALLED,
        SWB_SIM_ANNOUNCED, /* the reboot */
        SWB_SIM_REBOOT,    /* by the engine, into the update */
        SWB_SIM_RESTART,   /* somebody else switched it off and on, into the update */
        _SWB_SIM_EVENT_MAX,
};

struct swb_sim_watch {
        void (*happened)(void *context, enum swb_sim_event event, uint64_t wall_usec);
        /* Optional: each question and its answer. */
        void (*asked)(void *context, enum swb_gate gate, const struct swb_policy_facts *facts,
                      const struct swb_policy_answer *answer, uint64_t wall_usec);
        void *context;
};

struct swb_sim_outcome {
        bool is_updated;
        uint64_t updated_usec, found_usec; /* 0: never */
        enum swb_gate gate;                /* not updated: the last gate that did not open … */
        enum swb_rule rule;                /* … and the rule; NOTHING: never found */
        uint64_t n_checks, n_bytes;
};

/* NO_MEMORY is all that can go wrong. */
int swb_sim_live(const struct swb_sim_device *device, const struct swb_sim_release *release,
                 uint64_t start_usec, uint64_t end_usec, const struct swb_sim_watch *watch,
                 struct swb_sim_outcome *ret, struct swb_error *err) _warn_unused_;

/* A sequence of random numbers; any seed will do. */
uint64_t swb_sim_draw(uint64_t *seed);
