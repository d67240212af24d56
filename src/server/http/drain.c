/* SPDX-License-Identifier: Apache-2.0 */
/* A server that ends answers what it has taken: whoever has connected was told so by the kernel,
 * and may wait for an answer already. */
#include <poll.h>

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

static void stop_listening(struct swb_service *service)
{
        const union MHD_DaemonInfo *info =
                MHD_get_daemon_info(service->daemon, MHD_DAEMON_INFO_LISTEN_FD);
        int fd;

        for (unsigned waited = 0; waited < ACCEPT_USEC && info && has_waiting(info->listen_fd);
             waited += PAUSE_USEC)
                pause_shortly();
        fd = MHD_quiesce_daemon(service->daemon);
        if (fd >= 0)
                (void)swb_close(fd);
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
