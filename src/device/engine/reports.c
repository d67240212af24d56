/* SPDX-License-Identifier: Apache-2.0 */
#include "device/engine/reports.h"

#include "base/text.h"

/* Omaha error codes of update_engine clients (common/error_code.h there), by what they mean. */
enum {
        CODE_SUCCESS = 0,
        CODE_GENERIC = 1,
        CODE_POSTINSTALL = 5,
        CODE_OPEN_SLOT = 7,
        CODE_TRANSFER = 9,
        CODE_PAYLOAD_HASH = 10,
        CODE_PAYLOAD_VERIFICATION = 12,
        CODE_TARGET_VERIFICATION = 15,
        CODE_WRITE = 28,  /* an operation could not be carried out */
        CODE_SOURCE = 20, /* the source is not what the delta needs */
        CODE_MANIFEST = 23,
        CODE_RESPONSE = 34,
        CODE_IGNORED = 35,
        CODE_DEFERRED = 36,
        CODE_BACKOFF = 40,
        CODE_FELL_BACK = 44,
        CODE_UNSUPPORTED = 45,
        CODE_CANCELLED = 48,
        CODE_METERED = 50,
        CODE_TIMESTAMP = 51,
        CODE_NOT_ACTIVE = 52,
        CODE_NO_SPACE = 60,
        CODE_HTTP_BASE = 2000,
};

int swb_report_error_code(enum swb_fault fault, uint64_t http_status)
{
        switch (fault) {
        case SWB_FAULT_NONE:
                return CODE_SUCCESS;
        case SWB_FAULT_HTTP:
                return CODE_HTTP_BASE + (int)http_status;
        case SWB_FAULT_NETWORK:
        case SWB_FAULT_TIMEOUT:
                return CODE_TRANSFER;
        case SWB_FAULT_HASH:
                return CODE_PAYLOAD_HASH;
        case SWB_FAULT_SIGNATURE:
                return CODE_PAYLOAD_VERIFICATION;
        case SWB_FAULT_READBACK:
                return CODE_TARGET_VERIFICATION;
        case SWB_FAULT_IO:
                return CODE_WRITE;
        case SWB_FAULT_SOURCE:
                return CODE_SOURCE;
        case SWB_FAULT_FORMAT:
        case SWB_FAULT_LIMIT:
                return CODE_MANIFEST;
        case SWB_FAULT_UNSUPPORTED:
                return CODE_UNSUPPORTED;
        case SWB_FAULT_PROTOCOL:
                return CODE_RESPONSE;
        case SWB_FAULT_NOT_FOUND:
        case SWB_FAULT_DENIED:
                return CODE_OPEN_SLOT;
        case SWB_FAULT_NO_SPACE:
                return CODE_NO_SPACE;
        case SWB_FAULT_BOOT:
                return CODE_NOT_ACTIVE;
        case SWB_FAULT_HEALTH:
        case SWB_FAULT_POST_INSTALL:
                return CODE_POSTINSTALL;
        case SWB_FAULT_FELL_BACK:
                return CODE_FELL_BACK;
        case SWB_FAULT_CANCELLED:
                return CODE_CANCELLED;
        case SWB_FAULT_DOWNGRADE:
                return CODE_TIMESTAMP;
        case SWB_FAULT_INTERNAL:
        case SWB_FAULT_USAGE:
        case SWB_FAULT_CONFIG:
        case SWB_FAULT_NO_MEMORY:
        case SWB_FAULT_BUSY:
                return CODE_GENERIC;
        case _SWB_FAULT_MAX:
        case _SWB_FAULT_INVALID:
        default:
                return CODE_GENERIC;
        }
}

/* Omaha's event type and result. */
static const struct {
        unsigned type, result;
} events[_SWB_REPORT_MAX] = {
        [SWB_REPORT_STARTED] = {13, 1},  [SWB_REPORT_DOWNLOADED] = {14, 1},
        [SWB_REPORT_INSTALLED] = {3, 1}, [SWB_REPORT_COMPLETED] = {54, 1},
        [SWB_REPORT_FAILED] = {3, 0},    [SWB_REPORT_REFUSED] = {3, 9},
        [SWB_REPORT_HELD] = {3, 9},
};

static bool is_same(const struct swb_event *a, const struct swb_event *b)
{
        return a->type == b->type && a->result == b->result && a->error_code == b->error_code &&
               a->fault == b->fault && strcmp(a->next_version, b->next_version) == 0;
}

void swb_report_queue(struct swb_state *state, enum swb_report report,
                      const struct swb_pending *update, const struct swb_error *err,
                      uint64_t http_status)
{
        struct swb_event event = {
                .type = events[report].type, .result = events[report].result, .slot = update->slot};

        if (err) {
                event.fault = err->fault;
                event.error_code = report == SWB_REPORT_REFUSED
                                           ? CODE_IGNORED
                                           : swb_report_error_code(err->fault, http_status);
                (void)snprintf(event.text, sizeof(event.text), "%.*s", SWB_REASON_TEXT - 1,
                               err->text);
        }
        memcpy(event.previous_version, update->from_version, sizeof(event.previous_version));
        memcpy(event.next_version, update->version, sizeof(event.next_version));
        /* A device without a network would fill the queue with the same line each hour. */
        if (state->n_events > 0 && is_same(&state->events[state->n_events - 1], &event))
                return;
        swb_state_add_event(state, &event);
}

static int held_code(enum swb_rule rule)
{
        switch (rule) {
        case SWB_RULE_BACKOFF:
                return CODE_BACKOFF;
        case SWB_RULE_METERED:
                return CODE_METERED;
        case SWB_RULE_FREE:
        case SWB_RULE_BY_HAND:
        case SWB_RULE_DEADLINE:
        case SWB_RULE_NOTHING:
        case SWB_RULE_MANUAL:
        case SWB_RULE_SCHEDULE:
        case SWB_RULE_RETRY:
        case SWB_RULE_INHIBITED:
        case SWB_RULE_PAUSED:
        case SWB_RULE_DEFERRED:
        case SWB_RULE_SCATTER:
        case SWB_RULE_CLOCK:
        case SWB_RULE_WINDOW:
        case SWB_RULE_BUDGET:
        case SWB_RULE_BATTERY:
        case SWB_RULE_LOAD:
        case SWB_RULE_IN_USE:
        case _SWB_RULE_MAX:
        default:
                return CODE_DEFERRED;
        }
}

void swb_report_held(struct swb_state *state, const struct swb_pending *update, enum swb_gate gate,
                     const struct swb_policy_answer *answer)
{
        struct swb_event event = {.type = events[SWB_REPORT_HELD].type,
                                  .result = events[SWB_REPORT_HELD].result,
                                  .error_code = held_code(answer->rule),
                                  .slot = update->slot};

        (void)snprintf(event.text, sizeof(event.text), "%s: not now, %s: %s",
                       swb_gate_to_string(gate), swb_rule_to_string(answer->rule), answer->facts);
        memcpy(event.previous_version, update->from_version, sizeof(event.previous_version));
        memcpy(event.next_version, update->version, sizeof(event.next_version));
        swb_state_add_event(state, &event);
}
