/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-install/install.h - what the command line says, and the program's one action */
#include "base/options.h"

#define INSTALL_LIMIT_UNSET UINT64_MAX

struct install_options {
        struct swb_opt_list slots, sources; /* "NAME=PATH" each */
        const char *keys;
        uint64_t required_signatures;
        const char *state;
        const char *input; /* NULL: standard input */
        const char *payload_hash;
        uint64_t payload_bytes;
        const char *expect_version;
        uint64_t min_timestamp;
        const char *control;                /* number of an inherited file descriptor */
        uint64_t checkpoint_bytes;          /* 0: as the installer thinks right */
        uint64_t memory_limit;              /* INSTALL_LIMIT_UNSET: as open_memory has it */
        uint64_t open_memory, open_scratch; /* for opened contents */
        bool pieces;
        bool print_offset;
        bool print_abilities;
        bool foreground;
        uint64_t cores;
        bool verbose;
};

/* The verb's action; see swb_program_main(). */
int install_run(const struct install_options *options, struct swb_error *err);
