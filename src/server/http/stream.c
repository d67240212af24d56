/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/stream.h"

#include <pthread.h>

#define BLOCK_BYTES ((size_t)16 << 10)

/* One piece as it goes over the wire, shared by all who are at it. */
struct piece {
        unsigned n_refs;
        uint64_t number; /* of its topic, from 1 */
        struct swb_buf text;
};

struct listener {
        struct listener *next, *previous;
        struct swb_stream *stream;
        struct MHD_Connection *connection;
        uint64_t seen[_SWB_TOPIC_MAX]; /* number of the last piece that it took */
        struct piece *piece;           /* that it is at, or NULL */
        size_t offset;                 /* in the piece */
        bool is_suspended;
};

struct swb_stream {
        unsigned n_listeners_max;
        pthread_mutex_t lock; /* for all below, and all listeners */
        struct listener *first;
        unsigned n_listeners;
        struct piece *newest[_SWB_TOPIC_MAX];
        bool stopped;
};

struct swb_stream *swb_stream_new(unsigned listeners_max)
{
        struct swb_stream *stream = calloc(1, sizeof(*stream));

        if (!stream)
                return NULL;
        stream->n_listeners_max = listeners_max;
        (void)pthread_mutex_init(&stream->lock, NULL); /* can't fail without attributes */
        return stream;
}

/* Under the lock. */
static struct piece *piece_unref(struct piece *piece)
{
        if (piece && --piece->n_refs == 0) {
                swb_buf_done(&piece->text);
                free(piece);
        }
        return NULL;
}

/* Under the lock. */
static void wake_all(struct swb_stream *stream)
{
        for (struct listener *l = stream->first; l; l = l->next) {
                if (!l->is_suspended)
                        continue;
                l->is_suspended = false;
                MHD_resume_connection(l->connection);
        }
}

void swb_stream_stop(struct swb_stream *stream)
{
        if (!stream)
                return;
        (void)pthread_mutex_lock(&stream->lock);
        stream->stopped = true;
        wake_all(stream);
        (void)pthread_mutex_unlock(&stream->lock);
}

struct swb_stream *swb_stream_free(struct swb_stream *stream)
{
        if (!stream)
                return NULL;
        swb_assert(!stream->first);
        for (size_t i = 0; i < SWB_ELEMENTS(stream->newest); i++)
                (void)piece_unref(stream->newest[i]);
        (void)pthread_mutex_destroy(&stream->lock);
        free(stream);
        return NULL;
}

unsigned swb_stream_listeners(struct swb_stream *stream)
{
        unsigned n;

        (void)pthread_mutex_lock(&stream->lock);
        n = stream->n_listeners;
        (void)pthread_mutex_unlock(&stream->lock);
        return n;
}

static int write_piece(struct swb_buf *text, enum swb_topic topic, const void *data, size_t n_bytes)
{
        static const char *const names[_SWB_TOPIC_MAX] = {
                [SWB_TOPIC_LIVE] = "live",
                [SWB_TOPIC_OVERVIEW] = "overview",
        };
        int r;

        *text = SWB_BUF_INIT(n_bytes + 64);
        r = swb_buf_printf(text, "event: %s\ndata: ", names[topic]);
        if (r >= 0)
                r = swb_buf_append(text, data, n_bytes);
        if (r >= 0)
                r = swb_buf_append_str(text, "\n\n");
        return r;
}

int swb_stream_publish(struct swb_stream *stream, enum swb_topic topic, const void *data,
                       size_t n_bytes)
{
        struct piece *piece = calloc(1, sizeof(*piece));
        struct piece **newest = &stream->newest[topic];

        if (!piece || write_piece(&piece->text, topic, data, n_bytes) < 0) {
                if (piece)
                        swb_buf_done(&piece->text);
                free(piece);
                return -ENOMEM;
        }
        piece->n_refs = 1;
        (void)pthread_mutex_lock(&stream->lock);
        piece->number = *newest ? (*newest)->number + 1 : 1;
        (void)piece_unref(*newest);
        *newest = piece;
        wake_all(stream);
        (void)pthread_mutex_unlock(&stream->lock);
        return 0;
}

/* Under the lock: what comes next for the listener, NULL if it has all. */
static struct piece *next_piece(struct listener *listener)
{
        for (size_t i = 0; i < _SWB_TOPIC_MAX; i++) {
                struct piece *newest = listener->stream->newest[i];

                if (newest && newest->number > listener->seen[i]) {
                        listener->seen[i] = newest->number;
                        newest->n_refs++;
                        return newest;
                }
        }
        return NULL;
}

/* Of libmicrohttpd: up to `max` bytes more. 0: the connection was suspended. */
static ssize_t read_more(void *userdata, uint64_t position, char *buf, size_t max)
{
        struct listener *l = userdata;
        struct swb_stream *stream = l->stream;
        size_t n = 0;

        (void)position;
        (void)pthread_mutex_lock(&stream->lock);
        if (!l->piece) {
                l->piece = next_piece(l);
                l->offset = 0;
        }
        if (stream->stopped) {
                (void)pthread_mutex_unlock(&stream->lock);
                return MHD_CONTENT_READER_END_OF_STREAM;
        }
        if (l->piece) {
                n = SWB_MIN(max, l->piece->text.n_bytes - l->offset);
                memcpy(buf, l->piece->text.data + l->offset, n);
                l->offset += n;
                if (l->offset == l->piece->text.n_bytes)
                        l->piece = piece_unref(l->piece);
        } else {
                /* Under the lock, so that whoever publishes sees it. */
                l->is_suspended = true;
                MHD_suspend_connection(l->connection);
        }
        (void)pthread_mutex_unlock(&stream->lock);
        return (ssize_t)n;
}

static void leave(void *userdata)
{
        struct listener *l = userdata;
        struct swb_stream *stream = l->stream;

        (void)pthread_mutex_lock(&stream->lock);
        (void)piece_unref(l->piece);
        if (l->previous)
                l->previous->next = l->next;
        else
                stream->first = l->next;
        if (l->next)
                l->next->previous = l->previous;
        stream->n_listeners--;
        (void)pthread_mutex_unlock(&stream->lock);
        free(l);
}

static bool enter(struct swb_stream *stream, struct listener *l)
{
        bool is_welcome;

        (void)pthread_mutex_lock(&stream->lock);
        is_welcome = !stream->stopped && stream->n_listeners < stream->n_listeners_max;
        if (is_welcome) {
                l->next = stream->first;
                if (stream->first)
                        stream->first->previous = l;
                stream->first = l;
                stream->n_listeners++;
        }
        (void)pthread_mutex_unlock(&stream->lock);
        return is_welcome;
}

struct MHD_Response *swb_stream_join(struct swb_stream *stream, struct MHD_Connection *connection)
{
        struct listener *l = calloc(1, sizeof(*l));
        struct MHD_Response *response;

        if (!l)
                return NULL;
        l->stream = stream;
        l->connection = connection;
        if (!enter(stream, l)) {
                free(l);
                return NULL;
        }
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_more, l,
                                                     leave);
        if (!response)
                leave(l);
        return response;
}
