/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/engine/args.h - the workers' command lines, from configuration, facts and state
 */
#include "device/config/facts.h"
#include "device/engine/state.h"
#include "device/engine/worker.h"
#include "omaha/abilities.h"

/* Events that one swb-fetch report carries at most. */
#define SWB_EVENTS_A_REPORT 8

/* An argument vector that owns its texts. */
struct swb_args {
        char *argv[SWB_WORKER_ARGS_MAX + 1];
        size_t n;
        bool failed; /* out of memory */
};

/* Everything that goes into them, borrowed. */
struct swb_args_from {
        const struct swb_config *config;
        const struct swb_facts *facts;
        const struct swb_state *state;
        const char *abilities; /* of swb-install; "": not known */
};

void swb_args_done(struct swb_args *args);
/* Each fills an empty vector. Return: 0 or NO_MEMORY. */
int swb_args_check(struct swb_args *args, const struct swb_args_from *from, bool by_hand,
                   struct swb_error *err) _warn_unused_;
/* What can swb-install apply? */
int swb_args_abilities(struct swb_args *args, const struct swb_args_from *from,
                       struct swb_error *err) _warn_unused_;
int swb_args_look(struct swb_args *args, const struct swb_args_from *from, const char *url,
                  struct swb_error *err) _warn_unused_;
int swb_args_get(struct swb_args *args, const struct swb_args_from *from, uint64_t offset,
                 struct swb_error *err) _warn_unused_;
/* The first n_events of the queue, at most SWB_EVENTS_A_REPORT. */
int swb_args_report(struct swb_args *args, const struct swb_args_from *from, size_t n_events,
                    struct swb_error *err) _warn_unused_;
int swb_args_install(struct swb_args *args, const struct swb_args_from *from,
                     struct swb_error *err) _warn_unused_;
/* The partition of the configuration is one of the slots': config.c has seen to that. */
int swb_args_post_install(struct swb_args *args, const struct swb_args_from *from,
                          struct swb_error *err) _warn_unused_;
int swb_args_shell(struct swb_args *args, const char *line, struct swb_error *err) _warn_unused_;
