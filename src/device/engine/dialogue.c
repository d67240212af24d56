/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a worker's messages, and what they may claim. */
#include <inttypes.h>

#include "device/engine/message.h"

#define WINDOW_USEC 1000000

static int lied(const struct swb_dialogue *d, struct swb_error *err, const char *what)
{
        return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL, "%s %s",
                        swb_worker_kind_to_string(d->kind), what);
}

static int hear_need(struct swb_dialogue *d, const struct swb_message *m, struct swb_error *err)
{
        if (d->has_need)
                return lied(d, err, "asked twice for its first byte");
        if (m->offset > d->payload_bytes)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "%s wants byte %" PRIu64 " of a payload of %" PRIu64 " bytes",
                                swb_worker_kind_to_string(d->kind), m->offset, d->payload_bytes);
        d->has_need = true;
        d->has_advanced = true;
        return 0;
}

static int hear_progress(struct swb_dialogue *d, const struct swb_message *m, struct swb_error *err)
{
        const struct swb_message *last = &d->last;

        if (d->kind == SWB_WORKER_INSTALL && !d->has_need)
                return lied(d, err, "reports progress without having asked for bytes");
        if (m->offset > d->payload_bytes || m->offset < last->offset)
                return lied(d, err, "claims an impossible offset in the payload");
        if (m->percent < last->percent || m->stage < last->stage)
                return lied(d, err, "reports progress that goes backwards");
        if (m->stage == last->stage && m->bytes_done < last->bytes_done)
                return lied(d, err, "reports fewer bytes done than before");
        d->has_advanced = m->stage != last->stage || m->percent > last->percent ||
                          m->bytes_done > last->bytes_done || m->offset > last->offset;
        d->last = *m;
        return 0;
}

static int hear_outcome(struct swb_dialogue *d, const struct swb_message *m, struct swb_error *err)
{
        if (m->ok && d->kind == SWB_WORKER_INSTALL && !d->has_need)
                return lied(d, err, "claims success without having asked for bytes");
        d->has_outcome = true;
        d->has_advanced = true;
        return 0;
}

static bool floods(struct swb_dialogue *d, uint64_t now_usec)
{
        if (now_usec - d->window_usec >= WINDOW_USEC) {
                d->window_usec = now_usec;
                d->n_in_window = 0;
        }
        return ++d->n_in_window > SWB_MESSAGES_PER_SECOND_MAX;
}

int swb_dialogue_hear(struct swb_dialogue *dialogue, const void *text, size_t n_bytes,
                      uint64_t now_usec, struct swb_message *ret, struct swb_error *err)
{
        int r;

        dialogue->has_advanced = false;
        if (n_bytes > SWB_MESSAGE_BYTES_MAX)
                return lied(dialogue, err, "sent a message above 16 KiB");
        if (floods(dialogue, now_usec))
                return lied(dialogue, err, "sends too many messages");
        if (dialogue->has_outcome)
                return lied(dialogue, err, "goes on talking after its outcome");
        r = swb_message_parse(dialogue->kind, text, n_bytes, ret, err);
        if (r < 0)
                return r;
        switch (ret->type) {
        case SWB_MESSAGE_NEED:
                return hear_need(dialogue, ret, err);
        case SWB_MESSAGE_PROGRESS:
                return hear_progress(dialogue, ret, err);
        case SWB_MESSAGE_OUTCOME:
                return hear_outcome(dialogue, ret, err);
        case _SWB_MESSAGE_TYPE_MAX:
        case _SWB_MESSAGE_TYPE_INVALID:
        default:
                return lied(dialogue, err, "sent a message that can't be");
        }
}
