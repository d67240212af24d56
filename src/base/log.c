/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>

#define LINE_MAX_BYTES 2048

static const char *program_name = "switchback";
static enum swb_log_level max_level = SWB_LOG_INFO;
static bool to_journal;
static swb_log_sink taker;

static const struct {
        const char *name;
        int priority; /* as syslog(3) */
} levels[_SWB_LOG_MAX] = {
        [SWB_LOG_ERROR] = {"error", 3},   [SWB_LOG_WARNING] = {"warning", 4},
        [SWB_LOG_NOTICE] = {"notice", 5}, [SWB_LOG_INFO] = {"info", 6},
        [SWB_LOG_DEBUG] = {"debug", 7},
};

void swb_log_init(const char *program, enum swb_log_level threshold)
{
        program_name = program;
        max_level = threshold;
        to_journal = getenv("JOURNAL_STREAM") != NULL;
}

void swb_log_set_threshold(enum swb_log_level threshold)
{
        max_level = threshold;
}

void swb_log_set_sink(swb_log_sink sink)
{
        taker = sink;
}

enum swb_log_level swb_log_level_from_string(const char *name)
{
        for (int i = 0; i < _SWB_LOG_MAX; i++)
                if (strcmp(levels[i].name, name) == 0)
                        return (enum swb_log_level)i;
        return _SWB_LOG_INVALID;
}

static void write_line(enum swb_log_level level, const char *fault, char *text)
{
        const struct swb_log_line words = {levels[level].priority, text, fault};
        char line[LINE_MAX_BYTES + 64];
        int n;

        for (char *p = text; *p; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        *p = '?';
        if (taker && taker(&words))
                return;
        if (to_journal)
                n = snprintf(line, sizeof(line), "<%d>%s\n", levels[level].priority, text);
        else
                n = snprintf(line, sizeof(line), "%s: %s: %s\n", program_name, levels[level].name,
                             text);
        if (n < 0)
                return;
        /* One write() a line, so that lines of several processes do not mix. */
        if (write(STDERR_FILENO, line, SWB_MIN((size_t)n, sizeof(line) - 1)) < 0)
                return; /* nowhere left to say it */
}

void swb_log(enum swb_log_level level, const char *format, ...)
{
        char text[LINE_MAX_BYTES];
        va_list args;

        if (level > max_level)
                return;
        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        write_line(level, NULL, text);
}

int swb_log_failure(enum swb_log_level level, const struct swb_error *err, const char *format, ...)
{
        char text[LINE_MAX_BYTES];
        va_list args;
        size_t used;

        if (level > max_level)
                return err->code;
        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, ": %s [%s]", err->text,
                       swb_fault_to_string(err->fault));
        write_line(level, swb_fault_to_string(err->fault), text);
        return err->code;
}
