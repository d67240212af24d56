/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/rollout/plan.h - what an administrator wants of a rollout: stages, limits, when to stop
 *
 * Pure. A stage's text is its size and, behind colons, what differs from the rollout's own values:
 *
 *     SIZE[:bake=TIME][:concurrency=N][:rate=N/TIME][:need=N]
 *
 * SIZE is a share of all devices ("1%", "0.25%") or a number of devices ("50").
 */
#include "server/rollout/hours.h"
#include "server/store/names.h"

#define SWB_STAGES_MAX 16
#define SWB_STAGE_TEXT 96
#define SWB_ALL_DEVICES_PPM 1000000u

struct swb_stage {
        uint32_t share_ppm;    /* of the devices, by their bucket */
        uint64_t max_devices;  /* that this and earlier stages admit together; 0: no limit */
        uint64_t bake_seconds; /* wait so long with enough successes before the next stage */
        uint64_t concurrency;  /* devices that may be at it at the same time; 0: no limit */
        uint64_t rate;         /* devices to admit within rate_seconds; 0: no limit */
        uint64_t rate_seconds;
        uint64_t need; /* successes that are enough */
};

enum swb_priority {
        SWB_PRIORITY_NORMAL, /* must be 0 */
        SWB_PRIORITY_LOW,
        SWB_PRIORITY_HIGH,
        _SWB_PRIORITY_MAX,
        _SWB_PRIORITY_INVALID = -EINVAL,
};

const char *swb_priority_to_string(enum swb_priority priority);
enum swb_priority swb_priority_from_string(const char *name);

struct swb_plan {
        struct swb_stage stages[SWB_STAGES_MAX];
        size_t n_stages;
        struct swb_hours hours;
        /* What stops the rollout: so many bad devices, or a share of those that have ended, once
         * min_sample of them have. 0: not by this. */
        uint64_t max_failures;
        uint32_t max_failure_ppm;
        uint64_t min_sample;
        uint64_t class_failures;   /* bad devices of a hardware class that block it; 0: never */
        uint64_t silent_seconds;   /* a device under way that is not heard of for so long is bad */
        uint64_t overdue_seconds;  /* so is one that is not done after this */
        uint64_t deadline_seconds; /* told to devices: from the offer on; 0: none */
        enum swb_priority priority;
};

#define SWB_PLAN_DEFAULT                                                                           \
        ((struct swb_plan){.max_failures = 50,                                                     \
                           .max_failure_ppm = 20000,                                               \
                           .min_sample = 25,                                                       \
                           .class_failures = 5,                                                    \
                           .silent_seconds = 24 * 3600,                                            \
                           .overdue_seconds = 14 * 24 * 3600})
#define SWB_STAGE_DEFAULT ((struct swb_stage){.bake_seconds = 24 * 3600, .need = 10})

/* Reads a stage; what its text does not say comes from `defaults`. USAGE. */
int swb_stage_parse(const char *text, const struct swb_stage *defaults, struct swb_stage *ret,
                    struct swb_error *err) _warn_unused_;
/* "10%", "50 devices". text: SWB_STAGE_TEXT bytes. Returns text. */
const char *swb_stage_size(const struct swb_stage *stage, char *text);
/* "2%", "0.5%" in parts per million. USAGE; `what` for the message. */
int swb_share_parse(const char *what, const char *text, uint32_t *ret_ppm,
                    struct swb_error *err) _warn_unused_;
/* At least one stage, none smaller than the one before, at least one reason to stop. USAGE. */
int swb_plan_check(const struct swb_plan *plan, struct swb_error *err) _warn_unused_;
