/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/layout/audit.h - what in an image would write to it, or not be the same on each device
 *
 * A slot is written by updates alone: then it can be compared with its hash, a delta finds its
 * source, and both slots can be thrown away. Spec: docs/image-layout.md, which has the list.
 */
#include <stdint.h>

#include "base/error.h"

enum swb_flaw_kind {
        SWB_FLAW_JOURNAL,
        SWB_FLAW_UNCLEAN,
        SWB_FLAW_MOUNTED,
        SWB_FLAW_FSTAB_WRITABLE,
        SWB_FLAW_CMDLINE_WRITABLE,
        SWB_FLAW_MOUNT_POINT,
        SWB_FLAW_VAR,
        SWB_FLAW_MACHINE_ID,
        SWB_FLAW_RESOLV_CONF,
        SWB_FLAW_SSH_HOST_KEYS,
        SWB_FLAW_RANDOM_SEED,
        SWB_FLAW_PACKAGE_MANAGER,
        SWB_FLAW_LOGROTATE,
        SWB_FLAW_UNIT_WRITES,
        SWB_FLAW_SETUID,
        SWB_FLAW_TIMES,
        _SWB_FLAW_MAX,
};

/* Stable name, why it matters, how to mend it. */
struct swb_flaw_text {
        const char *name, *why, *mend;
};
const struct swb_flaw_text *swb_flaw_text(enum swb_flaw_kind kind);

#define SWB_FLAWS_MAX 256 /* further ones are counted only */

struct swb_flaw {
        enum swb_flaw_kind kind;
        char *text; /* what and where */
};

struct swb_flaws {
        struct swb_flaw items[SWB_FLAWS_MAX]; /* by kind */
        size_t n;
        size_t n_left_out;
};

struct swb_flaws *swb_flaws_free(struct swb_flaws *flaws);
SWB_DEFINE_CLEANUP(struct swb_flaws *, swb_flaws_free)

struct swb_audit {
        const char *image;
        const char *const *writable; /* folders that the image does not mount itself, but has */
        size_t n_writable;
        const char *const *setuid; /* paths that may have these bits, beside the usual ones */
        size_t n_setuid;
        const char *cmdline; /* the kernel's, if it is kept outside of the image; NULL */
        int64_t built;       /* seconds since 1970; files may not be newer */
};

/* Errors are swb_tree_open()'s. */
int swb_audit_run(const struct swb_audit *audit, struct swb_flaws **ret,
                  struct swb_error *err) _warn_unused_;
