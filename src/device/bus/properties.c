/* SPDX-License-Identifier: Apache-2.0 */
#include "device/bus/properties.h"

#define TEXT_MAX (SWB_ERROR_TEXT_MAX + 1)

enum {
        STATE,
        PROGRESS,
        BYTES_DONE,
        BYTES_TOTAL,
        RATE,
        CURRENT_VERSION,
        AVAILABLE_VERSION,
        CURRENT_SLOT,
        OTHER_SLOT,
        LAST_CHECK,
        NEXT_CHECK,
        LAST_ERROR,
        LAST_ERROR_TEXT,
        NEEDS_REBOOT,
        FAILED_VERSIONS,
        SECONDS_LEFT,
        CHANNEL,
        PAUSED_UNTIL,
        DEFERRED_UNTIL,
        DEFERRAL_REASON,
        DEADLINE,
        REBOOT_AT,
        GATES,
};

const struct swb_bus_property swb_bus_properties[SWB_BUS_PROPERTIES] = {
        [STATE] = {"State", "s"},
        [PROGRESS] = {"Progress", "d"},
        [BYTES_DONE] = {"BytesDone", "t"},
        [BYTES_TOTAL] = {"BytesTotal", "t"},
        [RATE] = {"Rate", "t"},
        [CURRENT_VERSION] = {"CurrentVersion", "s"},
        [AVAILABLE_VERSION] = {"AvailableVersion", "s"},
        [CURRENT_SLOT] = {"CurrentSlot", "s"},
        [OTHER_SLOT] = {"OtherSlot", "s"},
        [LAST_CHECK] = {"LastCheck", "t"},
        [NEXT_CHECK] = {"NextCheck", "t"},
        [LAST_ERROR] = {"LastError", "s"},
        [LAST_ERROR_TEXT] = {"LastErrorText", "s"},
        [NEEDS_REBOOT] = {"NeedsReboot", "b"},
        [FAILED_VERSIONS] = {"FailedVersions", "a{ss}"},
        [SECONDS_LEFT] = {"SecondsLeft", "t"},
        [CHANNEL] = {"Channel", "s"},
        [PAUSED_UNTIL] = {"PausedUntil", "t"},
        [DEFERRED_UNTIL] = {"DeferredUntil", "t"},
        [DEFERRAL_REASON] = {"DeferralReason", "s"},
        [DEADLINE] = {"Deadline", "t"},
        [REBOOT_AT] = {"RebootAt", "t"},
        [GATES] = {"Gates", "a(sbst)"},
};

/* Length of the well-formed character at p (1 .. 4), 0 for none: overlong forms, surrogates and
 * numbers above U+10FFFF are none. */
