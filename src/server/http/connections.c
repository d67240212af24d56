/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/connections.h"

#include <pthread.h>
#include <sys/socket.h>

#define NO_DEADLINE UINT64_MAX

struct swb_connection {
        struct swb_connection *next, *previous;
        int fd;
        uint64_t began_usec, deadline_usec; /* CLOCK_MONOTONIC */
        bool has_asked, is_long;
};

struct swb_connections {
        uint64_t timeout_usec;
        pthread_mutex_t lock; /* for the list and all in it */
        struct swb_connection *first;
};

static uint64_t now_usec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail for this clock */
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct swb_connections *swb_connections_new(uint64_t timeout_usec)
{
        struct swb_connections *all = calloc(1, sizeof(*all));

        if (!all)
                return NULL;
        all->timeout_usec = timeout_usec;
        (void)pthread_mutex_init(&all->lock, NULL); /* can't fail without attributes */
        return all;
}

struct swb_connections *swb_connections_free(struct swb_connections *all)
{
        if (!all)
                return NULL;
        swb_assert(!all->first);
        (void)pthread_mutex_destroy(&all->lock);
        free(all);
        return NULL;
}

struct swb_connection *swb_connection_begin(struct swb_connections *all, int fd)
{
        struct swb_connection *connection = calloc(1, sizeof(*connection));

        if (!connection)
                return NULL;
        connection->fd = fd;
        connection->began_usec = now_usec();
        connection->deadline_usec = connection->began_usec + all->timeout_usec;
        (void)pthread_mutex_lock(&all->lock);
        connection->next = all->first;
        if (all->first)
                all->first->previous = connection;
        all->first = connection;
        (void)pthread_mutex_unlock(&all->lock);
        return connection;
}

void swb_connection_end(struct swb_connections *all, struct swb_connection *connection)
{
        (void)pthread_mutex_lock(&all->lock);
        if (connection->previous)
                connection->previous->next = connection->next;
        else
                all->first = connection->next;
        if (connection->next)
                connection->next->previous = connection->previous;
        (void)pthread_mutex_unlock(&all->lock);
        free(connection);
}

void swb_connection_pause(struct swb_connections *all, struct swb_connection *connection,
                          bool is_long)
{
        (void)pthread_mutex_lock(&all->lock);
        connection->deadline_usec = NO_DEADLINE;
        connection->has_asked = true;
        connection->is_long = is_long;
        (void)pthread_mutex_unlock(&all->lock);
}

void swb_connection_resume(struct swb_connections *all, struct swb_connection *connection)
{
        uint64_t deadline_usec = now_usec() + all->timeout_usec;

        (void)pthread_mutex_lock(&all->lock);
        connection->deadline_usec = deadline_usec;
        (void)pthread_mutex_unlock(&all->lock);
}

static bool owes(const struct swb_connection *c, uint64_t now, uint64_t new_usec)
{
        char byte;

        if (c->deadline_usec == NO_DEADLINE)
                return !c->is_long;
        return (!c->has_asked && now - c->began_usec < new_usec) ||
               recv(c->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool swb_connections_owe(struct swb_connections *all, uint64_t new_usec)
{
        uint64_t now = now_usec();
        bool owe = false;

        (void)pthread_mutex_lock(&all->lock);
        for (const struct swb_connection *c = all->first; c && !owe; c = c->next)
                owe = owes(c, now, new_usec);
        (void)pthread_mutex_unlock(&all->lock);
        return owe;
}

unsigned swb_connections_expire(struct swb_connections *all)
{
        uint64_t now = now_usec();
        unsigned n = 0;

        (void)pthread_mutex_lock(&all->lock);
        for (struct swb_connection *c = all->first; c; c = c->next) {
                if (c->deadline_usec > now)
                        continue;
                /* Only shut down: the descriptor's number stays taken until its owner closes it. */
                (void)shutdown(c->fd, SHUT_RDWR);
                c->deadline_usec = NO_DEADLINE;
                n++;
        }
        (void)pthread_mutex_unlock(&all->lock);
        return n;
}
