/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/doctor/doctor.h - is this device fit for an update?
 *
 * Place:  run by device/engine before each update and on demand
 * Order:  heals what can be healed, reports what may stay, refuses last: only what would end in a
 *         device that does not boot, or in an update that can't be written.
 * Names of findings are stable and listed in docs/man/swbctl.1.rst; texts are not.
 *
 * Reads files and devices and stores boot flags; takes milliseconds. Nobody else may change the
 * flags meanwhile: the caller holds the lock of the state folder.
 */
#include "device/config/config.h"

enum swb_finding_kind {
        SWB_FINDING_BOOT_EMPTY,
        SWB_FINDING_BOOT_MALFORMED,
        SWB_FINDING_BOOT_COPY_BAD,
        SWB_FINDING_BOOT_UNREACHABLE,
        SWB_FINDING_BOOT_UNREADABLE,
        SWB_FINDING_BOOT_UNWRITABLE,
        SWB_FINDING_TRIES_IGNORED,
        SWB_FINDING_FACTS_UNKNOWN,
        SWB_FINDING_RUNNING_SLOT_WRONG,
        SWB_FINDING_NEXT_SLOT_DIFFERS,
        SWB_FINDING_SLOT_MISSING,
        SWB_FINDING_SLOT_SIZE,
        SWB_FINDING_SLOT_IN_USE,
        SWB_FINDING_SLOT_UNWRITABLE,
        SWB_FINDING_STATE_FOLDER,
        SWB_FINDING_CLOCK_BEHIND,
        SWB_FINDING_CLOCK_AHEAD,
        _SWB_FINDING_MAX,
};

enum swb_severity {
        SWB_SEVERITY_HEALED,  /* was wrong, is right now */
        SWB_SEVERITY_WARNING, /* somebody should look, updates go on */
        SWB_SEVERITY_REFUSED, /* no update before this is mended */
};

const char *swb_severity_to_string(enum swb_severity severity); /* "healed", "warning", … */

#define SWB_FINDING_TEXT_MAX 512
#define SWB_FINDINGS_MAX 32 /* further ones are left out, unless they refuse */

struct swb_finding {
        enum swb_finding_kind kind;
        const char *name; /* "boot-copy-bad" */
        enum swb_severity severity;
        enum swb_fault fault;            /* why an update is refused */
        char text[SWB_FINDING_TEXT_MAX]; /* what, and where */
        const char *advice;              /* what to do */
};

struct swb_diagnosis {
        struct swb_finding findings[SWB_FINDINGS_MAX];
        size_t n;
};

struct swb_diagnosis *swb_diagnosis_free(struct swb_diagnosis *diagnosis);
SWB_DEFINE_CLEANUP(struct swb_diagnosis *, swb_diagnosis_free)

bool swb_diagnosis_has(const struct swb_diagnosis *diagnosis, enum swb_finding_kind kind);
/* The first finding that refuses; NULL: an update may begin. */
const struct swb_finding *swb_diagnosis_refusal(const struct swb_diagnosis *diagnosis);

struct swb_doctor {
        const struct swb_config *config;
        struct swb_boot *boot; /* open, or NULL: opened for this call */
        const char *root;      /* "/": what must not lie in the other slot */
        uint64_t wall_usec;    /* the clock now */
        bool writes;           /* prove that flags can be stored, by storing them as they are */
        bool awaits_other;     /* an update waits for its reboot: the flags name the other slot */
};

/* 0 whatever is found; < 0: no memory. */
int swb_doctor_examine(const struct swb_doctor *doctor, struct swb_diagnosis **ret,
                       struct swb_error *err) _warn_unused_;
