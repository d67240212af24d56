/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/measure.c - what one command costs
 *
 *     measure FILE COMMAND [ARGUMENT...]
 *
 * Runs the command and writes "WALL USER SYSTEM PEAK" to FILE: microseconds, and the largest
 * resident size of any of its processes in KiB. Exits as the command does. It exists because the
 * kernel counts what a process was before it became the program: a child of the script that draws
 * the tables is never smaller than that script.
 */
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"

static long long microseconds(const struct timeval *time)
{
        return time->tv_sec * 1000000LL + time->tv_usec;
}

static long long now(void)
{
        struct timespec time = {0};

        (void)clock_gettime(CLOCK_MONOTONIC, &time); /* fails for an unknown clock only */
        return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static int write_costs(const char *path, long long wall, const struct rusage *usage)
{
        FILE *file = fopen(path, "we");

        if (!file)
                return -1;
        (void)fprintf(file, "%lld %lld %lld %ld\n", wall, microseconds(&usage->ru_utime),
                      microseconds(&usage->ru_stime), usage->ru_maxrss);
        return fclose(file);
}

int main(int argc, char **argv)
{
        long long start = now();
        struct rusage usage;
        int status;
        pid_t child;

        if (argc < 3)
                return 2;
        child = fork();
        if (child == 0) {
                (void)execvp(argv[2], argv + 2);
                _exit(127);
        }
        if (child < 0 || wait4(child, &status, 0, &usage) != child ||
            write_costs(argv[1], now() - start, &usage) != 0) {
                perror("measure");
                return 125;
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
