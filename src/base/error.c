/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>

static const char *const fault_names[_SWB_FAULT_MAX] = {
        [SWB_FAULT_NONE] = "none",
        [SWB_FAULT_INTERNAL] = "internal",
        [SWB_FAULT_USAGE] = "usage",
        [SWB_FAULT_CONFIG] = "config",
        [SWB_FAULT_NO_MEMORY] = "no-memory",
        [SWB_FAULT_IO] = "io",
        [SWB_FAULT_NO_SPACE] = "no-space",
        [SWB_FAULT_NOT_FOUND] = "not-found",
        [SWB_FAULT_FORMAT] = "format",
        [SWB_FAULT_UNSUPPORTED] = "unsupported",
        [SWB_FAULT_LIMIT] = "limit",
        [SWB_FAULT_SIGNATURE] = "signature",
        [SWB_FAULT_HASH] = "hash",
        [SWB_FAULT_SOURCE] = "source",
        [SWB_FAULT_READBACK] = "readback",
        [SWB_FAULT_NETWORK] = "network",
        [SWB_FAULT_HTTP] = "http",
        [SWB_FAULT_PROTOCOL] = "protocol",
        [SWB_FAULT_BOOT] = "boot",
        [SWB_FAULT_HEALTH] = "health",
        [SWB_FAULT_FELL_BACK] = "fell-back",
        [SWB_FAULT_BUSY] = "busy",
        [SWB_FAULT_DENIED] = "denied",
        [SWB_FAULT_CANCELLED] = "cancelled",
        [SWB_FAULT_TIMEOUT] = "timeout",
        [SWB_FAULT_DOWNGRADE] = "downgrade",
        [SWB_FAULT_POST_INSTALL] = "post-install",
};

const char *swb_fault_to_string(enum swb_fault fault)
{
        if ((int)fault < 0 || fault >= _SWB_FAULT_MAX)
                return "invalid";
        return fault_names[fault];
}

enum swb_fault swb_fault_from_string(const char *name)
{
        for (int i = 0; i < _SWB_FAULT_MAX; i++)
                if (strcmp(fault_names[i], name) == 0)
                        return (enum swb_fault)i;
        return _SWB_FAULT_INVALID;
}

static enum swb_fault fault_of_errno(int error)
{
        switch (error) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
                return SWB_FAULT_NO_SPACE;
        case ENOMEM:
                return SWB_FAULT_NO_MEMORY;
        case ENOENT:
        case ENODEV:
        case ENXIO:
                return SWB_FAULT_NOT_FOUND;
        case EACCES:
        case EPERM:
        case EROFS:
                return SWB_FAULT_DENIED;
        case EBUSY:
        case EAGAIN:
                return SWB_FAULT_BUSY;
        case ETIMEDOUT:
                return SWB_FAULT_TIMEOUT;
        default:
                return SWB_FAULT_IO;
        }
}

static void fill(struct swb_error *err, const char *file, int line, int code, enum swb_fault fault)
{
        err->code = code;
        err->fault = fault;
        err->file = file;
        err->line = line;
}

int swb_fail_at(struct swb_error *err, const char *file, int line, int code, enum swb_fault fault,
                const char *format, ...)
{
        va_list args;

        if (code >= 0)
                code = -EIO;
        if (!err)
                return code;
        fill(err, file, line, code, fault);
        va_start(args, format);
        (void)vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
        return code;
}

int swb_fail_errno_at(struct swb_error *err, const char *file, int line, int error,
                      const char *format, ...)
{
        va_list args;
        size_t used;

        if (error < 0)
                error = -error;
        if (error == 0)
                error = EIO;
        if (!err)
                return -error;
        fill(err, file, line, -error, fault_of_errno(error));
        va_start(args, format);
        (void)vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
        used = strlen(err->text);
        (void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(error));
        return -error;
}

int swb_wrap(struct swb_error *err, int code, const char *format, ...)
{
        char inner[SWB_ERROR_TEXT_MAX];
        va_list args;
        size_t used;

        if (!err)
                return code;
        (void)snprintf(inner, sizeof(inner), "%s", err->text);
        va_start(args, format);
        (void)vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
        used = strlen(err->text);
        (void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
        return code;
}

_Noreturn void swb_assert_failed(const char *condition, const char *file, int line)
{
        (void)fprintf(stderr, "%s:%d: assertion failed: %s (please report this)\n", file, line,
                      condition);
        abort();
}
