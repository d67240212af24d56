/* SPDX-License-Identifier: Apache-2.0 */
#include "device/engine/state.h"

static const char *const phases[_SWB_PHASE_MAX] = {
        [SWB_PHASE_NONE] = "none",
        [SWB_PHASE_FOUND] = "found",
        [SWB_PHASE_INSTALLING] = "installing",
        [SWB_PHASE_INSTALLED] = "installed",
        [SWB_PHASE_REJECTED] = "rejected",
};

const char *swb_phase_to_string(enum swb_phase phase)
{
        return phases[phase];
}

enum swb_phase swb_phase_from_string(const char *name)
{
        for (int i = 0; i < _SWB_PHASE_MAX; i++)
                if (strcmp(phases[i], name) == 0)
                        return (enum swb_phase)i;
        return _SWB_PHASE_INVALID;
}

struct swb_state *swb_state_new(void)
{
        return calloc(1, sizeof(struct swb_state));
}

struct swb_state *swb_state_free(struct swb_state *state)
{
        free(state);
        return NULL;
}

void swb_state_clear_pending(struct swb_state *state)
{
        memset(&state->pending, 0, sizeof(state->pending));
}

void swb_state_clear_found(struct swb_state *state)
{
        state->found = (struct swb_due){0};
        state->scatter_usec = 0;
}

static struct swb_failed *find_failed(const struct swb_state *state, const char *version)
{
        for (size_t i = 0; i < state->n_failed; i++)
                if (strcmp(state->failed[i].version, version) == 0)
                        return (struct swb_failed *)&state->failed[i];
        return NULL;
}

const struct swb_failed *swb_state_find_failed(const struct swb_state *state, const char *version)
{
        return find_failed(state, version);
}

static void remove_failed(struct swb_state *state, size_t index)
{
        state->n_failed--;
        memmove(state->failed + index, state->failed + index + 1,
                (state->n_failed - index) * sizeof(state->failed[0]));
}

void swb_state_add_failed(struct swb_state *state, const struct swb_failed *failed)
{
        struct swb_failed *known = find_failed(state, failed->version);
        uint64_t n_times = known ? known->n_times + 1 : 1;

        if (known)
                remove_failed(state, (size_t)(known - state->failed));
        else if (state->n_failed == SWB_FAILED_MAX)
                remove_failed(state, 0);
        state->failed[state->n_failed] = *failed;
        state->failed[state->n_failed++].n_times = n_times;
}

void swb_state_drop_failed(struct swb_state *state, const char *version)
{
        const struct swb_failed *known = find_failed(state, version);

        if (known)
                remove_failed(state, (size_t)(known - state->failed));
}

bool swb_failed_is_final(const struct swb_failed *failed, uint64_t second_try_usec)
{
        return failed->fault != SWB_FAULT_FELL_BACK || second_try_usec == 0 || failed->n_times > 1;
}

static void drop_events(struct swb_state *state, size_t first, size_t n)
{
        memmove(state->events + first, state->events + first + n,
                (state->n_events - first - n) * sizeof(state->events[0]));
        state->n_events -= n;
}

void swb_state_add_event(struct swb_state *state, const struct swb_event *event)
{
        if (state->n_events == SWB_EVENTS_MAX)
                drop_events(state, state->n_in_flight, 1);
        state->events[state->n_events++] = *event;
}

void swb_state_drop_sent(struct swb_state *state)
{
        drop_events(state, 0, state->n_in_flight);
        state->n_in_flight = 0;
}
