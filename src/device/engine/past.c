/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the updates of this device, for people who look into it. */
#include "device/engine/machine.h"

static bool is_again(const struct swb_past *last, const struct swb_pending *update,
                     enum swb_fault fault)
{
        return last->fault == fault && strcmp(last->to_version, update->version) == 0;
}

void swb_engine_note_past(struct swb_engine *e, const struct swb_pending *update,
                          const struct swb_error *why)
{
        struct swb_state *state = e->state;
        struct swb_past *past = &state->past[state->n_past];
        struct swb_now now;

        swb_engine_get_now(e, &now);
        if (state->n_past > 0 && is_again(past - 1, update, why ? why->fault : SWB_FAULT_NONE)) {
                past--; /* the same failure each hour fills no history */
        } else if (state->n_past == SWB_PAST_MAX) {
                memmove(state->past, state->past + 1, (SWB_PAST_MAX - 1) * sizeof(state->past[0]));
                past--;
                *past = (struct swb_past){0};
        } else {
                state->n_past++;
        }
        past->wall_usec = now.wall_usec;
        past->times++;
        memcpy(past->from_version, update->from_version, sizeof(past->from_version));
        memcpy(past->to_version, update->version, sizeof(past->to_version));
        past->fault = why ? why->fault : SWB_FAULT_NONE;
        (void)snprintf(past->text, sizeof(past->text), "%.*s", SWB_REASON_TEXT - 1,
                       why ? why->text : "");
}

size_t swb_engine_n_past(const struct swb_engine *engine)
{
        return engine->state->n_past;
}

void swb_engine_past(const struct swb_engine *engine, size_t index, struct swb_past_view *ret)
{
        const struct swb_past *past = &engine->state->past[index];

        swb_assert(index < engine->state->n_past);
        *ret = (struct swb_past_view){past->wall_usec,  past->times, past->from_version,
                                      past->to_version, past->fault, past->text};
}
