/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swb-post-install/post_install.h - the parts of the program to each other
 *
 *     cmd-run.c   outside: namespaces, time limit, what the program says
 *     inside.c    process 1 of the new namespaces: gives up all privileges, runs the program
 *     enter.c     makes the new system's root the only files there are
 *     report.c    messages to swbd, or lines for a person
 */
#include "base/options.h"

struct post_install_options {
        const char *root;    /* block device, or a folder */
        const char *place;   /* folder that the root is mounted over, seen by nobody else */
        const char *program; /* path in the new root */
        uint64_t timeout_usec;
        bool optional;
        const char *old_version, *new_version, *slot; /* may be NULL */
        const char *control;                          /* number of an inherited descriptor */
};

/* Ends to write to, above 3. */
struct post_install_pipes {
        int verdict;  /* one struct swb_error, of code 0: all is well */
        int progress; /* becomes the program's 3 */
        int output;   /* becomes its 1 and 2 */
};

/* The verb's action; see swb_program_main(). */
int post_install_run(const struct post_install_options *options, struct swb_error *err);

/* Of a program that can be seen by nobody else afterwards: leaves nothing of the old root. DENIED
 * when the process may not mount. */
int post_install_enter(const char *root, const char *place, struct swb_error *err) _warn_unused_;

/* In process 1 of new namespaces: does all of it, writes the verdict, ends. */
_Noreturn void post_install_inside(const struct post_install_options *options,
                                   const struct post_install_pipes *pipes);

struct report {
        int control_fd; /* -EBADF: a person reads */
        unsigned percent;
};

int report_init(struct report *report, const char *control, struct swb_error *err) _warn_unused_;
/* More than was reported before; anything else is passed over. */
void report_progress(struct report *report, unsigned percent);
void report_outcome(struct report *report, const struct swb_error *failure);
