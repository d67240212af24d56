/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/http/stream.h - one text for many listeners: server-sent events without a queue
 *
 * Model:  of each topic only the newest piece counts. A listener that is slow gets fewer pieces,
 *         never older ones, and costs no memory but the piece that it is at. While there is nothing
 *         new for it its connection is suspended; no thread waits.
 */
#include <microhttpd.h>

#include "base/buf.h"
#include "base/error.h"

enum swb_topic {
        SWB_TOPIC_LIVE,     /* counters, from memory */
        SWB_TOPIC_OVERVIEW, /* the fleet by version and state */
        _SWB_TOPIC_MAX,
};

struct swb_stream;

struct swb_stream *swb_stream_new(unsigned listeners_max); /* NULL: out of memory */
/* All listeners' answers end, new ones are refused. NULL is fine. */
void swb_stream_stop(struct swb_stream *stream);
/* No listener may be left: libmicrohttpd has stopped. */
struct swb_stream *swb_stream_free(struct swb_stream *stream);
SWB_DEFINE_CLEANUP(struct swb_stream *, swb_stream_free)

unsigned swb_stream_listeners(struct swb_stream *stream);
/* The topic's newest piece: one line of JSON, copied. -ENOMEM. */
int swb_stream_publish(struct swb_stream *stream, enum swb_topic topic, const void *data,
                       size_t n_bytes) _warn_unused_;
/* The answer that goes on for ever; it begins with the newest piece of each topic. NULL: too many
 * listeners, stopped, or out of memory. */
struct MHD_Response *swb_stream_join(struct swb_stream *stream, struct MHD_Connection *connection);
