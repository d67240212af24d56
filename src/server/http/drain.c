/* SPDX-License-Identifier: Apache-2.0 */
/* A server that ends answers what it has taken: whoever has connected was told so by the kernel,
 * and may wait for an answer already. */
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "os/file.h"
#include "server/http/internal.h"

/* For the connections that wait to be accepted; for the first request of a new one; for all. */
#define ACCEPT_USEC 1000000u
#define NEW_USEC 1000000u
#define DRAIN_USEC 5000000u
#define PAUSE_USEC 2000u
/* So often in a row nobody must be owed anything: between the kernel's list and ours there is a
 * moment in which a connection is in neither. */
#define QUIET_CHECKS 5

static void pause_shortly(void)
{
        const struct timespec pause = {.tv_nsec = PAUSE_USEC * 1000};

        (void)nanosleep(&pause, NULL); /* shorter when a signal comes */
}

static bool has_waiting(int listen_fd)
{
        struct pollfd poll_fd = {.fd = listen_fd, .events = POLLIN};

        return poll(&poll_fd, 1, 0) > 0;
}

/*
 * What is never ready takes the listening socket's place: with its last number the kernel takes the
 * socket out of all epoll sets, and refuses who connects. MHD_quiesce_daemon() would do, but its
 * threads and it may take the socket out of a set both, and then it aborts (in 0.9.75).
 */
static void stop_listening(struct swb_service *service)
{
        const union MHD_DaemonInfo *info =
                MHD_get_daemon_info(service->daemon, MHD_DAEMON_INFO_LISTEN_FD);
        int nothing;

        if (!info)
                return;
        for (unsigned waited = 0; waited < ACCEPT_USEC && has_waiting(info->listen_fd);
             waited += PAUSE_USEC)
                pause_shortly();
        nothing = eventfd(0, EFD_CLOEXEC);
        if (nothing < 0)
                return; /* then MHD_stop_daemon() ends it, with all else */
        (void)dup3(nothing, info->listen_fd, O_CLOEXEC);
        (void)swb_close(nothing);
}

void swb_service_drain(struct swb_service *service)
{
        unsigned n_quiet = 0;

        stop_listening(service);
        for (unsigned waited = 0; waited < DRAIN_USEC && n_quiet < QUIET_CHECKS;
             waited += PAUSE_USEC) {
                pause_shortly();
                n_quiet = swb_connections_owe(service->connections, NEW_USEC) ? 0 : n_quiet + 1;
        }
}
