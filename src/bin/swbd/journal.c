/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swbd/journal.h"

#include <inttypes.h>
#include <sys/stat.h>
#define SD_JOURNAL_SUPPRESS_LOCATION /* of this file: it says nothing */
#include <systemd/sd-journal.h>

#include "base/log.h"
#include "device/config/facts.h"

#define FIELD_BYTES 2304
#define FIELDS_MAX 8

/* Of the one log of this process. */
static struct {
        char state[32], slot[8], version[SWB_DEVICE_VERSION_MAX + 1],
                target[SWB_DEVICE_VERSION_MAX + 1];
} known;

struct entry {
        char texts[FIELDS_MAX][FIELD_BYTES];
        struct iovec fields[FIELDS_MAX];
        int n;
};

/* Empty values are left out. */
static void add(struct entry *entry, const char *name, const char *value)
{
        char *text = entry->texts[entry->n];
        int n = snprintf(text, FIELD_BYTES, "%s=%s", name, value);

        if (*value == '\0' || n < 0)
                return;
        entry->fields[entry->n++] =
                (struct iovec){text, SWB_MIN((size_t)n, (size_t)FIELD_BYTES - 1)};
}

static bool take(const struct swb_log_line *line)
{
        struct entry entry = {.n = 0};
        char priority[8];

        (void)snprintf(priority, sizeof(priority), "%d", line->priority);
        add(&entry, "MESSAGE", line->text);
        add(&entry, "PRIORITY", priority);
        add(&entry, "SYSLOG_IDENTIFIER", "swbd");
        add(&entry, "SWB_FAULT", line->fault ? line->fault : "");
        add(&entry, "SWB_STATE", known.state);
        add(&entry, "SWB_SLOT", known.slot);
        add(&entry, "SWB_VERSION", known.version);
        add(&entry, "SWB_TARGET_VERSION", known.target);
        return sd_journal_sendv(entry.fields, entry.n) >= 0;
}

/* systemd.exec(5): the variable names device and inode of the stream, because children inherit
 * the variable but may have another standard error. */
static bool is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        char mine[64];
        struct stat st;

        if (!stream || fstat(STDERR_FILENO, &st) < 0)
                return false;
        (void)snprintf(mine, sizeof(mine), "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)st.st_dev,
                       (uintmax_t)st.st_ino);
        return strcmp(stream, mine) == 0;
}

void swbd_journal_start(void)
{
        if (is_journal())
                swb_log_set_sink(take);
}

void swbd_journal_tell(const struct swb_status *status)
{
        (void)snprintf(known.state, sizeof(known.state), "%s",
                       swb_engine_state_to_string(status->state));
        (void)snprintf(known.slot, sizeof(known.slot), "%s",
                       status->slot >= 0 ? swb_slot_to_string(status->slot) : "");
        (void)snprintf(known.version, sizeof(known.version), "%s", status->current_version);
        (void)snprintf(known.target, sizeof(known.target), "%s", status->available_version);
}
