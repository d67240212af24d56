/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * base/options.h - one table per program: parsing, usage, --help and the man page check
 *
 * A program is either a list of verbs ("swb-pack delta …"), each with its own option table, or a
 * single action (verbs == NULL). --help and --version are understood everywhere; every program
 * also takes the global options of its table, before the verb and behind it. A name that is both a
 * global option's and a verb's is the verb's when it stands behind it.
 *
 * The values are written straight into variables of the caller, which hold the defaults before the
 * call: option variables are the one kind of mutable file-scope state that bin/ may have.
 */
#include <stdint.h>

#include "base/error.h"

enum swb_opt_type {
        SWB_OPT_FLAG,     /* bool: no argument, sets true */
        SWB_OPT_STRING,   /* const char *: borrowed from argv */
        SWB_OPT_U64,      /* uint64_t: decimal */
        SWB_OPT_SIZE,     /* uint64_t: bytes, suffix K M G T */
        SWB_OPT_DURATION, /* uint64_t: microseconds, suffix s m h d */
        SWB_OPT_LIST,     /* struct swb_opt_list: may be given several times */
};

struct swb_opt_list {
        const char *items[64]; /* borrowed from argv */
        size_t n;
};

struct swb_opt {
        char short_name;  /* 0: none */
        const char *name; /* long name without dashes; NULL ends the table */
        enum swb_opt_type type;
        void *value;
        const char *argument; /* name shown in the help ("FILE"); NULL for a flag */
        bool required;
        const char *help; /* one sentence, lower case, no full stop */
};

struct swb_verb {
        const char *name;      /* NULL ends the list */
        const char *arguments; /* positional arguments in the usage line ("[OLD] NEW"), or "" */
        int n_min, n_max;      /* how many positional arguments; n_max < 0: no limit */
        const char *summary;   /* one line */
        const struct swb_opt *options; /* may be NULL */
        int (*run)(int n_args, char **args, struct swb_error *err);
};

struct swb_program {
        const char *name;
        const char *summary;
        const struct swb_verb *verbs;  /* several verbs, or one without a name */
        const struct swb_opt *options; /* global options, may be NULL */
        const char *footer;            /* further text at the end of --help, may be NULL */
        void (*ready)(void); /* called after parsing, before run (set up logging …), may be NULL */
};

/* Exit status of all programs. */
#define SWB_EXIT_OK 0
#define SWB_EXIT_FAILURE 1
#define SWB_EXIT_USAGE 2

/*
 * Parses, runs the verb, prints its error to standard error as "NAME: text". A verb's `run`
 * returns < 0 with err filled, or the exit status (0 .. 125).
 * Return: the process's exit status.
 */
int swb_program_main(const struct swb_program *program, int argc, char **argv);
