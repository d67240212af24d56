/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/listen.h"

#include <netdb.h>
#include <sys/socket.h>

#define BACKLOG 1024
#define HOST_MAX 255

/* Parts of "HOST:PORT"; HOST may stand in brackets. */
struct place {
        char host[HOST_MAX + 1]; /* "": all addresses */
        const char *port;        /* points into the text */
};

static int split(const char *address, struct place *place, struct swb_error *err)
{
        const char *colon = strrchr(address, ':');
        const char *host = address;
        size_t n_host = colon ? (size_t)(colon - address) : 0;

        if (n_host >= 2 && host[0] == '[' && host[n_host - 1] == ']') {
                host++;
                n_host -= 2;
        } else if (memchr(host, ':', n_host)) {
                colon = NULL; /* a bare IPv6 address has no unambiguous port */
        }
        if (!colon || n_host > HOST_MAX || colon[1] == '\0' ||
            colon[1 + strspn(colon + 1, "0123456789")] != '\0')
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%s' is not ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080",
                                address);
        memcpy(place->host, host, n_host);
        place->host[n_host] = '\0';
        place->port = colon + 1;
        return 0;
}

static int bind_one(const struct addrinfo *info)
{
        _cleanup_close_ int fd =
                socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                       info->ai_protocol);
        const int on = 1;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
                return -errno;
        return SWB_TAKE_FD(fd);
}

static int bind_first(const struct addrinfo *all, const char *address, int *ret_fd,
                      struct swb_error *err)
{
        int fd = -EADDRNOTAVAIL;

        for (const struct addrinfo *info = all; info && fd < 0; info = info->ai_next)
                fd = bind_one(info);
        if (fd < 0)
                return swb_fail(err, fd, SWB_FAULT_NETWORK, "listen on '%s': %s", address,
                                strerror(-fd));
        *ret_fd = fd;
        return 0;
}

static int name_socket(int fd, char *text, struct swb_error *err)
{
        struct sockaddr_storage address;
        socklen_t n = sizeof(address);
        char host[64], port[16];
        int code;

        if (getsockname(fd, (struct sockaddr *)&address, &n) < 0)
                return swb_fail_errno(err, errno, "get the socket's address");
        code = getnameinfo((struct sockaddr *)&address, n, host, sizeof(host), port, sizeof(port),
                           NI_NUMERICHOST | NI_NUMERICSERV);
        if (code != 0)
                return swb_fail(err, -EIO, SWB_FAULT_NETWORK, "name the socket's address: %s",
                                gai_strerror(code));
        (void)snprintf(text, SWB_LISTEN_TEXT_MAX, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
                       port);
        return 0;
}

int swb_listen(const char *address, int *ret_fd, char *ret_text, struct swb_error *err)
{
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                       .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
        _cleanup_close_ int fd = -EBADF;
        struct addrinfo *all = NULL;
        struct place place = {0};
        int code, r;

        r = split(address, &place, err);
        if (r < 0)
                return r;
        code = getaddrinfo(*place.host ? place.host : NULL, place.port, &hints, &all);
        if (code != 0)
                return swb_fail(err, -EADDRNOTAVAIL, SWB_FAULT_NETWORK, "listen on '%s': %s",
                                address, gai_strerror(code));
        r = bind_first(all, address, &fd, err);
        freeaddrinfo(all);
        if (r >= 0)
                r = name_socket(fd, ret_text, err);
        if (r < 0)
                return r;
        *ret_fd = SWB_TAKE_FD(fd);
        return 0;
}
