/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * base/log.h - the one logger
 *
 * Lines go to standard error: "swbd: warning: text". Under a service manager (JOURNAL_STREAM is
 * set) each line starts with the journal's "<N>" priority instead of the program's name. Control
 * characters in the text are escaped, so that outside text can't forge lines.
 *
 * Libraries (everything below device/engine, device/bus, server/http and bin/) log at debug only:
 * they return errors, and whoever handles the error logs one line for it.
 */
#include "base/error.h"

enum swb_log_level {
        SWB_LOG_ERROR,
        SWB_LOG_WARNING,
        SWB_LOG_NOTICE,
        SWB_LOG_INFO,
        SWB_LOG_DEBUG,
        _SWB_LOG_MAX,
        _SWB_LOG_INVALID = -EINVAL,
};

/* Name is borrowed for the life of the program. Threshold: lines above it are dropped. */
void swb_log_init(const char *program, enum swb_log_level threshold);
void swb_log_set_threshold(enum swb_log_level threshold);
enum swb_log_level swb_log_level_from_string(const char *name);

void swb_log(enum swb_log_level level, const char *format, ...) _printf_(2, 3);

/* One line, ready for whoever keeps logs. */
struct swb_log_line {
        int priority;      /* as of syslog(3) */
        const char *text;  /* without control characters */
        const char *fault; /* stable name of the failure that it is about; NULL: about none */
};

/* Takes lines in place of standard error. false: it could not, and the line goes there after all.
 */
typedef bool (*swb_log_sink)(const struct swb_log_line *line);
void swb_log_set_sink(swb_log_sink sink); /* NULL: standard error again */

/* One line for a failure: "context: err->text [fault]". Returns err->code. */
int swb_log_failure(enum swb_log_level level, const struct swb_error *err, const char *format, ...)
        _printf_(3, 4);
