/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/sandbox.h - which system calls this process may make from now on (seccomp)
 *
 * An allow list: what every program needs (memory, time, signals, descriptors that are open) and
 * what the rules name. Everything else fails with ENOSYS, as on a kernel without it: so a library
 * that tries something newer falls back on what it did before, instead of dying.
 *
 * Holds for the rest of the process's life and for its threads. Needs no new privileges (prctl),
 * no root. The only user of libseccomp, which knows the numbers of each architecture.
 */
#include <stdint.h>

#include "base/error.h"

struct swb_sandbox_rules {
        const char *const *calls; /* further calls by name, ends with NULL; one that this
                                     architecture does not have is passed over */
        const int *families;      /* that socket() may be called with; none: no sockets at all */
        size_t n_families;
        const unsigned long *ioctls; /* requests that ioctl() may be called with */
        size_t n_ioctls;
        bool may_map_code; /* executable memory, which shared libraries need that are loaded later
                            */
};

/* Return: 1 when it holds, 0 when the kernel, or a build without libseccomp, can't. */
int swb_sandbox_enter(const struct swb_sandbox_rules *rules, struct swb_error *err) _warn_unused_;
