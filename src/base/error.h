/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * base/error.h - the one error object
 *
 * A function that can fail returns a negative errno and takes `struct swb_error *err` as its last
 * parameter (NULL: the caller does not want the text). It fills err exactly when it returns < 0,
 * and the return value equals err->code. The object lives on the caller's stack and never
 * allocates, so an out-of-memory error can be reported like any other.
 *
 *     return swb_fail(err, -errno, SWB_FAULT_IO, "open slot '%s': %s", path, strerror(errno));
 *     return swb_wrap(err, r, "operation %zu", i);      -> "operation 17: open slot …"
 *
 * Positive return values are outcomes that the function's header names; they are handled by the
 * direct caller and never handed on.
 */
#include "base/cleanup.h"

/*
 * The public, stable reason of a failure. Tests, exit status, D-Bus error names, event codes and
 * retry decisions depend on it, never on the text. Add at the end, rename never.
 */
enum swb_fault {
        SWB_FAULT_NONE,
        SWB_FAULT_INTERNAL,     /* our own mistake */
        SWB_FAULT_USAGE,        /* command line or call used wrongly */
        SWB_FAULT_CONFIG,       /* configuration file or key file is wrong */
        SWB_FAULT_NO_MEMORY,    /* out of memory */
        SWB_FAULT_IO,           /* read, write or sync failed */
        SWB_FAULT_NO_SPACE,     /* medium or slot is full or too small */
        SWB_FAULT_NOT_FOUND,    /* a named file, slot, release, device is not there */
        SWB_FAULT_FORMAT,       /* bytes break the format's rules */
        SWB_FAULT_UNSUPPORTED,  /* well formed, but a version or type that we do not know */
        SWB_FAULT_LIMIT,        /* well formed, but above a declared maximum */
        SWB_FAULT_SIGNATURE,    /* no signature verifies with a trusted key */
        SWB_FAULT_HASH,         /* data received differs from its hash */
        SWB_FAULT_SOURCE,       /* the running slot is not the source that this delta needs */
        SWB_FAULT_READBACK,     /* the target read back from the medium is wrong */
        SWB_FAULT_NETWORK,      /* no connection, time-out, connection lost */
        SWB_FAULT_HTTP,         /* the server answered with an HTTP error */
        SWB_FAULT_PROTOCOL,     /* the server's or a worker's answer breaks the protocol */
        SWB_FAULT_BOOT,         /* boot flags can't be read or written */
        SWB_FAULT_HEALTH,       /* the new system did not pass its health checks */
        SWB_FAULT_FELL_BACK,    /* the new system never came up, the boot loader fell back */
        SWB_FAULT_BUSY,         /* somebody else holds it, try later */
        SWB_FAULT_DENIED,       /* not permitted */
        SWB_FAULT_CANCELLED,    /* the user or a signal stopped it */
        SWB_FAULT_TIMEOUT,      /* a time limit passed */
        SWB_FAULT_DOWNGRADE,    /* older than what runs, or not the version that was announced */
        SWB_FAULT_POST_INSTALL, /* the new system's own program says no before its first boot */
        _SWB_FAULT_MAX,
        _SWB_FAULT_INVALID = -EINVAL,
};

/* The fault's stable name: lower case, dashes ("no-space"). Never NULL. */
const char *swb_fault_to_string(enum swb_fault fault);

/* Return: the fault, or _SWB_FAULT_INVALID for an unknown name. */
enum swb_fault swb_fault_from_string(const char *name);

#define SWB_ERROR_TEXT_MAX 512

struct swb_error {
        int code; /* negative errno, 0 = unset */
        enum swb_fault fault;
        const char *file; /* where it first failed, static string */
        int line;
        char text[SWB_ERROR_TEXT_MAX]; /* outermost context first; cut at the end if too long */
};

#define SWB_ERROR_INIT ((struct swb_error){0})

/* Fills err and returns code. `code` must be negative; 0 or more is recorded as -EIO. */
int swb_fail_at(struct swb_error *err, const char *file, int line, int code, enum swb_fault fault,
                const char *format, ...) _printf_(6, 7);

#define swb_fail(err, code, fault, ...)                                                            \
        swb_fail_at((err), __FILE__, __LINE__, (code), (fault), __VA_ARGS__)

/* Same for an errno value: appends ": <strerror>" and picks the fault from it (ENOSPC, ENOMEM,
 * EACCES, ENOENT … else SWB_FAULT_IO). `error` may be negative or positive. */
int swb_fail_errno_at(struct swb_error *err, const char *file, int line, int error,
                      const char *format, ...) _printf_(5, 6);

#define swb_fail_errno(err, error, ...)                                                            \
        swb_fail_errno_at((err), __FILE__, __LINE__, (error), __VA_ARGS__)

#define swb_oom(err) swb_fail_errno((err), ENOMEM, "out of memory in %s", __func__)

/* Puts "context: " in front of the text and returns `code` unchanged. */
int swb_wrap(struct swb_error *err, int code, const char *format, ...) _printf_(3, 4);

/* For our own mistakes only; stays on in release. Nothing that comes from outside may reach it. */
#define swb_assert(condition)                                                                      \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        swb_assert_failed(#condition, __FILE__, __LINE__);                         \
        } while (0)

_Noreturn void swb_assert_failed(const char *condition, const char *file, int line);