static size_t utf8_length(const unsigned char *p)
{
        static const struct {
                unsigned char first_low, first_high, second_low, second_high;
                size_t n;
        } forms[] = {
                {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
                {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
        };

        if (p[0] >= 0x20 && p[0] < 0x7f)
                return 1;
        for (size_t i = 0; i < SWB_ELEMENTS(forms); i++) {
                size_t n = 2;

                if (p[0] < forms[i].first_low || p[0] > forms[i].first_high ||
                    p[1] < forms[i].second_low || p[1] > forms[i].second_high)
                        continue;
                while (n < forms[i].n && (p[n] & 0xc0) == 0x80)
                        n++;
                return n == forms[i].n ? n : 0;
        }
        return 0;
}

void swb_bus_mend_utf8(char *text)
{
        while (*text) {
                size_t n = utf8_length((const unsigned char *)text);

                if (n == 0)
                        *text = '?';
                text += SWB_MAX(n, (size_t)1);
        }
}

static int append_text(sd_bus_message *message, const char *text)
{
        char copy[TEXT_MAX];

        (void)snprintf(copy, sizeof(copy), "%s", text);
        swb_bus_mend_utf8(copy);
        return sd_bus_message_append_basic(message, 's', copy);
}

static const char *slot_name(const struct swb_status *status, bool other)
{
        if (status->slot == _SWB_SLOT_INVALID)
                return "";
        return swb_slot_to_string(other ? swb_slot_other(status->slot) : status->slot);
}

static const char *error_name(const struct swb_status *status)
{
        return status->last_error.fault == SWB_FAULT_NONE
                       ? ""
                       : swb_fault_to_string(status->last_error.fault);
}

/* version -> "fault: text" */
static int append_failed(sd_bus_message *message, const struct swb_engine *engine)
{
        size_t n = swb_engine_status(engine)->n_failed;
        int r = sd_bus_message_open_container(message, 'a', "{ss}");

        for (size_t i = 0; i < n && r >= 0; i++) {
                struct swb_failed_version failed;
                char version[TEXT_MAX], reason[TEXT_MAX];

                swb_engine_failed_version(engine, i, &failed);
                (void)snprintf(version, sizeof(version), "%s", failed.version);
                (void)snprintf(reason, sizeof(reason), "%s: %s", swb_fault_to_string(failed.fault),
                               failed.text);
                swb_bus_mend_utf8(version);
                swb_bus_mend_utf8(reason);
                r = sd_bus_message_append(message, "{ss}", version, reason);
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}

/* gate, open, rule, next time */
static int append_gates(sd_bus_message *message, const struct swb_status *status)
{
        int r = sd_bus_message_open_container(message, 'a', "(sbst)");

        for (int i = 0; i < _SWB_GATE_MAX && r >= 0; i++)
                r = sd_bus_message_append(message, "(sbst)", swb_gate_to_string((enum swb_gate)i),
                                          (int)status->gates[i].allow,
                                          swb_rule_to_string(status->gates[i].rule),
                                          status->gates[i].again_wall_usec);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static bool gates_differ(const struct swb_status *was, const struct swb_status *is)
{
        for (int i = 0; i < _SWB_GATE_MAX; i++)
                if (was->gates[i].allow != is->gates[i].allow ||
                    was->gates[i].rule != is->gates[i].rule ||
                    was->gates[i].again_wall_usec != is->gates[i].again_wall_usec)
                        return true;
        return false;
}

int swb_bus_append_property(sd_bus_message *message, size_t index, const struct swb_engine *engine)
{
        const struct swb_status *status = swb_engine_status(engine);

        switch (index) {
        case STATE:
                return append_text(message, swb_engine_state_to_string(status->state));
        case PROGRESS:
                return sd_bus_message_append(message, "d", status->progress);
        case BYTES_DONE:
                return sd_bus_message_append(message, "t", status->bytes_done);
        case BYTES_TOTAL:
                return sd_bus_message_append(message, "t", status->bytes_total);
        case RATE:
                return sd_bus_message_append(message, "t", status->rate);
        case CURRENT_VERSION:
                return append_text(message, status->current_version);
        case AVAILABLE_VERSION:
                return append_text(message, status->available_version);
        case CURRENT_SLOT:
                return append_text(message, slot_name(status, false));
        case OTHER_SLOT:
                return append_text(message, slot_name(status, true));
        case LAST_CHECK:
                return sd_bus_message_append(message, "t", status->last_check_wall_usec);
        case NEXT_CHECK:
                return sd_bus_message_append(message, "t", status->next_check_wall_usec);
        case LAST_ERROR:
                return append_text(message, error_name(status));
        case LAST_ERROR_TEXT:
                return append_text(message, status->last_error.text);
        case NEEDS_REBOOT:
                return sd_bus_message_append(message, "b", (int)status->needs_reboot);
        case FAILED_VERSIONS:
                return append_failed(message, engine);
        case SECONDS_LEFT:
                return sd_bus_message_append(message, "t", status->left_sec);
        case CHANNEL:
                return append_text(message, status->channel);
        case PAUSED_UNTIL:
                return sd_bus_message_append(message, "t", status->paused_until_wall_usec);
        case DEFERRED_UNTIL:
                return sd_bus_message_append(message, "t", status->deferred_until_wall_usec);
        case DEFERRAL_REASON:
                return append_text(message, status->deferral_reason);
        case DEADLINE:
                return sd_bus_message_append(message, "t", status->deadline_wall_usec);
        case REBOOT_AT:
                return sd_bus_message_append(message, "t", status->reboot_wall_usec);
        case GATES:
                return append_gates(message, status);
        default:
                return -EINVAL;
        }
}

static bool differs(size_t index, const struct swb_status *was, const struct swb_status *is)
{
        switch (index) {
        case STATE:
                return was->state != is->state;
        case PROGRESS:
                return was->progress < is->progress || was->progress > is->progress;
        case BYTES_DONE:
                return was->bytes_done != is->bytes_done;
        case BYTES_TOTAL:
                return was->bytes_total != is->bytes_total;
        case RATE:
                return was->rate != is->rate;
        case CURRENT_VERSION:
                return strcmp(was->current_version, is->current_version) != 0;
        case AVAILABLE_VERSION:
                return strcmp(was->available_version, is->available_version) != 0;
        case CURRENT_SLOT:
        case OTHER_SLOT:
                return was->slot != is->slot;
        case LAST_CHECK:
                return was->last_check_wall_usec != is->last_check_wall_usec;
        case NEXT_CHECK:
                return was->next_check_wall_usec != is->next_check_wall_usec;
        case LAST_ERROR:
                return was->last_error.fault != is->last_error.fault;
        case LAST_ERROR_TEXT:
                return strcmp(was->last_error.text, is->last_error.text) != 0;
        case NEEDS_REBOOT:
                return was->needs_reboot != is->needs_reboot;
        case FAILED_VERSIONS: /* only ever added to, and the oldest of many dropped unseen */
                return was->n_failed != is->n_failed;
        case SECONDS_LEFT:
                return was->left_sec != is->left_sec;
        case CHANNEL:
                return strcmp(was->channel, is->channel) != 0;
        case PAUSED_UNTIL:
                return was->paused_until_wall_usec != is->paused_until_wall_usec;
        case DEFERRED_UNTIL:
                return was->deferred_until_wall_usec != is->deferred_until_wall_usec;
        case DEFERRAL_REASON:
                return strcmp(was->deferral_reason, is->deferral_reason) != 0;
        case DEADLINE:
                return was->deadline_wall_usec != is->deadline_wall_usec;
        case REBOOT_AT:
                return was->reboot_wall_usec != is->reboot_wall_usec;
        case GATES:
                return gates_differ(was, is);
        default:
                return false;
        }
}

size_t swb_bus_changed_properties(const struct swb_status *was, const struct swb_status *is,
                                  const char *names[SWB_BUS_PROPERTIES + 1])
{
        size_t n = 0;

        for (size_t i = 0; i < SWB_BUS_PROPERTIES; i++)
                if (differs(i, was, is))
                        names[n++] = swb_bus_properties[i].name;
        names[n] = NULL;
        return n;
}
