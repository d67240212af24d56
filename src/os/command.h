/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/command.h - runs a command to its end, with a time limit and the end of its output
 *
 * Above os/process.h: no input, standard output and error kept together, the last
 * SWB_COMMAND_OUTPUT_MAX bytes of them. When the command ends, or its time is over, all that is
 * left of its process group is killed: nothing stays behind.
 *
 * Two ways: swb_command_run() waits; swb_command_start() gives a descriptor for an event loop.
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_COMMAND_OUTPUT_MAX 1024

struct swb_command_result {
        bool timed_out;                          /* killed because its time was over */
        int exit_status;                         /* 0 .. 255, or -1 when a signal ended it */
        int signal;                              /* 0, or the signal that ended it */
        char output[SWB_COMMAND_OUTPUT_MAX + 1]; /* a NUL in it is shown as '?' */
        size_t n_output;
};

/* Ended by itself with exit status 0. */
static inline bool swb_command_succeeded(const struct swb_command_result *result)
{
        return !result->timed_out && result->exit_status == 0;
}

/* "exit status 3", "killed by signal 11 (Segmentation fault)", "not done when its time was over";
 * returns text. */
#define SWB_COMMAND_TEXT 96
const char *swb_command_describe(const struct swb_command_result *result, char *text);

struct swb_command;

enum { SWB_COMMAND_RUNNING = 0, SWB_COMMAND_ENDED = 1 };

/* argv: as in os/process.h. timeout_usec 0: none. Errors are those of swb_process_start(). */
int swb_command_start(const char *const *argv, uint64_t timeout_usec, struct swb_command **ret,
                      struct swb_error *err) _warn_unused_;
/* Kills it if it still runs. */
struct swb_command *swb_command_free(struct swb_command *command);
SWB_DEFINE_CLEANUP(struct swb_command *, swb_command_free)

/* Readable (level-triggered) when _step() has something to do. Owned by command. */
int swb_command_fd(const struct swb_command *command);
/* Does not block. Return: SWB_COMMAND_RUNNING, or SWB_COMMAND_ENDED with ret written: then only
 * _free(). */
int swb_command_step(struct swb_command *command, struct swb_command_result *ret) _warn_unused_;

/* Starts, waits, frees. 0 however the command ended: see ret. */
int swb_command_run(const char *const *argv, uint64_t timeout_usec, struct swb_command_result *ret,
                    struct swb_error *err) _warn_unused_;
