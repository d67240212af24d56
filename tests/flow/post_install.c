/* SPDX-License-Identifier: Apache-2.0 */
/* The new system's own program, in tests: does what /order in its root says. Linked statically. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

static void say(const char *line)
{
        if (write(3, line, strlen(line)) < 0)
                exit(99);
}

/* Each of these must fail; the number of the first that does not. */
static int try_walls(void)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
        int fd = socket(AF_INET, SOCK_DGRAM, 0);

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
                return 10;
        if (open("/made", O_WRONLY | O_CREAT, 0600) >= 0)
                return 11;
        if (mount("tmpfs", "/tmp", "tmpfs", 0, NULL) == 0)
                return 12;
        if (setuid(0) == 0 || geteuid() == 0)
                return 13;
        if (open("/proc/sys/kernel/hostname", O_WRONLY) >= 0)
                return 14;
        if (access("/etc/passwd", F_OK) == 0 || access("/../etc/passwd", F_OK) == 0)
                return 15;
        if (getppid() != 1)
                return 16;
        if (open("/dev/null", O_RDWR) < 0 || open("/tmp/made", O_WRONLY | O_CREAT, 0600) < 0)
                return 17;
        return strcmp(getenv("SWB_OLD_VERSION"), "1.0") == 0 &&
                               strcmp(getenv("SWB_NEW_VERSION"), "1.1") == 0 &&
                               strcmp(getenv("SWB_SLOT"), "B") == 0
                       ? 0
                       : 18;
}

int main(void)
{
        char order[32] = "";
        FILE *file = fopen("/order", "r");

        if (!file || !fgets(order, sizeof(order), file))
                return 98;
        if (strcmp(order, "walls") == 0)
                return try_walls();
        if (strcmp(order, "crash") == 0)
                abort();
        if (strcmp(order, "hang") == 0)
                pause();
        if (strcmp(order, "fail") == 0) {
                printf("firmware of the radio\nis too old\n");
                return 3;
        }
        say("progress 0.42\nprogress 0.1\nprogress 7\nprogress nan\nnonsense\n");
        while (access("/go", F_OK) < 0)
                usleep(20000);
        return 0;
}
