/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/process.h - start a program as a child process
 *
 * The child gets exactly the descriptors that are named here, all signals at their default and
 * unblocked, a process group of its own (kill(-pid, …) reaches what it starts in turn), and is
 * killed when its parent dies. The caller waits for it.
 */
#include <sys/types.h>

#include "base/error.h"

struct swb_process {
        const char *const *argv; /* argv[0]: path of the program; ends with NULL */
        int input, output;       /* become 0 and 1; -EBADF: /dev/null */
        int errors;              /* becomes 2; -EBADF: ours */
        int extra;               /* becomes SWB_PROCESS_EXTRA_FD; -EBADF: none */
        const char *user; /* it runs as, by name or number (without groups); NULL or "": ours */
};

#define SWB_PROCESS_EXTRA_FD 3
#define SWB_PROCESS_INIT                                                                           \
        ((struct swb_process){.input = -EBADF, .output = -EBADF, .errors = -EBADF, .extra = -EBADF})

/*
 * Returns when the program runs: that it can't be executed is an error here (NOT_FOUND, DENIED …),
 * an unknown user is CONFIG. The descriptors stay the caller's. Does not block longer than exec
 * takes.
 */
int swb_process_start(const struct swb_process *process, pid_t *ret_pid,
                      struct swb_error *err) _warn_unused_;
